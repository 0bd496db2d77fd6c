/**
 * A tool that an answer uses: what it is to do, whether it may, and what came of it.
 */

import { button, element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { resultOf } from "./output.js";

/** @typedef {import("../session/model.js").CallBlock} CallBlock */

export class CallView {
  #summary = element("span", { className: "call-what" });
  #outcome = element("span", { className: "call-outcome" });
  #output = element("pre", { className: "output", attributes: { tabindex: "0", "aria-label": "Output" } });
  #details;
  #question = element("p", { text: "May this be done?" });
  #buttons = element("div", { className: "call-buttons" });
  #approve;
  #shown = "";

  /** @param {(callID: string, approved: boolean) => void} approve */
  constructor(approve) {
    this.#approve = approve;
    this.#details = element(
      "details",
      { className: "call" },
      element("summary", {}, icon("down"), this.#summary, this.#outcome),
      this.#question,
      this.#buttons,
      this.#output,
    );
    this.element = this.#details;
  }

  /** @param {CallBlock} call @param {boolean} isOver the answer has ended @param {boolean} mayApprove */
  show(call, isOver, mayApprove) {
    const state = stateOf(call, isOver);
    const { tool, input, output } = call;
    const { outcome, text } = resultOf(output ?? "");
    const key = JSON.stringify([state, outcome, text.length, mayApprove]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#summary.replaceChildren(...whatItDoes(tool, input));
    this.#details.dataset["state"] = state;
    this.#outcome.textContent = outcome || STATES[state];
    this.#output.textContent = text;
    this.#output.hidden = text === "";
    this.#question.hidden = state !== "asks";
    this.#question.textContent = mayApprove ? "May this be done?" : "Waits until somebody who may allows it.";
    this.#buttons.replaceChildren();
    if (state === "asks" && mayApprove) {
      this.#buttons.append(
        button("Approve", () => this.#approve(call.callID, true), "primary"),
        button("Deny", () => this.#approve(call.callID, false)),
      );
    }
    // What was asked, and what went wrong, is to be seen at once.
    if (state === "asks" || (state === "failed" && text !== "")) this.#details.open = true;
    this.#details.toggleAttribute("data-empty", state !== "asks" && text === "");
  }
}

const STATES = Object.freeze({
  asks: "asks",
  runs: "running",
  stopped: "stopped",
  refused: "denied",
  failed: "failed",
  done: "done",
});

/** @param {CallBlock} call @param {boolean} isOver @returns {keyof typeof STATES} */
function stateOf({ needsApproval, approved, output, failed }, isOver) {
  if (output === null) return isOver ? "stopped" : needsApproval ? "asks" : "runs";
  if (approved === false) return "refused";
  return failed ? "failed" : "done";
}

/** @param {string} tool @param {Record<string, string>} input */
function whatItDoes(tool, input) {
  const { command, cwd, ...others } = input;
  if (command !== undefined) {
    const where = cwd === undefined ? null : element("span", { className: "call-where", text: cwd });
    return [element("code", { text: `$ ${command}` }), ...(where === null ? [] : [where])];
  }
  const values = Object.values(others).map((text) => element("code", { text: visible(text) }));
  return [element("span", { className: "call-tool", text: tool.replaceAll("_", " ") }), ...values];
}

/** @param {string} text keys, of which some cannot be seen */
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f]/g, (char) => CODES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** @type {Record<string, string>} */
const CODES = { "\r": "⏎", "\n": "⏎", "\t": "⇥", "\x1b": "␛", "\x03": "^C", "\x04": "^D" };
