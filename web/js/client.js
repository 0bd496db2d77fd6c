/**
 * The server as the page sees it: requests with their replies, and attachments to terminals that
 * survive a cut. Knows no emulator and draws nothing.
 */

import { InputStream } from "./input.js";
import * as wire from "./wire.js";

/** Bytes that the server may send beyond what is rendered: half a second of a fast flood. */
const WINDOW_BYTES = 512 * 1024;

/** Rendered bytes that are worth an ack, and how long a smaller number may wait. */
const ACK_BYTES = 64 * 1024;
const ACK_DELAY_MS = 30;

/** @typedef {import("./socket.js").ReconnectingSocket} ReconnectingSocket */
/** @typedef {import("./socket.js").SocketState} SocketState */
/** @typedef {import("./socket.js").Clock} Clock */
/** @typedef {{ rows: number, cols: number, visible: boolean }} View the viewer's own window */
/**
 * @typedef {object} Screen what draws a terminal
 * @property {(attached: wire.Attached, isResume: boolean) => void} attached output follows; unless
 *   it is a resume, on a reset emulator
 * @property {(bytes: Uint8Array, isOld: boolean, rendered: () => void) => void} output ``isOld``:
 *   printed before this page came; what acts beyond the screen has acted already
 * @property {(rows: number, cols: number, vt: Uint8Array, rendered: () => void) => void} snapshot
 * @property {(rows: number, cols: number) => void} resized
 * @property {(exit: wire.Exit) => void} exited
 * @property {(notice: wire.Notice, own: wire.Viewer | null) => void} told what has no place in the
 *   stream; ``own`` is this viewer, as far as the server has told
 */

/** An error that the server answered a request with. */
export class RequestError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** One terminal viewed on one channel. */
export class Attachment {
  #client;
  #screen;
  /** @type {number | null} */
  #received = null;
  #rendered = 0;
  #acked = 0;
  #ackTimer = 0;
  #isLive = false;
  #isHeld = false;
  #isFresh;
  #oldUntil = 0;
  #viewerID = "";
  #isOutOfStep = false;
  /** This viewer as the server tells all; null before it has. @type {wire.Viewer | null} */
  own = null;
  /** @type {View} */
  view;
  input;

  /**
   * @param {BridgeClient} client
   * @param {number} channel
   * @param {string} terminalID
   * @param {Screen} screen
   * @param {View} view
   * @param {boolean} isFresh the terminal was opened by this page: all it prints is new here
   */
  constructor(client, channel, terminalID, screen, view, isFresh) {
    this.#client = client;
    this.#isFresh = isFresh;
    this.channel = channel;
    this.terminalID = terminalID;
    this.#screen = screen;
    this.view = view;
    this.input = new InputStream((offset, data) =>
      client.sendFrame(wire.Kind.INPUT, channel, offset, data),
    );
  }

  /** Whether what is typed reaches the server. */
  get isLive() {
    return this.#isLive;
  }

  /** Whether what is typed reaches the program, as far as is known. */
  get controls() {
    return this.own?.controls ?? true;
  }

  /**
   * Asks for the keyboard, gives it back, hands it on, or takes it.
   * @param {"request" | "release" | "grant" | "revoke"} action
   * @param {string} [to] a viewer's id
   */
  async control(action, to) {
    const whom = to === undefined ? {} : { to };
    await this.#client.request("control", { channel: this.channel, action, ...whom });
  }

  /** Input was refused: the server has counted less of it than this page. */
  refused() {
    this.#isOutOfStep = true;
  }

  /** Asks for the output from where it broke off. */
  async attach() {
    const { rows, cols, visible } = this.view;
    const since = this.#received;
    const asked = { channel: this.channel, terminalID: this.terminalID, rows, cols };
    const resume = since === null ? {} : { since };
    await this.#client.request("attach", { ...asked, window: WINDOW_BYTES, ...resume });
    if (!visible) this.resize(this.view);
  }

  /** @param {wire.Attached} attached */
  begin(attached) {
    const isResume = attached.offset === this.#received;
    this.#received = this.#rendered = this.#acked = attached.offset;
    this.#isLive = true;
    this.#viewerID = attached.viewerID;
    this.#isOutOfStep = false;
    this.#isHeld = false;
    if (!isResume) this.#oldUntil = this.#isFresh ? 0 : attached.end;
    this.#isFresh = false;
    this.input.restart(this.#client.inputWindow);
    this.#screen.attached(attached, isResume);
  }

  /** The connection moves: what is typed waits, and so do acknowledgements, to let it end. */
  hold() {
    this.#isHeld = true;
    this.input.hold();
  }

  /** The connection has not moved. */
  release() {
    this.#isHeld = false;
    this.input.release();
    this.#ack();
  }

  /** The connection is gone: nothing is typed until the next ``attach``. */
  suspend() {
    this.#isLive = this.#isHeld = false;
    this.#client.clock.clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    this.input.reset();
  }

  /** @param {wire.Frame} frame */
  receive(frame) {
    switch (frame.kind) {
      case wire.Kind.INPUT_ACK:
        this.input.acked(frame.offset);
        return;
      case wire.Kind.OUTPUT: {
        if (frame.offset !== this.#received) throw new RangeError("output is not contiguous");
        const end = frame.offset + frame.payload.length;
        this.#received = end;
        const old = Math.min(Math.max(0, this.#oldUntil - frame.offset), frame.payload.length);
        if (old > 0) this.#screen.output(frame.payload.subarray(0, old), true, () => {});
        this.#screen.output(frame.payload.subarray(old), false, () => this.#hasRendered(end));
        return;
      }
      case wire.Kind.SNAPSHOT: {
        const { rows, cols, vt } = wire.decodeSnapshot(frame.payload);
        this.#received = frame.offset;
        this.#screen.snapshot(rows, cols, vt, () => this.#hasRendered(frame.offset));
        return;
      }
      default:
        throw new RangeError("frame of a kind that only clients send");
    }
  }

  /** @param {View} view */
  resize(view) {
    this.view = view;
    if (this.#isLive) this.#client.send("resize", { channel: this.channel, ...view });
  }

  /** @param {wire.ServerMessage} message of this terminal */
  told(message) {
    if (message.type === "resized") this.#screen.resized(message.data.rows, message.data.cols);
    if (message.type === "exited") {
      this.#isLive = false;
      this.#screen.exited(message.data);
    }
  }

  /** @param {wire.Notice} notice about this terminal */
  noticed(notice) {
    if (notice.type === "viewers") {
      this.own = notice.data.viewers.find(({ id }) => id === this.#viewerID) ?? null;
      if (this.controls && this.#isOutOfStep) void this.#client.renew(this);
    }
    this.#screen.told(notice, this.own);
  }

  /** @param {number} offset */
  #hasRendered(offset) {
    this.#rendered = Math.max(this.#rendered, offset);
    if (this.#rendered - this.#acked >= ACK_BYTES) this.#ack();
    else if (this.#ackTimer === 0) {
      this.#ackTimer = this.#client.clock.setTimeout(() => this.#ack(), ACK_DELAY_MS);
    }
  }

  #ack() {
    this.#client.clock.clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    if (this.#isHeld) return;
    // What an older connection's bytes made rendered may lie beyond what this one has sent.
    const offset = Math.min(this.#rendered, this.#received ?? 0);
    if (offset <= this.#acked) return;
    this.#acked = offset;
    this.#client.send("ack", { channel: this.channel, offset });
  }
}

export class BridgeClient {
  #socket;
  /** @type {Map<number, Attachment>} */
  #attachments = new Map();
  /** @type {Map<number, { resolve: (message: wire.ServerMessage) => void,
   *   reject: (error: Error) => void }>} */
  #requests = new Map();
  #lastID = 0;
  #lastChannel = 0;
  #heardAt = 0;
  #watch = 0;
  #ping = { interval: 30_000, timeout: 10_000 };
  inputWindow = 65_536;
  clock;

  /** @type {(state: SocketState | { name: "welcome" }) => void} */
  onstate = () => {};

  /**
   * @param {ReconnectingSocket} socket
   * @param {Clock} clock
   */
  constructor(socket, clock) {
    this.#socket = socket;
    this.clock = clock;
    socket.onstate = (state) => this.#changed(state);
    socket.onmessage = (data) => this.#receive(data);
  }

  /** What carries the connection, or carried it last. */
  get transport() {
    return this.#socket.transport;
  }

  /** Connects now. A connection that is there must show that it lives: the network may differ. */
  connect() {
    if (!this.#socket.isOpen) {
      this.#socket.connect();
      return;
    }
    const asked = this.clock.now();
    this.#socket.send(wire.encodeMessage("ping"));
    this.clock.clearTimeout(this.#watch);
    this.#watch = this.clock.setTimeout(() => {
      if (this.#heardAt >= asked) this.#watchOver();
      else this.#socket.drop();
    }, this.#ping.timeout);
  }

  /** Gives the present connection up and comes back. */
  drop() {
    this.#socket.drop();
  }

  /** Leaves for good. */
  close() {
    this.#socket.close();
  }

  /**
   * Sends a request and waits for its reply.
   * @param {string} type
   * @param {object} [data]
   * @returns {Promise<wire.ServerMessage>}
   * @throws {RequestError} as the server says, or with code ``offline`` when the link breaks
   */
  request(type, data) {
    const id = ++this.#lastID;
    return new Promise((resolve, reject) => {
      if (!this.#socket.isOpen) {
        reject(new RequestError("offline", "there is no connection"));
        return;
      }
      this.#requests.set(id, { resolve, reject });
      this.#socket.send(wire.encodeMessage(type, data, id));
    });
  }

  /**
   * @param {string} type
   * @param {object} data
   */
  send(type, data) {
    this.#socket.send(wire.encodeMessage(type, data));
  }

  /**
   * @param {number} kind
   * @param {number} channel
   * @param {number} offset
   * @param {Uint8Array} payload
   */
  sendFrame(kind, channel, offset, payload) {
    this.#socket.send(wire.encodeFrame(kind, channel, offset, payload));
  }

  /**
   * @param {number} rows
   * @param {number} cols
   * @returns {Promise<string>} the new terminal's name
   */
  async open(rows, cols) {
    const reply = await this.request("terminal.open", { rows, cols });
    if (reply.type !== "terminal.opened") throw new RequestError("internal", "no terminal came");
    return reply.data.terminal.id;
  }

  /**
   * Views a terminal, now and after every reconnect, until the page goes.
   * @param {string} terminalID
   * @param {Screen} screen
   * @param {View} view
   * @param {boolean} isFresh the terminal was just opened by this page
   */
  async attach(terminalID, screen, view, isFresh = false) {
    const channel = ++this.#lastChannel;
    const attachment = new Attachment(this, channel, terminalID, screen, view, isFresh);
    this.#attachments.set(channel, attachment);
    try {
      await attachment.attach();
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "offline") {
        this.#attachments.delete(channel);
        throw error;
      }
    }
    return attachment;
  }

  /** Goes on with every attachment, on a new connection. */
  async resume() {
    await Promise.all([...this.#attachments.values()].map((attachment) => attachment.attach()));
  }

  /**
   * Views a terminal anew, from where the view is, so that both ends count its input from 0.
   * @param {Attachment} attachment
   */
  async renew(attachment) {
    this.send("detach", { channel: attachment.channel });
    attachment.suspend();
    await attachment.attach().catch((error) => {
      if (!(error instanceof RequestError)) throw error;
    });
  }

  /** @param {Attachment} attachment */
  forget(attachment) {
    this.#attachments.delete(attachment.channel);
    if (attachment.isLive) this.send("detach", { channel: attachment.channel });
  }

  /** @param {SocketState} state */
  #changed(state) {
    if (state.name === "waiting" || state.name === "ended") {
      this.clock.clearTimeout(this.#watch);
      for (const attachment of this.#attachments.values()) attachment.suspend();
      const waiting = [...this.#requests.values()];
      this.#requests.clear();
      for (const { reject } of waiting) reject(new RequestError("offline", "the link broke"));
    }
    for (const attachment of this.#attachments.values()) {
      if (state.name === "moving") attachment.hold();
      if (state.name === "stayed") attachment.release();
    }
    this.onstate(state);
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#heardAt = this.clock.now();
    try {
      if (typeof data === "string") this.#told(wire.decodeMessage(data));
      else {
        const frame = wire.decodeFrame(data);
        this.#attachments.get(frame.channel)?.receive(frame);
      }
    } catch (error) {
      console.error("ptybridge: out of step with the server, connecting anew:", error);
      this.#socket.drop();
    }
  }

  /** @param {wire.ServerMessage} message */
  #told(message) {
    const request = message.id === undefined ? undefined : this.#requests.get(message.id);
    if (message.id !== undefined) this.#requests.delete(message.id);
    switch (message.type) {
      case "welcome":
        this.#welcome(message.data);
        break;
      case "attached":
        this.#attachments.get(message.data.channel)?.begin(message.data);
        break;
      case "resized":
      case "exited":
        for (const attachment of this.#attachments.values()) {
          if (attachment.terminalID === message.data.terminalID) attachment.told(message);
        }
        break;
      case "viewers":
      case "bell":
      case "notification":
      case "progress":
      case "clipboard":
        for (const attachment of this.#attachments.values()) {
          if (attachment.terminalID === message.data.terminalID) attachment.noticed(message);
        }
        break;
      case "error":
        if (message.id === undefined) {
          for (const attachment of this.#attachments.values()) attachment.refused();
        }
        request?.reject(new RequestError(message.data.code, message.data.message));
        return;
    }
    request?.resolve(message);
  }

  /** @param {wire.Welcome} welcome */
  #welcome(welcome) {
    this.inputWindow = welcome.inputWindow;
    this.#ping = welcome.ping;
    this.#socket.settings = welcome.reconnect;
    this.#socket.settled();
    this.#watchOver();
    this.onstate({ name: "welcome" });
  }

  /** Asks for life when there was silence: pages cannot see ping frames. */
  #watchOver() {
    this.clock.clearTimeout(this.#watch);
    const { interval, timeout } = this.#ping;
    const silence = this.clock.now() - this.#heardAt;
    if (silence >= interval + timeout) {
      this.#socket.drop();
      return;
    }
    if (silence >= interval) this.#socket.send(wire.encodeMessage("ping"));
    const next = silence >= interval ? timeout / 4 : interval - silence;
    this.#watch = this.clock.setTimeout(() => this.#watchOver(), Math.max(50, next));
  }
}
