/**
 * What a tab or a pane shows of its terminal beside the title: that it has printed, rung, how far it
 * is, how it ended.
 */

import { element } from "../ui/dom.js";

/** @typedef {import("../wire.js").Exit} Exit */
/**
 * @typedef {object} Marks
 * @property {boolean} [hasNews] it has printed what nobody here has seen
 * @property {boolean} [hasBell] it has rung
 * @property {{ state: string, percent?: number } | undefined} [progress] see ``progress`` in docs/wire.md
 * @property {Exit | null | undefined} [exit] how its program ended
 */

const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 5;
const ROUND = 2 * Math.PI * RADIUS;

/** @param {Exit} exit */
export function exitText({ code, signal }) {
  if (signal !== undefined) return `signal ${signal}`;
  return code === undefined ? "gone" : `exit ${code}`; // gone with its server
}

/**
 * @param {Marks} marks
 * @returns {string} for people who do not see them; empty where there is nothing to say
 */
export function describe({ hasNews = false, hasBell = false, progress, exit }) {
  const said = [];
  if (exit) said.push(`ended, ${exitText(exit)}`);
  else if (progress !== undefined && progress.state !== "none") {
    const how = { error: "failed", paused: "paused" }[progress.state] ?? "working";
    said.push(progress.percent === undefined ? how : `${how}, ${progress.percent} per cent`);
  }
  if (hasBell) said.push("has rung");
  else if (hasNews) said.push("has printed");
  return said.join(", ");
}

export class MarksView {
  #said = "";
  element = element("span", { className: "marks" });
  #text = element("span", { className: "visually-hidden" });

  /** @param {Marks} marks */
  show(marks) {
    const key = JSON.stringify([marks.progress, marks.exit, marks.hasBell, marks.hasNews]);
    if (key === this.#said) return;
    this.#said = key;
    const { progress, exit } = marks;
    const parts = [];
    if (exit) {
      const failed = exit.code !== 0;
      parts.push(element("span", { className: failed ? "mark-exit bad" : "mark-exit", text: exitText(exit) }));
    } else if (progress !== undefined && progress.state !== "none") {
      parts.push(ring(progress.state, progress.percent));
    }
    if (marks.hasBell) parts.push(element("span", { className: "mark-bell" }));
    else if (marks.hasNews) parts.push(element("span", { className: "mark-news" }));
    for (const part of parts) part.setAttribute("aria-hidden", "true");
    const text = describe(marks);
    this.#text.textContent = text === "" ? "" : `, ${text}`;
    this.element.replaceChildren(...parts, this.#text);
  }
}

/** @param {string} state @param {number} [percent] @returns {SVGSVGElement} a ring that fills */
function ring(state, percent) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "mark-ring");
  svg.setAttribute("viewBox", "0 0 14 14");
  svg.dataset["state"] = percent === undefined ? "indeterminate" : state;
  for (const name of ["mark-ring-ground", "mark-ring-part"]) {
    const circle = document.createElementNS(SVG, "circle");
    for (const at of ["cx", "cy"]) circle.setAttribute(at, "7");
    circle.setAttribute("r", String(RADIUS));
    circle.setAttribute("class", name);
    const part = name === "mark-ring-part" ? ((percent ?? 25) / 100) * ROUND : ROUND;
    circle.setAttribute("stroke-dasharray", `${part} ${ROUND}`);
    svg.append(circle);
  }
  return svg;
}
