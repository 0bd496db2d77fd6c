/**
 * A connection without WebSocket (docs/wire.md section 5) that looks like one: what comes as
 * events is handed on as messages and frames, what is sent goes by POST, one at a time.
 */

import { fromBase64, toBase64 } from "./base64.js";
import { PIECE_BYTES } from "./input.js";
import { decodeFrame, encodeFrame, encodeSnapshot, Kind } from "./wire.js";

/** @typedef {{ type: string, data: any, id?: number }} Message */
/** @typedef {{ type: string, data: string }} Event */
/**
 * @typedef {{ message: Message, size: number, input?: Uint8Array }} Waiting
 *   ``size`` in bytes, about; ``input`` is not encoded before it goes
 */
/** @typedef {(url: URL, init: RequestInit) => Promise<Response>} Fetch */

const MAX_BATCH = 128;
const MAX_BATCH_BYTES = 131_072;

const OVER_LIMIT_STATUS = 429;

/** Requests behind whose reply something follows on the stream. */
const BEGINNINGS = new Set(["attach", "subscribe"]);

const BINARY = Object.freeze({
  output: Kind.OUTPUT,
  snapshot: Kind.SNAPSHOT,
  "input-ack": Kind.INPUT_ACK,
});

/** Lines to events (HTML standard, section 9.2.6), as far as this server uses them. */
export class EventParser {
  #decoder = new TextDecoder();
  #text = "";
  #searched = 0;

  /**
   * @param {Uint8Array} bytes as they come, cut anywhere
   * @returns {Event[]} the events that are whole now
   */
  feed(bytes) {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    /** @type {Event[]} */
    const events = [];
    let start = 0;
    for (;;) {
      const end = this.#text.indexOf("\n\n", Math.max(start, this.#searched));
      if (end < 0) break;
      const event = parse(this.#text.slice(start, end));
      if (event !== null) events.push(event);
      start = end + 2;
    }
    this.#text = this.#text.slice(start);
    this.#searched = Math.max(0, this.#text.length - 1);
    return events;
  }
}

/**
 * @param {string} block
 * @returns {Event | null} null for comments and settings
 */
function parse(block) {
  let type = "";
  let data = "";
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    const field = line.slice(0, colon);
    if (field === "event") type = line.slice(colon + 2);
    else if (field === "data") data = line.slice(colon + 2);
  }
  return type === "" ? null : { type, data };
}

/**
 * An event as a WebSocket would have brought it.
 * @param {string} type
 * @param {any} data
 * @returns {string | ArrayBuffer}
 */
function carried(type, data) {
  const kind = BINARY[/** @type {keyof typeof BINARY} */ (type)];
  if (kind === undefined || data.channel === undefined) return JSON.stringify({ type, data });
  const bytes = fromBase64(data.base64 ?? "");
  const payload = kind === Kind.SNAPSHOT ? encodeSnapshot(data.rows, data.cols, bytes) : bytes;
  return encodeFrame(kind, data.channel, data.offset, payload).buffer;
}

/** What waits for its POST: keys are joined, and of acknowledgements the last stands for all. */
export class Outbox {
  /** @type {Waiting[]} */
  #waiting = [];

  get length() {
    return this.#waiting.length;
  }

  get bytes() {
    return this.#waiting.reduce((sum, { size }) => sum + size, 0);
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data a message, or an INPUT frame */
  add(data) {
    if (typeof data !== "string") this.#addInput(data);
    else {
      const message = /** @type {Message} */ (JSON.parse(data));
      if (message.type === "ack") this.#forgetAck(message.data.channel);
      this.#waiting.push({ message, size: data.length });
    }
  }

  /** @param {Uint8Array<ArrayBuffer>} frame */
  #addInput(frame) {
    const { channel, offset, payload } = decodeFrame(frame.buffer);
    const last = this.#waiting.at(-1);
    if (last?.input !== undefined && last.message.data.channel === channel) {
      const size = last.input.length + payload.length;
      if (size <= PIECE_BYTES) {
        const joined = new Uint8Array(size);
        joined.set(last.input);
        joined.set(payload, last.input.length);
        last.input = joined;
        last.size = size;
        return;
      }
    }
    const message = { type: "input", data: { channel, offset } };
    this.#waiting.push({ message, size: payload.length, input: payload });
  }

  /** @param {number} channel */
  #forgetAck(channel) {
    const at = this.#waiting.findIndex(
      ({ message }) => message.type === "ack" && message.data.channel === channel,
    );
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** @returns {Message[]} as many as one POST takes, the oldest first */
  take() {
    let count = 0;
    let bytes = 0;
    for (const { size } of this.#waiting) {
      if (count > 0 && (count === MAX_BATCH || bytes + size > MAX_BATCH_BYTES)) break;
      count += 1;
      bytes += size;
    }
    return this.#waiting.splice(0, count).map(({ message, input }) => {
      if (input === undefined) return message;
      return { ...message, data: { ...message.data, base64: toBase64(input) } };
    });
  }
}

/** The part of a WebSocket's interface that ``ReconnectingSocket`` uses. */
export class EventStreamSocket {
  readyState = 0;
  /** @type {BinaryType} */
  binaryType = "arraybuffer";
  transport = /** @type {const} */ ("events");
  /** @type {((event: any) => any) | null} */
  onopen = null;
  /** @type {((event: any) => any) | null} */
  onclose = null;
  /** @type {((event: any) => any) | null} */
  onmessage = null;
  /** @type {((event: any) => any) | null} */
  onerror = null;

  #session;
  #fetch;
  #clock;
  #abort = new AbortController();
  #outbox = new Outbox();
  #posting = 0;
  /** What came behind an ``attached`` that is still on its way. @type {(string | ArrayBuffer)[] | null} */
  #held = null;
  #connectionID = "";
  /** @type {(() => void)[]} */
  #onIdle = [];

  /**
   * @param {URL} session the session's address, ending in a slash
   * @param {Fetch} fetch
   * @param {import("./socket.js").Clock} clock
   */
  constructor(session, fetch, clock) {
    this.#session = session;
    this.#fetch = fetch;
    this.#clock = clock;
    void this.#listen();
  }

  /** Bytes that no POST has delivered yet. */
  get bufferedAmount() {
    return this.#posting + this.#outbox.bytes;
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  send(data) {
    if (this.readyState !== 1) return;
    this.#outbox.add(data);
    if (this.#posting === 0) void this.#post();
  }

  close() {
    this.readyState = 3;
    this.#abort.abort();
    this.#wake();
  }

  /** Waits until all that was sent has been answered, or until the end. */
  async whenIdle() {
    // What an answer makes others send at once is sent before the timer.
    do {
      if (!this.#isIdle) await new Promise((resolve) => this.#onIdle.push(() => resolve(null)));
      await new Promise((resolve) => this.#clock.setTimeout(() => resolve(null), 0));
    } while (!this.#isIdle);
  }

  get #isIdle() {
    return this.readyState === 3 || this.bufferedAmount === 0;
  }

  // --- down

  async #listen() {
    const headers = { Accept: "text/event-stream" };
    try {
      const response = await this.#fetch(new URL("events", this.#session), {
        headers,
        cache: "no-store",
        signal: this.#abort.signal,
      });
      const kind = response.headers.get("Content-Type") ?? "";
      if (!response.ok || response.body === null || !kind.startsWith("text/event-stream")) {
        this.#lost(response.status === OVER_LIMIT_STATUS ? 1013 : 1006);
        this.#abort.abort();
        return;
      }
      const parser = new EventParser();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const { type, data } of parser.feed(value)) this.#heard(type, JSON.parse(data));
      }
    } catch {
      // A stream that breaks and one that is no stream are lost alike.
    }
    this.#lost(1006);
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #heard(type, data) {
    if (this.readyState === 3) return;
    if (type === "closing") {
      this.#lost(data.code, data.reason);
      this.#abort.abort();
      return;
    }
    if (type === "welcome") {
      this.#connectionID = data.connectionID;
      this.readyState = 1;
      this.onopen?.({});
    }
    const message = carried(type, data);
    if (this.#held !== null) this.#held.push(message);
    else this.onmessage?.({ data: message });
  }

  // --- up

  async #post() {
    while (this.readyState === 1 && this.#outbox.length > 0) {
      this.#posting = this.#outbox.bytes;
      const messages = this.#outbox.take();
      this.#posting -= this.#outbox.bytes;
      // The reply comes on another connection than the output or events that follow it.
      if (messages.some(({ type }) => BEGINNINGS.has(type))) this.#held = [];
      try {
        const url = new URL("messages", this.#session);
        url.searchParams.set("connectionID", this.#connectionID);
        const response = await this.#fetch(url, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(messages),
          signal: this.#abort.signal,
        });
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        for (const reply of await response.json()) this.#answered(reply);
      } catch {
        // Whether it arrived is not known: only a new connection knows what is next.
        this.#lost(1006);
        this.#abort.abort();
        return;
      }
      const held = this.#held ?? [];
      this.#held = null;
      for (const data of held) this.#deliver(data);
    }
    this.#posting = 0;
    this.#wake();
  }

  /** @param {Message} reply */
  #answered(reply) {
    this.#deliver(JSON.stringify(reply));
  }

  /** @param {string | ArrayBuffer} data */
  #deliver(data) {
    if (this.readyState === 1) this.onmessage?.({ data });
  }

  #wake() {
    for (const wake of this.#onIdle.splice(0)) wake();
  }

  /**
   * @param {number} code
   * @param {string} [reason]
   */
  #lost(code, reason = "") {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#wake();
    this.onclose?.({ code, reason });
  }
}
