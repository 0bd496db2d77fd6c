/**
 * A button that opens something small to look at and to act on, below it: it goes by Escape, by a
 * click elsewhere, or by the button again.
 */

import { element } from "./dom.js";
import { place } from "./menu.js";

export class Popover {
  #anchor;
  #box;

  /** @type {() => void} it has just been opened, or closed */
  onchange = () => {};

  /**
   * @param {HTMLButtonElement} anchor
   * @param {string} label of what it shows
   * @param {...HTMLElement} content
   */
  constructor(anchor, label, ...content) {
    this.#anchor = anchor;
    this.#box = element(
      "div",
      { className: "popover", attributes: { popover: "auto", role: "dialog", "aria-label": label } },
      ...content,
    );
    // The button opens it for the browser too: a click on it is none beside the popover.
    anchor.popoverTargetElement = this.#box;
    anchor.setAttribute("aria-expanded", "false");
    anchor.after(this.#box);
    this.#box.addEventListener("toggle", () => {
      anchor.setAttribute("aria-expanded", String(this.isOpen));
      if (this.isOpen) place(this.#box, anchor.getBoundingClientRect());
      this.onchange();
    });
  }

  get isOpen() {
    return this.#box.matches(":popover-open");
  }

  /** Its content has another size. */
  refit() {
    if (this.isOpen) place(this.#box, this.#anchor.getBoundingClientRect());
  }

  close() {
    if (this.isOpen) this.#box.hidePopover();
  }
}
