/**
 * Uploads, some at a time, that go on after every cut. Knows no DOM and no network: a ``FileServer``
 * speaks for the server, whose rules are in ``docs/operations.md``.
 */

import { Listeners } from "../listeners.js";
import { FileError } from "./file_server.js";

/** Bytes of one request: what the server refuses in the middle of one is heard only at its end. */
export const PIECE_BYTES = 8 * 1024 * 1024;

const AT_ONCE = 2;

const MAX_DELAY_MS = 30_000;

/** How often in a row to try again without a byte getting through. */
const MAX_ATTEMPTS = 8;

/** The rate shown is that of about so many seconds. */
const RATE_SECONDS = 3;

/** @typedef {import("../socket.js").Clock} Clock */
/** @typedef {import("./file_server.js").FileServer} FileServer */
/** @typedef {import("./file_server.js").UploadState} UploadState */
/** @typedef {Pick<File, "name" | "size" | "slice">} Source */
/** @typedef {{ terminalID: string, directory: string }} Place an absolute path, or relative to the terminal's */

/**
 * @typedef {"waiting" | "sending" | "paused" | "asking" | "done" | "failed" | "cancelled"} State
 *   ``paused`` until the server can be reached again; ``asking`` whether to replace a file
 */

export class Upload {
  /** @type {State} */
  state = "waiting";
  /** Bytes that the server has, or that are on their way to it. */
  sent = 0;
  /** Bytes a second, while it is being sent. */
  rate = 0;
  /** Why it failed, or is paused; for people. */
  reason = "";
  /** Where the file is, when it is done. */
  path = "";
  /** Whether it may replace a file of its name. */
  mayReplace = false;
  /** The server's name for it, once it has begun. @type {string | null} */
  id = null;
  /** What the server has for certain. */
  offset = 0;
  attempts = 0;
  timer = 0;
  abort = new AbortController();

  /** @param {Source} source @param {Place} place */
  constructor(source, place) {
    this.source = source;
    this.place = place;
  }

  get isOver() {
    return this.state === "done" || this.state === "failed" || this.state === "cancelled";
  }
}

export class UploadQueue {
  #server;
  #clock;
  /** In the order in which they were added. @type {Upload[]} */
  #all = [];

  /** @type {Listeners<[Upload]>} something about one has changed, or it is new */
  changed = new Listeners();

  /** @param {FileServer} server @param {Clock} clock */
  constructor(server, clock) {
    this.#server = server;
    this.#clock = clock;
  }

  get all() {
    return /** @type {readonly Upload[]} */ (this.#all);
  }

  /** @param {Iterable<Source>} sources @param {Place} place */
  add(sources, place) {
    for (const source of sources) {
      const upload = new Upload(source, place);
      this.#all.push(upload);
      this.changed.tell(upload);
    }
    this.#next();
  }

  /** @param {Upload} upload nothing of it stays on the server */
  cancel(upload) {
    if (upload.isOver) return;
    this.#change(upload, "cancelled");
    upload.abort.abort();
    this.#clock.clearTimeout(upload.timer);
    if (upload.id !== null) void this.#server.giveUp(upload.id).catch(() => {}); // it does by itself
    this.#next();
  }

  /** @param {Upload} upload that asks: it replaces the file of its name */
  replace(upload) {
    if (upload.state !== "asking") return;
    upload.mayReplace = true;
    this.#change(upload, "waiting");
    this.#next();
  }

  /** @param {Upload} upload that failed, from where it stopped if the server still knows it */
  retry(upload) {
    if (upload.state !== "failed") return;
    upload.attempts = 0;
    this.#change(upload, "waiting");
    this.#next();
  }

  /** Tries at once what waits for the server to come back. */
  retryPaused() {
    for (const upload of this.#all) {
      if (upload.state === "paused") this.#change(upload, "waiting");
    }
    this.#next();
  }

  /** Forgets what is over. */
  clear() {
    this.#all = this.#all.filter((upload) => !upload.isOver);
  }

  /** @param {Upload} upload @param {State} state @param {string} [reason] */
  #change(upload, state, reason = "") {
    upload.state = state;
    upload.reason = reason;
    if (state !== "sending") upload.rate = 0;
    this.changed.tell(upload);
  }

  #next() {
    const free = AT_ONCE - this.#all.filter(({ state }) => state === "sending").length;
    const waiting = this.#all.filter(({ state }) => state === "waiting");
    for (const upload of waiting.slice(0, Math.max(0, free))) void this.#run(upload);
  }

  /** @param {Upload} upload */
  async #run(upload) {
    this.#clock.clearTimeout(upload.timer);
    this.#change(upload, "sending");
    try {
      await this.#send(upload);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (upload.state === "sending") this.#failed(upload, error);
    }
    this.#next();
  }

  /** @param {Upload} upload */
  async #send(upload) {
    let state = await this.#begun(upload);
    while (upload.state === "sending") {
      this.#has(upload, state);
      if (state.complete) {
        upload.path = state.path;
        this.#change(upload, "done");
        return;
      }
      const { id } = state;
      const piece = upload.source.slice(state.offset, state.offset + PIECE_BYTES);
      const meter = this.#meter(upload, state.offset);
      state = await this.#server.send(id, state.offset, piece, {
        mayReplace: upload.mayReplace,
        onprogress: meter,
        signal: upload.abort.signal,
      });
    }
  }

  /** @param {Upload} upload @returns {Promise<UploadState>} where it goes on */
  async #begun(upload) {
    if (upload.id !== null) {
      try {
        return await this.#server.state(upload.id);
      } catch (error) {
        // The server has given it up, or is another one: from the start.
        if (!(error instanceof FileError) || error.status !== 404) throw error;
        upload.id = null;
      }
    }
    const { name, size } = upload.source;
    const state = await this.#server.begin(upload.place.terminalID, {
      name,
      size,
      directory: upload.place.directory,
      overwrite: upload.mayReplace,
    });
    upload.id = state.id;
    if (upload.state !== "sending") void this.#server.giveUp(state.id).catch(() => {});
    return state;
  }

  /** @param {Upload} upload @param {UploadState} state what the server has for certain */
  #has(upload, state) {
    if (state.offset > upload.offset) upload.attempts = 0;
    upload.offset = upload.sent = state.offset;
  }

  /** @param {Upload} upload @param {number} offset where the piece begins */
  #meter(upload, offset) {
    let at = this.#clock.now();
    let counted = offset;
    return (/** @type {number} */ loaded) => {
      if (upload.state !== "sending") return;
      const now = this.#clock.now();
      upload.sent = Math.min(offset + loaded, upload.source.size);
      const seconds = (now - at) / 1000;
      if (seconds >= 0.1) {
        const rate = (upload.sent - counted) / seconds;
        const weight = upload.rate === 0 ? 1 : Math.min(1, seconds / RATE_SECONDS);
        upload.rate += (rate - upload.rate) * weight;
        [at, counted] = [now, upload.sent];
      }
      this.changed.tell(upload);
    };
  }

  /** @param {Upload} upload @param {FileError} error */
  #failed(upload, error) {
    if (error.status === 409) {
      this.#change(upload, "asking");
      return;
    }
    upload.attempts += 1;
    if (!error.isPassing || upload.attempts > MAX_ATTEMPTS) {
      this.#change(upload, "failed", error.message);
      return;
    }
    const ceiling = Math.min(MAX_DELAY_MS, 500 * 2 ** upload.attempts);
    // Before it waits, the attempt after this one is set: whoever listens may try at once.
    upload.timer = this.#clock.setTimeout(
      () => {
        if (upload.state !== "paused") return;
        this.#change(upload, "waiting");
        this.#next();
      },
      this.#clock.random() * ceiling,
    );
    this.#change(upload, "paused", error.message);
  }
}
