/**
 * Pasting: text made safe, sent in pieces as the program reads it, and stopped at any time.
 */

import { PIECE_BYTES } from "./input.js";

const BEGIN = "\x1b[200~";
const END = "\x1b[201~";

/** A paste of more bytes shows its progress. */
export const LARGE_BYTES = 64 * 1024;

/**
 * What of ``text`` may reach a program: lines end in CR as if typed, and no other control
 * character stays, so that nothing can end a bracketed paste or pose as a key.
 * @param {string} text
 */
export function sanitized(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\r?\n/g, "\r").replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "");
}

/**
 * Cuts where no character is split.
 * @param {string} text
 * @param {number} [most] UTF-16 units of a piece
 * @returns {Generator<string>}
 */
export function* pieces(text, most = PIECE_BYTES / 4) {
  let at = 0;
  while (at < text.length) {
    let end = Math.min(at + most, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && end - at > 1 && last >= 0xd800 && last <= 0xdbff) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}

/**
 * @typedef {{ done: number, total: number }} Progress in UTF-16 units
 */

export class Paste {
  #input;
  #isBracketed;
  #text;
  #isCancelled = false;
  #isOpen = false;
  #wake = () => {};
  /** @type {(progress: Progress) => void} */
  onprogress = () => {};

  /**
   * @param {Pick<import("./input.js").InputStream, "write" | "whenRoom" | "room">} input
   * @param {string} text as it came from the clipboard
   * @param {boolean} isBracketed the program asked for bracketed paste (DECSET 2004)
   */
  constructor(input, text, isBracketed) {
    this.#input = input;
    this.#isBracketed = isBracketed;
    this.#text = sanitized(text);
  }

  get size() {
    return this.#text.length;
  }

  /**
   * Sends no more of it. A bracketed paste is closed at once, so that what is typed next is
   * typed, not pasted.
   */
  cancel() {
    this.#isCancelled = true;
    this.#close();
    this.#wake();
  }

  #close() {
    if (this.#isOpen) this.#input.write(new TextEncoder().encode(END));
    this.#isOpen = false;
  }

  /**
   * Sends it all, at the program's pace.
   * @param {() => boolean} isLive whether the terminal can still be reached
   * @returns {Promise<boolean>} whether it arrived whole
   */
  async run(isLive) {
    const encoder = new TextEncoder();
    const total = this.#text.length;
    const cancelled = new Promise((resolve) => (this.#wake = () => resolve(null)));
    let done = 0;
    this.#isOpen = this.#isBracketed && !this.#isCancelled;
    if (this.#isOpen) this.#input.write(encoder.encode(BEGIN));
    for (const piece of pieces(this.#text)) {
      while (this.#input.room === 0 && isLive() && !this.#isCancelled) {
        await Promise.race([this.#input.whenRoom(), cancelled]);
      }
      if (this.#isCancelled || !isLive()) break;
      this.#input.write(encoder.encode(piece));
      done += piece.length;
      this.onprogress({ done, total });
    }
    if (isLive()) this.#close();
    return done === total;
  }
}
