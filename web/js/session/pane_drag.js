/**
 * Dragging tabs and panes by mouse, pen or finger (which has to rest on it first, since moving at
 * once scrolls): along the strip, onto the edge of a pane, and back out into the strip.
 */

import { element } from "../ui/dom.js";
import { sideAt } from "./layout.js";

/** @typedef {import("./split_view.js").SplitView} SplitView */
/** @typedef {import("./tab_strip.js").TabStrip} TabStrip */
/** @typedef {import("./arrangement.js").Subject} Subject */
/** @typedef {import("./arrangement.js").Target} Target */

/** So far, in CSS pixels, a pointer moves before it drags. */
const SLACK = 6;

/** So long, in milliseconds, a finger rests before it drags. */
const HOLD_MS = 350;

export class PaneDrag {
  #strip;
  #splits;
  #signal;
  #ghost = element("div", { className: "drag-ghost", attributes: { "aria-hidden": "true" } });

  /** @type {(subject: Subject, target: Target) => void} */
  ondrop = () => {};
  /** @type {(subject: Subject, target: { terminal: string }) => boolean} whether it may be put there */
  mayDrop = () => true;

  /**
   * @param {TabStrip} strip
   * @param {SplitView} splits
   * @param {AbortSignal} signal
   */
  constructor(strip, splits, signal) {
    this.#strip = strip;
    this.#splits = splits;
    this.#signal = signal;
  }

  /**
   * Makes an element something to drag.
   * @param {HTMLElement} handle
   * @param {() => { subject: Subject, title: string }} what
   */
  watch(handle, what) {
    handle.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.isPrimary) this.#press(handle, event, what());
    });
  }

  /**
   * @param {HTMLElement} handle
   * @param {PointerEvent} start
   * @param {{ subject: Subject, title: string }} what
   */
  #press(handle, start, { subject, title }) {
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#signal]);
    const isTouch = start.pointerType === "touch";
    /** @type {Target | null} */
    let target = null;
    let isDragging = false;
    const begin = () => {
      isDragging = true;
      this.#ghost.textContent = title;
      document.body.append(this.#ghost);
      document.documentElement.dataset["dragging"] = "";
      this.#follow(start);
    };
    const hold = isTouch ? window.setTimeout(begin, HOLD_MS) : 0;
    signal.addEventListener("abort", () => {
      window.clearTimeout(hold);
      this.#ghost.remove();
      this.#unmark();
      delete document.documentElement.dataset["dragging"];
    });
    const options = { signal, capture: true };
    addEventListener(
      "pointermove",
      (event) => {
        if (event.pointerId !== start.pointerId) return;
        const moved = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
        if (!isDragging && moved > SLACK) {
          if (isTouch) end.abort(); // it scrolls
          else begin();
        }
        if (!isDragging) return;
        event.preventDefault();
        this.#follow(event);
        target = this.#targetAt(event, subject);
      },
      options,
    );
    addEventListener(
      "pointerup",
      (event) => {
        if (event.pointerId !== start.pointerId) return;
        if (isDragging) addEventListener("click", swallow, { capture: true, once: true });
        setTimeout(() => removeEventListener("click", swallow, { capture: true }));
        end.abort();
        if (isDragging && target !== null) this.ondrop(subject, target);
      },
      options,
    );
    addEventListener("pointercancel", () => end.abort(), options);
    addEventListener("contextmenu", (event) => isDragging && event.preventDefault(), options);
    handle.addEventListener("touchmove", (event) => isDragging && event.preventDefault(), {
      signal,
      passive: false,
    });
    addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || !isDragging) return;
        event.preventDefault();
        event.stopPropagation();
        end.abort();
      },
      options,
    );
  }

  /** @param {PointerEvent} event */
  #follow({ clientX, clientY }) {
    this.#ghost.style.transform = `translate(${clientX + 12}px, ${clientY + 12}px)`;
  }

  /** @param {PointerEvent} event @param {Subject} subject @returns {Target | null} */
  #targetAt({ clientX, clientY }, subject) {
    const index = this.#strip.indexAt(clientX, clientY);
    this.#strip.mark(index);
    const at = index === null ? this.#splits.at(clientX, clientY) : null;
    if (at === null || !this.mayDrop(subject, at)) {
      this.#splits.unmark();
      return index === null ? null : { index };
    }
    const side = sideAt(at.x, at.y, "tab" in subject ? 1 : undefined);
    this.#splits.mark(at.terminal, side);
    return { terminal: at.terminal, side };
  }

  #unmark() {
    this.#strip.mark(null);
    this.#splits.unmark();
  }
}

/** The click that follows a drag is none. @param {Event} event */
function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}
