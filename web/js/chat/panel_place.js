/**
 * Where the channel stands: beside the terminals, as wide as one likes; over them on a phone.
 */

import { element } from "../ui/dom.js";

const NARROWEST = 260;
const STEP = 24;
/** The terminals keep at least so much of the width. */
const LEFT_OVER = 320;

/** Narrower pages have it as a drawer: see ``chat.css``. */
const DRAWER = "(max-width: 48rem)";

export class PanelPlace {
  #panel;
  #preferences;
  #handle;
  #veil;
  #isDrawerOpen = false;
  #drawer = matchMedia(DRAWER);
  /** The user has just asked for it, rather than found it there. */
  isAsked = false;
  onchange = () => {};

  /**
   * @param {HTMLElement} panel
   * @param {import("../page/preferences.js").Preferences} preferences
   * @param {AbortSignal} signal
   */
  constructor(panel, preferences, signal) {
    this.#panel = panel;
    this.#preferences = preferences;
    this.#handle = element("div", {
      className: "panel-handle",
      title: "Drag to change the width",
      attributes: {
        role: "separator",
        tabindex: "0",
        "aria-orientation": "vertical",
        "aria-label": "Width of the channel",
        "aria-controls": panel.id,
      },
    });
    this.#veil = element("div", { className: "panel-veil", on: { click: () => this.close() } });
    panel.before(this.#veil);
    panel.append(this.#handle);
    this.#handle.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#handle.addEventListener("keydown", (event) => this.#keyed(event));
    panel.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Escape" && !event.isComposing) this.close();
      },
      { signal },
    );
    this.#drawer.addEventListener("change", () => this.#show(), { signal });
    addEventListener("resize", () => this.#setWidth(), { signal });
    preferences.changed.add((name) => {
      if (name === "chatWidth") this.#setWidth();
    }, signal);
    signal.addEventListener("abort", () => this.#veil.remove());
    this.#show();
  }

  /** A drawer is never open when the page comes: it would hide the terminal. */
  get isOpen() {
    return this.#drawer.matches ? this.#isDrawerOpen : this.#preferences.get("isChatOpen");
  }

  toggle() {
    this.#open(!this.isOpen);
  }

  close() {
    if (this.isOpen) this.#open(false);
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.#isDrawerOpen = isOpen;
    if (!this.#drawer.matches) this.#preferences.set("isChatOpen", isOpen);
    this.isAsked = true;
    this.#show();
    this.isAsked = false;
  }

  #show() {
    this.#panel.hidden = !this.isOpen;
    this.#veil.hidden = !(this.isOpen && this.#drawer.matches);
    this.#setWidth();
    this.onchange();
  }

  // --- its width

  get #widest() {
    return Math.max(NARROWEST, innerWidth - LEFT_OVER);
  }

  #setWidth() {
    const width = Math.min(this.#preferences.get("chatWidth"), this.#widest);
    this.#panel.style.setProperty("--chat-width", `${Math.max(NARROWEST, width)}px`);
    this.#handle.setAttribute("aria-valuenow", String(width));
    this.#handle.setAttribute("aria-valuemin", String(NARROWEST));
    this.#handle.setAttribute("aria-valuemax", String(this.#widest));
  }

  /** @param {number} width */
  #resize(width) {
    this.#preferences.set("chatWidth", Math.round(Math.min(Math.max(width, NARROWEST), this.#widest)));
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    event.preventDefault();
    this.#handle.setPointerCapture(event.pointerId);
    const right = this.#panel.getBoundingClientRect().right;
    const move = (/** @type {PointerEvent} */ { clientX }) => this.#resize(right - clientX);
    this.#handle.addEventListener("pointermove", move);
    this.#handle.addEventListener("lostpointercapture", () => this.#handle.removeEventListener("pointermove", move), {
      once: true,
    });
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#resize(this.#preferences.get("chatWidth") + step);
  }
}
