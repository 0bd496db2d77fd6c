/**
 * Where the terminals of the tab in front are, and the lines between them, which are moved by
 * pointer or by arrow keys (WAI-ARIA's window splitter pattern).
 */

import { element } from "../ui/dom.js";
import * as layouts from "./layout.js";

/** @typedef {import("./layout.js").Box} Box */
/** @typedef {import("./layout.js").Divider} Divider */

/** How far an arrow key moves a line, in parts of the split. */
const STEP = 0.02;

/** @param {HTMLElement} part @param {Box} box */
function place(part, { x, y, width, height }) {
  part.style.left = `${x * 100}%`;
  part.style.top = `${y * 100}%`;
  part.style.width = `${width * 100}%`;
  part.style.height = `${height * 100}%`;
}

export class SplitView {
  #zone = element("div", { className: "drop-zone", attributes: { "aria-hidden": "true" } });
  /** @type {Map<string, DividerView>} */
  #dividers = new Map();
  /** @type {Map<string, Box>} */
  #boxes = new Map();

  /** @type {(divider: Divider, by: number) => void} a line is moved */
  onresize = () => {};
  /** @type {() => void} all parts should have the same place */
  oneven = () => {};

  element = element("div", { className: "splits", attributes: { id: "splits", role: "tabpanel" } });

  /**
   * @param {import("./arrangement.js").Tab | null} tab
   * @param {Map<string, HTMLElement>} frames of the terminals that are on the page, shown or not
   */
  show(tab, frames) {
    this.#boxes = new Map();
    if (tab !== null) {
      const alone = tab.isZoomed ? layouts.pane(tab.active) : tab.layout;
      this.#boxes = layouts.boxesOf(alone);
      this.element.setAttribute("aria-labelledby", `tab-${tab.id}`);
    }
    this.element.toggleAttribute("data-split", this.#boxes.size > 1);
    for (const [terminal, frame] of frames) {
      const box = this.#boxes.get(terminal);
      frame.hidden = box === undefined;
      if (box !== undefined) place(frame, box);
    }
    this.#drawDividers(tab === null || tab.isZoomed ? [] : layouts.dividersOf(tab.layout));
  }

  /** @param {Divider[]} dividers */
  #drawDividers(dividers) {
    const keys = new Set();
    for (const divider of dividers) {
      const key = [divider.axis, ...divider.path, divider.index].join("/");
      keys.add(key);
      let view = this.#dividers.get(key);
      if (view === undefined) {
        view = new DividerView(this, divider);
        this.#dividers.set(key, view);
        this.element.append(view.element);
      }
      view.show(divider);
    }
    for (const [key, view] of this.#dividers) {
      if (keys.has(key)) continue;
      view.element.remove();
      this.#dividers.delete(key);
    }
  }

  // --- dragging terminals

  /**
   * @param {number} x @param {number} y in CSS pixels of the page
   * @returns {{ terminal: string, x: number, y: number } | null} which terminal is there, and where in it, 0..1
   */
  at(x, y) {
    const whole = this.element.getBoundingClientRect();
    const [across, down] = [(x - whole.left) / whole.width, (y - whole.top) / whole.height];
    for (const [terminal, box] of this.#boxes) {
      const [inX, inY] = [(across - box.x) / box.width, (down - box.y) / box.height];
      if (inX >= 0 && inX < 1 && inY >= 0 && inY < 1) return { terminal, x: inX, y: inY };
    }
    return null;
  }

  /** Shows where something would be dropped. @param {string} terminal @param {layouts.Side | null} side */
  mark(terminal, side) {
    const box = this.#boxes.get(terminal);
    if (box === undefined) return;
    const zone = { ...box };
    if (side === "left" || side === "right") zone.width /= 2;
    if (side === "up" || side === "down") zone.height /= 2;
    if (side === "right") zone.x += zone.width;
    if (side === "down") zone.y += zone.height;
    place(this.#zone, zone);
    if (!this.#zone.isConnected) this.element.append(this.#zone);
  }

  unmark() {
    this.#zone.remove();
  }
}

/** A line between two parts. */
class DividerView {
  #owner;
  #divider;

  /** @param {SplitView} owner @param {Divider} divider */
  constructor(owner, divider) {
    this.#owner = owner;
    this.#divider = divider;
    const isRow = divider.axis === "row";
    this.element = element("div", {
      className: "divider",
      title: "Drag to resize; double click to even out",
      attributes: {
        role: "separator",
        tabindex: "0",
        "aria-label": isRow ? "Border between left and right" : "Border between top and bottom",
        "aria-orientation": isRow ? "vertical" : "horizontal",
      },
    });
    this.element.dataset["axis"] = divider.axis;
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("dblclick", () => owner.oneven());
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.element.setPointerCapture(event.pointerId);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) this.#drag(event);
    });
  }

  /** @param {Divider} divider */
  show(divider) {
    this.#divider = divider;
    const { axis, box, share } = divider;
    const line =
      axis === "row"
        ? { ...box, x: box.x + box.width * share, width: 0 }
        : { ...box, y: box.y + box.height * share, height: 0 };
    this.element.style.left = `${line.x * 100}%`;
    this.element.style.top = `${line.y * 100}%`;
    if (axis === "row") this.element.style.height = `${line.height * 100}%`;
    else this.element.style.width = `${line.width * 100}%`;
    this.element.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }

  /** @param {PointerEvent} event */
  #drag({ clientX, clientY }) {
    const { axis, box, share } = this.#divider;
    const whole = this.#owner.element.getBoundingClientRect();
    const at =
      axis === "row"
        ? (clientX - whole.left - box.x * whole.width) / (box.width * whole.width)
        : (clientY - whole.top - box.y * whole.height) / (box.height * whole.height);
    this.#owner.onresize(this.#divider, at - share);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const isRow = this.#divider.axis === "row";
    const by = {
      [isRow ? "ArrowLeft" : "ArrowUp"]: -STEP,
      [isRow ? "ArrowRight" : "ArrowDown"]: STEP,
      Home: -1,
      End: 1,
    }[event.key];
    if (event.key === "Enter") this.#owner.oneven();
    else if (by !== undefined) this.#owner.onresize(this.#divider, by);
    else return;
    event.preventDefault();
  }
}
