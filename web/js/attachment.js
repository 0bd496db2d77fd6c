/**
 * One terminal as a page views it: what it has received, rendered and acknowledged, and what is
 * typed into it. It survives a cut: ``attach`` goes on where the last connection broke off.
 */

import { InputStream } from "./input.js";
import * as wire from "./wire.js";

/** Bytes that the server may send beyond what is rendered: half a second of a fast flood. */
const WINDOW_BYTES = 512 * 1024;

/** Rendered bytes that are worth an ack, and how long a smaller number may wait. */
const ACK_BYTES = 128 * 1024;
const ACK_DELAY_MS = 30;

/** @typedef {import("./client.js").BridgeClient} BridgeClient */
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

/** One terminal viewed on one channel. */
export class Attachment {
  #client;
  #screen;
  /** @type {number | null} */
  #received = null;
  /** All that was printed before ``#received`` has come, or a snapshot in its place. */
  #isWhole = false;
  /** When the terminal was started: another may have its name after a cut. @type {number | null} */
  #created = null;
  #isBegun = false;
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
  /** @type {(bytes: number) => void} the link broke before the terminal was known to have taken so much */
  onuncertain = () => {};

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
    const since = this.#isWhole ? this.#received : null;
    const asked = { channel: this.channel, terminalID: this.terminalID, rows, cols };
    const resume = since === null ? {} : { since, created: this.#created };
    await this.#client.request("attach", { ...asked, window: WINDOW_BYTES, ...resume });
    if (!visible) this.resize(this.view);
  }

  /** @param {wire.Attached} attached */
  begin(attached) {
    const isSame = attached.terminal.created === this.#created;
    const isResume = this.#isWhole && isSame && attached.offset === this.#received;
    this.#created = attached.terminal.created;
    this.#isBegun = true;
    // Else a snapshot follows, and a cut before its end must not have it taken for granted.
    if (!isResume) this.#isWhole = attached.offset === 0;
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

  /**
   * Nothing is typed until the next ``attach``.
   * @param {boolean} isCut the connection is gone
   */
  suspend(isCut) {
    if (isCut && this.#isLive && this.input.uncertain > 0) this.onuncertain(this.input.uncertain);
    this.#isLive = this.#isHeld = this.#isBegun = false;
    this.#client.clock.clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    this.input.reset();
  }

  /** @param {wire.Frame} frame */
  receive(frame) {
    if (!this.#isBegun) return; // of a view that was left, to begin anew from before this
    switch (frame.kind) {
      case wire.Kind.INPUT_ACK:
        this.input.acked(frame.offset);
        return;
      case wire.Kind.OUTPUT: {
        if (frame.offset !== this.#received) throw new RangeError("output is not contiguous");
        const end = frame.offset + frame.payload.length;
        this.#received = end;
        this.#isWhole = true;
        const old = Math.min(Math.max(0, this.#oldUntil - frame.offset), frame.payload.length);
        if (old > 0) this.#screen.output(frame.payload.subarray(0, old), true, () => {});
        this.#screen.output(frame.payload.subarray(old), false, () => this.#hasRendered(end));
        return;
      }
      case wire.Kind.SNAPSHOT: {
        const { rows, cols, vt } = wire.decodeSnapshot(frame.payload);
        this.#received = frame.offset;
        this.#isWhole = true;
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
