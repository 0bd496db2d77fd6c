/**
 * WebSocket where it comes through, an event stream and POST where it does not, and back to
 * WebSocket as soon as it comes through again.
 */

import { EventStreamSocket } from "./event_stream.js";

/** @typedef {import("./socket.js").Clock} Clock */
/** @typedef {import("./socket.js").SocketLike} SocketLike */
/** @typedef {"websocket" | "events"} Transport */

/** How long a WebSocket may stay silent before it counts as blocked. */
const PATIENCE_MS = 4000;

/** How long what was sent by POST may take to arrive before a move is put off. */
const IDLE_MS = 1000;

/** How long after a failure WebSocket is not tried again. */
export const RETRY_MS = 60_000;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/**
 * Codes that only the server itself gives before its first message; a proxy's own are others.
 * @param {number} code
 */
function isTheServers(code) {
  return code === 1008 || code === 1012 || code === 1013 || code >= 4000;
}

/** How to connect, and what has been learnt of the network. */
export class Transports {
  /** @type {number} */
  failedAt = -Infinity;

  /**
   * @param {() => SocketLike} makeWebSocket
   * @param {() => EventStreamSocket} makeEventStream
   * @param {Clock} clock
   * @param {Transport} [first] "events": WebSocket is not tried at all
   */
  constructor(makeWebSocket, makeEventStream, clock, first = "websocket") {
    this.first = first;
    this.makeWebSocket = makeWebSocket;
    this.makeEventStream = makeEventStream;
    this.clock = clock;
  }

  /** @returns {SocketLike} a connection over whichever transport comes through */
  connect() {
    return new EitherSocket(this);
  }
}

/** One connection that finds its transport. */
class EitherSocket {
  /** @type {BinaryType} */
  binaryType = "arraybuffer";
  /** @type {((event: any) => any) | null} */
  onopen = null;
  /** @type {((event: any) => any) | null} */
  onclose = null;
  /** @type {((event: any) => any) | null} */
  onmessage = null;
  /** @type {((event: any) => any) | null} */
  onerror = null;
  /** @type {((stage: "moving" | "moved" | "stayed") => void) | null} */
  onmove = null;

  #transports;
  /** @type {SocketLike | null} */
  #current = null;
  /** @type {EventStreamSocket | null} */
  #events = null;
  /** A WebSocket that is tried while the event stream serves. @type {SocketLike | null} */
  #trial = null;
  #hasSpoken = false;
  #isClosed = false;
  #hasFailed = false;
  #timer = 0;

  /** @param {Transports} transports */
  constructor(transports) {
    this.#transports = transports;
    const { clock, failedAt, first } = transports;
    if (first === "websocket" && clock.now() - failedAt >= RETRY_MS) this.#tryWebSocket();
    else this.#useEvents();
  }

  /** @returns {Transport} */
  get transport() {
    return this.#events === null ? "websocket" : "events";
  }

  get readyState() {
    if (this.#isClosed) return CLOSED;
    return this.#hasSpoken ? (this.#current?.readyState ?? CLOSED) : CONNECTING;
  }

  get bufferedAmount() {
    return this.#current?.bufferedAmount ?? 0;
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  send(data) {
    if (this.readyState === OPEN) this.#current?.send(data);
  }

  close() {
    this.#isClosed = true;
    this.#transports.clock.clearTimeout(this.#timer);
    this.#abandon(this.#trial);
    this.#abandon(this.#current);
  }

  /** @param {SocketLike | null} socket */
  #abandon(socket) {
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    socket.close();
  }

  /** @param {SocketLike} socket */
  #use(socket) {
    this.#current = socket;
    socket.onmessage = (event) => this.#heard(event);
    socket.onclose = (event) => this.#ended(event);
    socket.onerror = () => {}; // ``close`` follows, with all that is to be known
  }

  #tryWebSocket() {
    const { clock, makeWebSocket } = this.#transports;
    try {
      const socket = makeWebSocket();
      socket.binaryType = "arraybuffer";
      this.#use(socket);
      socket.onclose = (event) => {
        if (this.#hasSpoken || isTheServers(event.code)) this.#ended(event);
        else this.#fallBack();
      };
      this.#timer = clock.setTimeout(() => this.#fallBack(), PATIENCE_MS);
    } catch {
      this.#fallBack();
    }
  }

  #fallBack() {
    this.#transports.clock.clearTimeout(this.#timer);
    this.#abandon(this.#current);
    this.#hasFailed = true;
    this.#useEvents();
  }

  #useEvents() {
    this.#events = this.#transports.makeEventStream();
    this.#use(this.#events);
  }

  /** @param {{ data: any }} event */
  #heard(event) {
    if (!this.#hasSpoken) {
      this.#hasSpoken = true;
      const { clock, first } = this.#transports;
      clock.clearTimeout(this.#timer);
      if (this.#events !== null) {
        // Only now is it known that the network blocks WebSocket and nothing else.
        if (this.#hasFailed) this.#transports.failedAt = clock.now();
        if (first === "websocket") {
          this.#timer = clock.setTimeout(() => this.#tryAgain(), RETRY_MS);
        }
      }
      this.onopen?.({});
    }
    this.onmessage?.(event);
  }

  /** @param {{ code: number, reason: string }} event */
  #ended(event) {
    this.#isClosed = true;
    this.#transports.clock.clearTimeout(this.#timer);
    this.#abandon(this.#trial);
    this.onclose?.({ code: event.code, reason: event.reason });
  }

  // --- back to WebSocket

  #tryAgain() {
    const { clock, makeWebSocket } = this.#transports;
    const giveUp = () => {
      clock.clearTimeout(this.#timer);
      this.#abandon(this.#trial);
      this.#trial = null;
      this.#transports.failedAt = clock.now();
      this.#timer = clock.setTimeout(() => this.#tryAgain(), RETRY_MS);
    };
    try {
      const trial = makeWebSocket();
      this.#trial = trial;
      trial.binaryType = "arraybuffer";
      trial.onerror = () => {};
      trial.onclose = giveUp;
      trial.onmessage = (welcome) => void this.#goBack(trial, welcome, giveUp);
      this.#timer = clock.setTimeout(giveUp, PATIENCE_MS);
    } catch {
      giveUp();
    }
  }

  /**
   * Moves to a WebSocket that works, once all that was sent by POST has arrived.
   * @param {SocketLike} trial
   * @param {{ data: any }} welcome its first message
   * @param {() => void} giveUp
   */
  async #goBack(trial, welcome, giveUp) {
    this.#transports.clock.clearTimeout(this.#timer);
    trial.onmessage = null;
    let isLost = false;
    trial.onclose = () => (isLost = true);
    this.onmove?.("moving");
    const isIdle = await this.#isIdleSoon();
    if (this.#isClosed) return;
    if (isLost || !isIdle) {
      giveUp();
      this.onmove?.("stayed");
      return;
    }
    this.#abandon(this.#events);
    this.#events = this.#trial = null;
    this.#transports.failedAt = -Infinity;
    this.#use(trial);
    this.onmove?.("moved");
    this.onmessage?.(welcome);
  }

  /** @returns {Promise<boolean>} whether all that was sent by POST has arrived */
  #isIdleSoon() {
    const { clock } = this.#transports;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => resolve(false), IDLE_MS);
      void this.#events?.whenIdle().then(() => {
        clock.clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
