/**
 * Modifiers that stay held until the next key, or until they are let go.
 */

import { Listeners } from "../listeners.js";
import { withHeld } from "./keys.js";

/** @typedef {"ctrl" | "alt"} ModifierName */
/** @typedef {"up" | "once" | "locked"} ModifierState */

export class Modifiers {
  /** @type {Record<ModifierName, ModifierState>} */
  #states = { ctrl: "up", alt: "up" };
  /** @type {Listeners<[]>} */
  changed = new Listeners();

  /** @param {ModifierName} name */
  state(name) {
    return this.#states[name];
  }

  /** A tap holds it for one key, a second one until a third. @param {ModifierName} name */
  tap(name) {
    const next = /** @type {const} */ ({ up: "once", once: "locked", locked: "up" });
    this.#states[name] = next[this.#states[name]];
    this.changed.tell();
  }

  /** What is held now; what was held for one key is let go. */
  take() {
    const held = { ctrl: this.#states.ctrl !== "up", alt: this.#states.alt !== "up" };
    const before = { ...this.#states };
    for (const name of /** @type {const} */ (["ctrl", "alt"])) {
      if (this.#states[name] === "once") this.#states[name] = "up";
    }
    if (before.ctrl !== this.#states.ctrl || before.alt !== this.#states.alt) this.changed.tell();
    return held;
  }

  /**
   * What a keyboard without these modifiers has typed, as if they were held on it.
   * @param {string} text what the emulator would send
   */
  apply(text) {
    const isCharacter = [...text].length === 1 && text >= " ";
    if (!isCharacter || (this.#states.ctrl === "up" && this.#states.alt === "up")) return text;
    return withHeld(text, this.take());
  }
}
