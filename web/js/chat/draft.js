/**
 * What is being written in a session's channel, kept while the tab lives: a reload loses no draft.
 */

/** @typedef {"say" | "prompt"} Mode to the people, or to the responder */

const PREFIX = "ptybridge.draft.";

export class Draft {
  #storage;
  #key;
  /** @type {Mode} */
  mode = "say";
  text = "";

  /**
   * @param {string} sessionID
   * @param {Pick<Storage, "getItem" | "setItem"> | null} storage null: nothing is kept
   */
  constructor(sessionID, storage) {
    this.#storage = storage;
    this.#key = PREFIX + sessionID;
    try {
      const kept = JSON.parse(storage?.getItem(this.#key) ?? "{}");
      if (kept.mode === "prompt") this.mode = "prompt";
      if (typeof kept.text === "string") this.text = kept.text;
    } catch {
      // It was not written here.
    }
  }

  /** @param {{ mode?: Mode, text?: string }} change */
  keep(change) {
    Object.assign(this, change);
    try {
      this.#storage?.setItem(this.#key, JSON.stringify({ mode: this.mode, text: this.text }));
    } catch {
      // Full, or forbidden.
    }
  }
}

/** What one has sent before, to be called back line by line as a shell does. */
export class Recall {
  /** Which of the lines is shown; their number: what is being written. */
  #at = 0;
  #lines;
  #unsent;

  /** @param {string[]} lines oldest first @param {string} unsent */
  constructor(lines, unsent) {
    this.#lines = lines;
    this.#at = lines.length;
    this.#unsent = unsent;
  }

  /** @param {-1 | 1} step to older, or newer @returns {string | null} null: there is none */
  move(step) {
    const at = this.#at + step;
    if (at < 0 || at > this.#lines.length) return null;
    this.#at = at;
    return this.#lines[at] ?? this.#unsent;
  }
}
