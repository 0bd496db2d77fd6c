/**
 * What a user has chosen for this browser, kept in its local storage. Never a secret.
 */

import { Listeners } from "../listeners.js";

const KEY = "ptybridge.preferences";

/** All preferences with their defaults; a new one is added here. */
export const DEFAULTS = Object.freeze({
  /** Which of the page's looks: "system", "light", "dark", "contrast". */
  look: "system",
  /** The terminal's colours: a name of ``schemes.js``, or "page": those of the look. */
  scheme: "page",
  /** A font's name as installed; empty for the system's. */
  fontFamily: "",
  /** In CSS pixels. */
  fontSize: 14,
  /** Height of a row, in heights of its letters. */
  lineHeight: 1,
  /** Whether ``=>`` and the like are drawn as one, where the font has that. */
  hasLigatures: false,
  /** "block", "bar" or "underline", until a program says otherwise. */
  cursorStyle: "block",
  cursorBlink: true,
  /** Lines that the page keeps above the screen. */
  scrollback: 10_000,
  /** Contrast that text has at least with its ground; 1: as the program says. */
  minimumContrast: 1,
  /** What a bell does: "mark" the tab only, "flash" the terminal, or "sound". */
  bell: "flash",
  isCopyOnSelect: false,
  /** Whether a program may fill the clipboard (OSC 52): "ask", "always" or "never". */
  clipboardWrites: "ask",
  /** Whether images are drawn (sixel, iTerm2's). */
  hasImages: true,
  /** Whether the system tells when a long command has ended while the page is not seen. */
  isNotifying: false,
  /** Whether commands have a mark beside them, where the shell tells of them. */
  hasCommandMarks: true,
  /** Whether there is a bar of keys: "auto" where fingers type, "always" or "never". */
  keyBar: "auto",
  /** Whether what is on the screen is read out. */
  isScreenReader: false,
  /** Whether the channel stands beside the terminals. */
  isChatOpen: false,
  /** Width of the channel, in CSS pixels. */
  chatWidth: 360,
});

/** @typedef {{ -readonly [Key in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Key] extends boolean
 *   ? boolean : (typeof DEFAULTS)[Key] extends number ? number
 *   : (typeof DEFAULTS)[Key] extends string ? string : (typeof DEFAULTS)[Key] }} Values */

export class Preferences {
  #storage;
  /** @type {Values} */
  #values;
  /** @type {Listeners<[keyof Values]>} */
  changed = new Listeners();

  /** @param {Pick<Storage, "getItem" | "setItem"> | null} storage null: nothing is kept */
  constructor(storage) {
    this.#storage = storage;
    this.#values = { ...DEFAULTS, ...this.#read() };
  }

  /**
   * @template {keyof Values} Name
   * @param {Name} name
   * @returns {Values[Name]}
   */
  get(name) {
    return this.#values[name];
  }

  /**
   * @template {keyof Values} Name
   * @param {Name} name
   * @param {Values[Name]} value
   */
  set(name, value) {
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    try {
      this.#storage?.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Full, or forbidden: it holds until the page goes.
    }
    this.changed.tell(name);
  }

  /** Takes over what another tab has written. */
  refresh() {
    const before = this.#values;
    this.#values = { ...DEFAULTS, ...this.#read() };
    for (const name of /** @type {(keyof Values)[]} */ (Object.keys(DEFAULTS))) {
      if (before[name] !== this.#values[name]) this.changed.tell(name);
    }
  }

  /** @returns {Partial<Values>} what is kept and is still known, of the right type */
  #read() {
    let kept;
    try {
      kept = JSON.parse(this.#storage?.getItem(KEY) ?? "{}");
    } catch {
      return {};
    }
    const known = Object.entries(DEFAULTS).filter(
      ([name, standard]) => typeof kept?.[name] === typeof standard,
    );
    return Object.fromEntries(known.map(([name]) => [name, kept[name]]));
  }
}
