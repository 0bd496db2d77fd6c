/**
 * The server as the page sees it: requests with their replies, and attachments to terminals that
 * survive a cut. Knows no emulator and draws nothing.
 */

import { Attachment } from "./attachment.js";
import * as wire from "./wire.js";

/** @typedef {import("./socket.js").ReconnectingSocket} ReconnectingSocket */
/** @typedef {import("./socket.js").SocketState} SocketState */
/** @typedef {import("./socket.js").Clock} Clock */
/** @typedef {import("./attachment.js").Screen} Screen */
/** @typedef {import("./attachment.js").View} View */

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
  /** @type {(event: wire.SessionEvent) => void} what happens in sessions that were subscribed to */
  onevent = () => {};
  /** @type {(typing: wire.Typing) => void} who types in a session that was subscribed to */
  ontyping = () => {};
  /** This connection's name at the server; empty before the first welcome. */
  connectionID = "";
  /** Whether the server moves files, for whoever may. */
  movesFiles = true;

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
   * @param {wire.Program} [program] what to run and where; else as configured
   * @returns {Promise<string>} the new terminal's name
   */
  async open(rows, cols, program = {}) {
    const reply = await this.request("terminal.open", { rows, cols, ...program });
    if (reply.type !== "terminal.opened") throw new RequestError("internal", "no terminal came");
    return reply.data.terminal.id;
  }

  /**
   * Follows the connection's session: what there is, then its events through ``onevent``.
   * @param {number} [since] the last event that is known; without it, events after the reply
   * @returns {Promise<wire.Subscribed>}
   * @throws {RequestError}
   */
  async subscribe(since) {
    const reply = await this.request("subscribe", since === undefined ? {} : { since });
    if (reply.type !== "subscribed") throw new RequestError("internal", "no subscription came");
    return reply.data;
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

  /**
   * Goes on with every attachment, on a new connection.
   * @returns {Promise<Attachment[]>} those whose terminals are gone, which are forgotten
   * @throws {RequestError} for any other reason
   */
  async resume() {
    /** @type {Attachment[]} */
    const lost = [];
    const goOn = async (/** @type {Attachment} */ attachment) => {
      try {
        await attachment.attach();
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== "not-found") throw error;
        this.#attachments.delete(attachment.channel);
        lost.push(attachment);
      }
    };
    await Promise.all([...this.#attachments.values()].map(goOn));
    return lost;
  }

  /**
   * Views a terminal anew, from where the view is, so that both ends count its input from 0.
   * @param {Attachment} attachment
   */
  async renew(attachment) {
    this.send("detach", { channel: attachment.channel });
    attachment.suspend(false);
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
      for (const attachment of this.#attachments.values()) attachment.suspend(true);
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
      case "error":
        if (message.id === undefined) {
          for (const attachment of this.#attachments.values()) attachment.refused();
        }
        request?.reject(new RequestError(message.data.code, message.data.message));
        return;
      case "typing":
        this.ontyping(message);
        break;
      default:
        if (wire.isSessionEvent(message)) this.onevent(message);
        else if (wire.isNotice(message)) this.#noticed(message);
    }
    request?.resolve(message);
  }

  /** @param {wire.Notice} notice */
  #noticed(notice) {
    for (const attachment of this.#attachments.values()) {
      if (attachment.terminalID === notice.data.terminalID) attachment.noticed(notice);
    }
  }

  /** @param {wire.Welcome} welcome */
  #welcome(welcome) {
    this.connectionID = welcome.connectionID;
    this.inputWindow = welcome.inputWindow;
    this.movesFiles = welcome.files ?? true;
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
