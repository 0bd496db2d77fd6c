/**
 * The input of one attachment: never more in flight than the server takes (docs/wire.md, INPUT).
 */

/** Bytes of one INPUT frame, below every server's limit for a message. */
export const PIECE_BYTES = 16_384;

/** Keystrokes that may wait for the window; beyond it they are refused, and said to be. */
const MAX_WAITING = 65_536;

export class InputStream {
  #send;
  #sent = 0;
  #acked = 0;
  /** @type {Uint8Array[]} */
  #waiting = [];
  #waitingBytes = 0;
  #isHeld = false;
  /** @type {(() => void)[]} */
  #onRoom = [];
  window = 65_536;

  /** @param {(offset: number, data: Uint8Array) => void} send sends one INPUT frame */
  constructor(send) {
    this.#send = send;
  }

  /** A new channel: its count begins at 0, and what had waited is gone. */
  reset() {
    this.#sent = this.#acked = this.#waitingBytes = 0;
    this.#waiting = [];
    this.#isHeld = false;
    this.#wake();
  }

  /** Sends nothing until ``release`` or ``restart``; what is typed waits. */
  hold() {
    this.#isHeld = true;
  }

  /** Goes on as if it had not been held. */
  release() {
    this.#isHeld = false;
    this.#flush();
    if (this.room > 0) this.#wake();
  }

  /**
   * A new channel: its count begins at 0. What was typed while it was held is sent on it.
   * @param {number} window
   */
  restart(window) {
    if (!this.#isHeld) this.reset();
    this.#sent = this.#acked = 0;
    this.window = window;
    this.release();
  }

  /** Bytes that were typed and of which it is not known that the terminal has taken them. */
  get uncertain() {
    return this.#sent - this.#acked + this.#waitingBytes;
  }

  get room() {
    if (this.#isHeld) return 0;
    return this.#waitingBytes > 0 ? 0 : Math.max(0, this.#acked + this.window - this.#sent);
  }

  /**
   * Types ``data``, after what is waiting.
   * @param {Uint8Array} data
   * @returns {boolean} false when too much is waiting; nothing of it is typed then
   */
  write(data) {
    if (this.#waitingBytes + data.length > Math.max(MAX_WAITING, this.window)) return false;
    const size = Math.min(PIECE_BYTES, this.window);
    for (let at = 0; at < data.length; at += size) this.#waiting.push(data.slice(at, at + size));
    this.#waitingBytes += data.length;
    this.#flush();
    return true;
  }

  /** @param {number} offset as an INPUT_ACK says */
  acked(offset) {
    this.#acked = Math.max(this.#acked, offset);
    this.#flush();
    if (this.room > 0) this.#wake();
  }

  /** Waits until something may be sent, or until the stream is reset. */
  async whenRoom() {
    if (this.room === 0) await new Promise((resolve) => this.#onRoom.push(() => resolve(null)));
  }

  #flush() {
    while (!this.#isHeld) {
      const piece = this.#waiting[0];
      if (piece === undefined || this.#sent + piece.length > this.#acked + this.window) return;
      this.#waiting.shift();
      this.#waitingBytes -= piece.length;
      this.#send(this.#sent, piece);
      this.#sent += piece.length;
    }
  }

  #wake() {
    for (const wake of this.#onRoom.splice(0)) wake();
  }
}
