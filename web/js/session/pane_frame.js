/**
 * What is around a terminal's pane: where it is split, a line with its title, by which it is moved.
 */

import { element, iconButton } from "../ui/dom.js";
import { MarksView } from "./marks.js";

/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

export class PaneFrame {
  #title = element("span", { className: "frame-title" });
  #marks = new MarksView();
  #zoom;

  /**
   * @param {TerminalPane} pane
   * @param {{ zoom: () => void, close: () => void }} deeds
   */
  constructor(pane, { zoom, close }) {
    this.pane = pane;
    this.#zoom = iconButton("zoom", "Show this terminal alone", zoom, "frame-button");
    this.head = element(
      "header",
      { className: "frame-head" },
      this.#marks.element,
      this.#title,
      this.#zoom,
      iconButton("close", "Close this terminal", close, "frame-button"),
    );
    const place = element("div", { className: "frame-place" }, pane.element);
    this.element = element("div", { className: "frame" }, this.head, place);
  }

  /**
   * @param {object} state
   * @param {string} state.title
   * @param {import("./marks.js").Marks} state.marks
   * @param {boolean} state.isActive whether it has the keyboard
   * @param {boolean} state.isZoomed whether it hides others of its tab
   */
  show({ title, marks, isActive, isZoomed }) {
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.#marks.show(marks);
    this.element.toggleAttribute("data-active", isActive);
    this.element.toggleAttribute("data-zoomed", isZoomed);
    this.pane.element.toggleAttribute("data-active", isActive);
    this.#zoom.setAttribute("aria-pressed", String(isZoomed));
  }

  dispose() {
    this.pane.dispose();
    this.element.remove();
  }
}
