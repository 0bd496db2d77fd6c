/**
 * Holds back an unfinished UTF-8 character until its rest is there.
 *
 * xterm.js 6.0.0 drops characters that are split between two writes behind a 0x80 byte, and the
 * server sends bytes as the program wrote them, cut anywhere.
 */

/**
 * How many bytes at the end of ``bytes`` begin a character that they do not end: 0 to 3.
 * @param {Uint8Array} bytes
 */
export function unfinished(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc2 && byte <= 0xf4) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? back : 0;
    }
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return 0;
}

export class Utf8Hold {
  #held = new Uint8Array(0);

  /**
   * @param {Uint8Array} bytes
   * @returns {Uint8Array} what was held, and ``bytes`` as far as they are whole
   */
  take(bytes) {
    let whole = bytes;
    if (this.#held.length > 0) {
      whole = new Uint8Array(this.#held.length + bytes.length);
      whole.set(this.#held);
      whole.set(bytes, this.#held.length);
    }
    const cut = whole.length - unfinished(whole);
    this.#held = whole.slice(cut);
    return whole.subarray(0, cut);
  }

  /** Gives up what is held, at the end of the stream. */
  flush() {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return held;
  }
}
