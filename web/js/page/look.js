/**
 * The page's look: light, dark or high contrast, as chosen or as the system says.
 */

import { Listeners } from "../listeners.js";

/** @typedef {"dark" | "light" | "contrast"} LookName */

export class Look {
  #preferences;
  #isLight = matchMedia("(prefers-color-scheme: light)");
  #isContrast = matchMedia("(prefers-contrast: more)");
  /** @type {LookName} */
  #name = "dark";
  /** @type {Listeners<[LookName]>} */
  changed = new Listeners();

  /** @param {import("./preferences.js").Preferences} preferences */
  constructor(preferences) {
    this.#preferences = preferences;
    for (const query of [this.#isLight, this.#isContrast]) {
      query.addEventListener("change", () => this.#apply());
    }
    preferences.changed.add((name) => name === "look" && this.#apply());
    this.#apply();
  }

  get name() {
    return this.#name;
  }

  #apply() {
    const chosen = this.#preferences.get("look");
    const system = this.#isContrast.matches ? "contrast" : this.#isLight.matches ? "light" : "dark";
    const isKnown = chosen === "dark" || chosen === "light" || chosen === "contrast";
    const name = isKnown ? chosen : system;
    document.documentElement.dataset["look"] = name;
    if (name === this.#name) return;
    this.#name = name;
    this.changed.tell(name);
  }
}
