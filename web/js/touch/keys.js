/**
 * What keys send that fingers have no place for: xterm's sequences (ctlseqs, "PC-Style Function
 * Keys"). Pure.
 */

/** Keys that end in a letter: CSI 1 ; modifiers LETTER, or SS3 in application mode without any. @type {Record<string, string>} */
const LETTERS = { Up: "A", Down: "B", Right: "C", Left: "D", Home: "H", End: "F" };

/** Keys that end in a tilde: CSI number ; modifiers ~ @type {Record<string, number>} */
const NUMBERS = {
  Insert: 2, Delete: 3, PageUp: 5, PageDown: 6,
  F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24,
};

/** SS3 LETTER, or CSI 1 ; modifiers LETTER. @type {Record<string, string>} */
const FUNCTIONS = { F1: "P", F2: "Q", F3: "R", F4: "S" };

/** @type {Record<string, string>} */
const PLAIN = { Escape: "\x1b", Tab: "\t", Enter: "\r", Backspace: "\x7f" };

/** @typedef {{ ctrl: boolean, alt: boolean }} Held */

/**
 * @param {string} key a name of the tables above, or a character
 * @param {Held} held
 * @param {boolean} [isApplication] whether the program has set DECCKM
 * @returns {string} what a keyboard would send
 */
export function sequenceOf(key, held, isApplication = false) {
  const modifier = 1 + (held.alt ? 2 : 0) + (held.ctrl ? 4 : 0);
  const letter = LETTERS[key];
  if (letter !== undefined) {
    if (modifier > 1) return `\x1b[1;${modifier}${letter}`;
    return `${isApplication ? "\x1bO" : "\x1b["}${letter}`;
  }
  const number = NUMBERS[key];
  if (number !== undefined) return modifier > 1 ? `\x1b[${number};${modifier}~` : `\x1b[${number}~`;
  const final = FUNCTIONS[key];
  if (final !== undefined) return modifier > 1 ? `\x1b[1;${modifier}${final}` : `\x1bO${final}`;
  return withHeld(PLAIN[key] ?? key, held);
}

/**
 * A character typed while modifiers are held.
 * @param {string} character
 * @param {Held} held
 */
export function withHeld(character, { ctrl, alt }) {
  const typed = ctrl ? control(character) : character;
  return alt ? `\x1b${typed}` : typed;
}

/** @param {string} character @returns {string} its control character, if it has one (ECMA-48) */
function control(character) {
  if (character === " " || character === "2") return "\x00";
  if (character === "?" || character === "8") return "\x7f";
  if (character === "/" || character === "7") return "\x1f";
  const code = character.toUpperCase().codePointAt(0) ?? 0;
  if (character.length === 1 && code >= 0x40 && code <= 0x5f) return String.fromCharCode(code & 0x1f);
  return character;
}
