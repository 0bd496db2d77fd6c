/**
 * A bar of keys that touch keyboards do not have. It never takes the focus: the keyboard stays.
 */

import { element } from "../ui/dom.js";
import { sequenceOf } from "./keys.js";

/** @typedef {import("./modifiers.js").Modifiers} Modifiers */
/** @typedef {import("./modifiers.js").ModifierName} ModifierName */
/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

/** How long a key is held until it repeats, and how often then. */
const REPEAT_AFTER_MS = 400;
const REPEAT_MS = 60;

/** @type {{ key: string, text: string, label?: string, repeats?: boolean }[]} */
const KEYS = [
  { key: "Escape", text: "Esc", label: "Escape" },
  { key: "Tab", text: "Tab" },
];
const ARROWS = [
  { key: "Left", text: "←", label: "Left", repeats: true },
  { key: "Down", text: "↓", label: "Down", repeats: true },
  { key: "Up", text: "↑", label: "Up", repeats: true },
  { key: "Right", text: "→", label: "Right", repeats: true },
];
const MORE = [
  ...["|", "/", "-", "~", "_", "*", "&", "$", "`", "\\", "{", "}", "[", "]", "<", ">"].map((key) => ({ key, text: key })),
  { key: "Home", text: "Home" },
  { key: "End", text: "End" },
  { key: "PageUp", text: "PgUp", label: "Page up", repeats: true },
  { key: "PageDown", text: "PgDn", label: "Page down", repeats: true },
  { key: "Insert", text: "Ins", label: "Insert" },
  { key: "Delete", text: "Del", label: "Delete", repeats: true },
  ...Array.from({ length: 12 }, (_, index) => ({ key: `F${index + 1}`, text: `F${index + 1}` })),
];

export class KeyBar {
  #host;
  #modifiers;
  #active;
  #preferences;
  #isCoarse = matchMedia("(pointer: coarse)");
  #more = element("div", { className: "keys keys-more", attributes: { hidden: true } });

  /**
   * @param {HTMLElement} host
   * @param {object} what
   * @param {Modifiers} what.modifiers
   * @param {() => TerminalPane | null} what.active
   * @param {import("../page/preferences.js").Preferences} what.preferences
   * @param {AbortSignal} what.signal
   */
  constructor(host, { modifiers, active, preferences, signal }) {
    this.#host = host;
    this.#modifiers = modifiers;
    this.#active = active;
    this.#preferences = preferences;
    this.#isCoarse.addEventListener("change", () => this.#show(), { signal });
    preferences.changed.add((name) => name === "keyBar" && this.#show(), signal);
    // The keyboard stays open only while its field has the focus.
    host.addEventListener("pointerdown", (event) => event.preventDefault(), { signal });
    host.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    this.#show();
  }

  #show() {
    const wanted = this.#preferences.get("keyBar");
    const isShown = wanted === "always" || (wanted !== "never" && this.#isCoarse.matches);
    this.#host.replaceChildren();
    if (!isShown) return;
    const row = element("div", {
      className: "keys",
      attributes: { role: "toolbar", "aria-label": "Keys" },
    });
    row.append(
      ...KEYS.map((key) => this.#key(key)),
      this.#modifier("ctrl", "Ctrl"),
      this.#modifier("alt", "Alt"),
      ...ARROWS.map((key) => this.#key(key)),
      this.#act("Paste", () => void this.#active()?.pasteFromClipboard()),
      this.#toggleMore(),
    );
    this.#more.replaceChildren(...MORE.map((key) => this.#key(key)));
    this.#host.append(this.#more, row);
  }

  /** @param {{ key: string, text: string, label?: string, repeats?: boolean }} key */
  #key({ key, text, label = text, repeats = false }) {
    const made = element("button", { className: "key", text, attributes: { type: "button", "aria-label": label, tabindex: "-1" } });
    let timer = 0;
    const stop = () => clearTimeout(timer);
    made.addEventListener("pointerdown", () => {
      this.#send(key);
      if (!repeats) return;
      const again = () => {
        this.#send(key);
        timer = window.setTimeout(again, REPEAT_MS);
      };
      timer = window.setTimeout(again, REPEAT_AFTER_MS);
    });
    for (const type of ["pointerup", "pointercancel", "pointerleave"]) made.addEventListener(type, stop);
    // A screen reader, or a keyboard, clicks without a pointer.
    made.addEventListener("click", (event) => event.detail === 0 && this.#send(key));
    return made;
  }

  /** @param {string} key */
  #send(key) {
    const pane = this.#active();
    if (pane === null) return;
    const sequence = sequenceOf(key, this.#modifiers.take(), pane.view.isApplicationCursor);
    pane.type(new TextEncoder().encode(sequence));
  }

  /** @param {ModifierName} name @param {string} text */
  #modifier(name, text) {
    const made = element("button", { className: "key", text, attributes: { type: "button", tabindex: "-1" } });
    const show = () => {
      const state = this.#modifiers.state(name);
      made.setAttribute("aria-pressed", String(state !== "up"));
      made.dataset["held"] = state;
    };
    made.addEventListener("click", () => this.#modifiers.tap(name));
    this.#modifiers.changed.add(show);
    show();
    return made;
  }

  /** @param {string} text @param {() => void} act */
  #act(text, act) {
    return element("button", {
      className: "key",
      text,
      attributes: { type: "button", tabindex: "-1" },
      on: { click: act },
    });
  }

  #toggleMore() {
    const made = this.#act("More", () => {
      this.#more.hidden = !this.#more.hidden;
      made.setAttribute("aria-expanded", String(!this.#more.hidden));
    });
    made.setAttribute("aria-expanded", "false");
    return made;
  }
}
