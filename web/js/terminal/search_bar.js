/**
 * Searching a terminal's screen and scrollback: a field, how many matches there are, where one is.
 */

import { element, iconButton } from "../ui/dom.js";

/** @typedef {import("../../vendor/addon-search/addon-search.mjs").SearchAddon} SearchAddon */

const COLOURS = {
  matchBackground: "#6b5a1e",
  matchOverviewRuler: "#e5b567",
  activeMatchBackground: "#b5761f",
  activeMatchColorOverviewRuler: "#ff9a3c",
};

export class SearchBar {
  #search;
  #onclose;
  #isCase = false;
  #isRegex = false;
  #field = element("input", {
    attributes: { type: "search", "aria-label": "Search the terminal", placeholder: "Search", spellcheck: "false" },
  });
  #count = element("span", { className: "search-count", attributes: { role: "status" } });
  #box;

  /**
   * @param {HTMLElement} host
   * @param {SearchAddon} search
   * @param {() => void} onclose
   */
  constructor(host, search, onclose) {
    this.#search = search;
    this.#onclose = onclose;
    const caseToggle = toggle("Aa", "Match case", (isOn) => {
      this.#isCase = isOn;
      this.#find("next", true);
    });
    const regexToggle = toggle(".*", "Regular expression", (isOn) => {
      this.#isRegex = isOn;
      this.#find("next", true);
    });
    this.#box = element(
      "div",
      { className: "search-bar", attributes: { role: "search" } },
      this.#field,
      this.#count,
      caseToggle,
      regexToggle,
      iconButton("up", "Previous match", () => this.#find("previous")),
      iconButton("down", "Next match", () => this.#find("next")),
      iconButton("close", "Close search", () => this.close()),
    );
    this.#field.addEventListener("input", () => this.#find("next", true));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    search.onDidChangeResults(({ resultIndex, resultCount }) => {
      if (this.#field.value === "") this.#count.textContent = "";
      else if (resultCount === 0) this.#count.textContent = "No match";
      else if (resultIndex < 0) this.#count.textContent = `${resultCount}+`;
      else this.#count.textContent = `${resultIndex + 1} of ${resultCount}`;
    });
    host.append(this.#box);
    this.#box.hidden = true;
  }

  get isOpen() {
    return !this.#box.hidden;
  }

  /** @param {string} [selected] what to search for at first */
  open(selected = "") {
    this.#box.hidden = false;
    if (selected !== "" && !selected.includes("\n")) this.#field.value = selected;
    this.#field.focus();
    this.#field.select();
    this.#find("next", true);
  }

  close() {
    if (!this.isOpen) return;
    this.#box.hidden = true;
    this.#search.clearDecorations();
    this.#onclose();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && event.target === this.#field && !event.isComposing) {
      this.#find(event.shiftKey ? "previous" : "next");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * @param {"next" | "previous"} direction
   * @param {boolean} [incremental] stay at the present match while it still is one
   */
  #find(direction, incremental = false) {
    const text = this.#field.value;
    this.#field.removeAttribute("aria-invalid");
    if (text === "") {
      this.#search.clearDecorations();
      this.#count.textContent = "";
      return;
    }
    const options = { decorations: COLOURS, caseSensitive: this.#isCase, regex: this.#isRegex, incremental };
    if (this.#isRegex && !isPattern(text)) {
      this.#field.setAttribute("aria-invalid", "true");
      this.#search.clearDecorations();
      this.#count.textContent = "Not a pattern";
      return;
    }
    if (direction === "next") this.#search.findNext(text, options);
    else this.#search.findPrevious(text, options);
  }
}

/** @param {string} text */
function isPattern(text) {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/**
 * @param {string} text
 * @param {string} label
 * @param {(isOn: boolean) => void} ontoggle
 */
function toggle(text, label, ontoggle) {
  const made = element("button", {
    text,
    title: label,
    className: "search-toggle",
    attributes: { type: "button", "aria-pressed": "false", "aria-label": label },
  });
  made.addEventListener("click", () => {
    const isOn = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(isOn));
    ontoggle(isOn);
  });
  return made;
}
