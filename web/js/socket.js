/**
 * A WebSocket that comes back by itself. Knows no terminals.
 */

import { FINAL_CODES } from "./wire.js";

/**
 * @typedef {(
 *   | { name: "connecting" }
 *   | { name: "open" }
 *   | { name: "waiting", until: number, attempt: number }
 *   | { name: "ended", code: number, reason: string }
 *   | { name: "moving" | "moved" | "stayed" }
 * )} SocketState ``until`` in milliseconds of the clock; ``moving`` to another transport, nothing
 *   more is to be sent; when it has ``moved`` a new connection begins, else it has ``stayed``
 * @typedef {{ maxAttempts: number, delay: number }} ReconnectSettings 0 attempts: for ever
 * @typedef {{ now: () => number, setTimeout: (callback: () => void, delay: number) => number,
 *   clearTimeout: (timer: number) => void, random: () => number }} Clock
 * @typedef {Pick<WebSocket, "binaryType" | "close" | "send" | "readyState" | "bufferedAmount"> & {
 *   onopen: ((event: any) => any) | null, onclose: ((event: any) => any) | null,
 *   onmessage: ((event: any) => any) | null, onerror: ((event: any) => any) | null,
 *   transport?: import("./transports.js").Transport,
 *   onmove?: ((stage: "moving" | "moved" | "stayed") => void) | null }} SocketLike
 */

const MAX_DELAY_MS = 30_000;

/** An attempt that the server has not settled by then is given up: something swallows it. */
const ATTEMPT_MS = 10_000;

const OPEN = 1;

/** @returns {Clock} */
export function systemClock() {
  return {
    now: () => performance.now(),
    // In Node a timer is an object, which is as good as a number to all who only hand it back.
    setTimeout: (callback, delay) => /** @type {any} */ (setTimeout(callback, delay)),
    clearTimeout: (timer) => clearTimeout(timer),
    random: Math.random,
  };
}

export class ReconnectingSocket {
  /** @type {SocketLike | null} */
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #deadline = 0;
  #isOver = false;
  #makeSocket;
  #clock;

  /** @type {(state: SocketState) => void} */
  onstate = () => {};
  /** @type {(data: string | ArrayBuffer) => void} */
  onmessage = () => {};
  /** @type {ReconnectSettings} */
  settings = { maxAttempts: 5, delay: 1000 };

  /**
   * @param {() => SocketLike} makeSocket
   * @param {Clock} clock
   */
  constructor(makeSocket, clock) {
    this.#makeSocket = makeSocket;
    this.#clock = clock;
  }

  get isOpen() {
    return this.#socket?.readyState === OPEN;
  }

  /** @returns {import("./transports.js").Transport} what carries it, or carried it last */
  get transport() {
    return this.#socket?.transport ?? "websocket";
  }

  /**
   * Connects now, whatever it was waiting for. Nothing is done when it is connected, or when the
   * server has said not to come back.
   */
  connect() {
    this.#clock.clearTimeout(this.#timer);
    if (this.#socket !== null || this.#isOver) return;
    const socket = this.#makeSocket();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    if ("onmove" in socket) socket.onmove = (stage) => this.onstate({ name: stage });
    socket.onopen = () => this.onstate({ name: "open" });
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.onmessage(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#lost(code, reason);
    };
    this.#deadline = this.#clock.setTimeout(() => this.drop(), ATTEMPT_MS);
    this.onstate({ name: "connecting" });
  }

  /** Starts to count attempts anew: the server has shown that it is there. */
  settled() {
    this.#clock.clearTimeout(this.#deadline);
    this.#attempt = 0;
  }

  /** Gives the present connection up and comes back: it is dead, or out of step. */
  drop() {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onclose = socket.onmessage = null;
    socket.close();
    this.#lost(1006, "");
  }

  /** Ends it for good. */
  close() {
    const socket = this.#socket;
    this.#isOver = true;
    this.#socket = null;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#deadline);
    if (socket !== null) {
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
    this.onstate({ name: "ended", code: 1000, reason: "" });
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data sent if there is a connection, else lost */
  send(data) {
    if (this.isOpen) this.#socket?.send(data);
  }

  /** Bytes that the browser has not handed to the network yet. */
  get bufferedAmount() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#socket = null;
    this.#clock.clearTimeout(this.#deadline);
    this.#isOver = FINAL_CODES.has(code);
    const { maxAttempts, delay } = this.settings;
    if (this.#isOver || (maxAttempts > 0 && this.#attempt >= maxAttempts)) {
      this.onstate({ name: "ended", code, reason });
      return;
    }
    // Exponential with full jitter: after a restart not everybody comes back at once.
    const ceiling = Math.min(MAX_DELAY_MS, delay * 2 ** Math.min(this.#attempt, 16));
    const wait = this.#clock.random() * ceiling;
    this.#attempt += 1;
    this.#timer = this.#clock.setTimeout(() => this.connect(), wait);
    this.onstate({ name: "waiting", until: this.#clock.now() + wait, attempt: this.#attempt });
  }
}
