/**
 * What a page knows of its session: terminals, members, messages, as the numbered events say.
 * Pure: no network, no DOM. ``docs/wire.md`` section 2 tells what the events mean.
 */

import { Listeners } from "../listeners.js";

/** Messages that are kept; older ones are asked for when somebody scrolls to them. */
const MOST_MESSAGES = 2000;

/** @typedef {import("../wire.js").Member} Member */
/** @typedef {import("../wire.js").Message} Message */
/** @typedef {import("../wire.js").SessionEvent} SessionEvent */
/** @typedef {import("../wire.js").Subscribed} Subscribed */
/** @typedef {import("../wire.js").TerminalState} TerminalState */

/**
 * @typedef {{ kind: "text", text: string }} TextBlock
 * @typedef {{ kind: "call", callID: string, tool: string, input: Record<string, string>,
 *   needsApproval: boolean, output: string | null, failed: boolean }} CallBlock ``output`` is null
 *   while the tool works, or waits for approval
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {"user" | "assistant" | "system"} role
 * @property {string} author
 * @property {number} time milliseconds since the Unix epoch
 * @property {(TextBlock | CallBlock)[]} blocks in the order in which they came
 * @property {"running" | "done" | "cancelled" | "failed"} state of an answer; what people say is done
 * @property {string | null} replyTo the prompt that it answers
 */

/**
 * @typedef {(
 *   | { kind: "reset" }
 *   | { kind: "message", message: ChatMessage, isNew: boolean }
 *   | { kind: "members" }
 *   | { kind: "terminals" }
 * )} Change what to look at again; ``isNew``: the message was not there before
 */

export class SessionModel {
  /** The newest event that is known; null before anything is. @type {number | null} */
  seq = null;
  /** @type {Map<string, TerminalState>} */
  terminals = new Map();
  /** @type {Map<string, Member>} */
  members = new Map();
  /** @type {Map<string, ChatMessage>} in the order in which they were said */
  messages = new Map();
  /** @type {Listeners<[Change]>} */
  changed = new Listeners();

  /** @param {string} id the session's name */
  constructor(id) {
    this.id = id;
  }

  /**
   * Begins anew with what the server says there is.
   * @param {Subscribed} subscribed
   */
  reset({ seq, session }) {
    this.seq = seq;
    this.terminals = new Map(session.terminals.map((terminal) => [terminal.id, terminal]));
    this.members = new Map(session.members.map((member) => [member.id, member]));
    this.messages = new Map(session.messages.map((message) => [message.id, chatMessage(message)]));
    this.changed.tell({ kind: "reset" });
  }

  /**
   * Takes over what is not told by events, after a break without a loss of any.
   * @param {Subscribed} subscribed
   */
  refresh({ session }) {
    this.members = new Map(session.members.map((member) => [member.id, member]));
    this.terminals = new Map(session.terminals.map((terminal) => [terminal.id, terminal]));
    this.changed.tell({ kind: "members" });
    this.changed.tell({ kind: "terminals" });
  }

  /** The answers that are being given, oldest first. */
  get running() {
    return [...this.messages.values()].filter(({ state }) => state === "running");
  }

  /**
   * @param {SessionEvent} event
   * @returns {boolean} false: events are missing before it, so one has to begin anew
   */
  apply(event) {
    if (event.type === "gap") return false;
    if (this.seq === null || event.data.seq <= this.seq) return true; // known already
    this.seq = event.data.seq;
    switch (event.type) {
      case "message.created":
        this.#said(chatMessage(event.data.message));
        break;
      case "text-delta":
        this.#edit(event.data.messageID, (message) => append(message, event.data.delta));
        break;
      case "tool-call":
        this.#edit(event.data.messageID, ({ blocks }) => {
          const { callID, tool, input, needsApproval = false } = event.data;
          blocks.push({ kind: "call", callID, tool, input, needsApproval, output: null, failed: false });
        });
        break;
      case "tool-result":
        this.#edit(event.data.messageID, ({ blocks }) => {
          const call = blocks.find((block) => "callID" in block && block.callID === event.data.callID);
          if (call?.kind !== "call") return;
          call.output = event.data.output;
          call.failed = event.data.failed;
          call.needsApproval = false;
        });
        break;
      case "message.completed":
        this.#edit(event.data.messageID, (message) => (message.state = event.data.reason));
        break;
      case "cancelled":
        this.#edit(event.data.messageID, (message) => (message.state = "cancelled"));
        break;
      case "member.joined":
        this.members.set(event.data.member.id, event.data.member);
        this.changed.tell({ kind: "members" });
        break;
      case "member.left":
        this.members.delete(event.data.member.id);
        this.changed.tell({ kind: "members" });
        break;
      case "terminal.created":
      case "terminal.closed": {
        const { terminal } = event.data;
        this.terminals.set(terminal.id, { ...this.terminals.get(terminal.id), ...terminal });
        this.changed.tell({ kind: "terminals" });
      }
    }
    return true;
  }

  /**
   * A terminal's own viewers are told more of it than the session is.
   * @param {string} terminalID
   * @param {Partial<TerminalState>} news
   */
  learn(terminalID, news) {
    const terminal = this.terminals.get(terminalID);
    if (terminal === undefined) return;
    Object.assign(terminal, news);
    this.changed.tell({ kind: "terminals" });
  }

  /**
   * A terminal that no longer exists at the server.
   * @param {string} terminalID
   */
  forget(terminalID) {
    if (this.terminals.delete(terminalID)) this.changed.tell({ kind: "terminals" });
  }

  /** @param {ChatMessage} message */
  #said(message) {
    this.messages.set(message.id, message);
    for (const oldest of this.messages.keys()) {
      if (this.messages.size <= MOST_MESSAGES) break;
      this.messages.delete(oldest);
    }
    this.changed.tell({ kind: "message", message, isNew: true });
  }

  /**
   * @param {string} id
   * @param {(message: ChatMessage) => void} edit
   */
  #edit(id, edit) {
    const message = this.messages.get(id);
    if (message === undefined) return; // too old to be kept
    edit(message);
    this.changed.tell({ kind: "message", message, isNew: false });
  }
}

/**
 * @param {Message} message as the server tells it
 * @returns {ChatMessage}
 */
export function chatMessage({ id, role, author, time, parts, reason, replyTo }) {
  const text = parts.map((part) => part.text).join("");
  const isAnswer = role === "assistant";
  return {
    id,
    role,
    author,
    time,
    blocks: text === "" ? [] : [{ kind: "text", text }],
    state: reason ?? (isAnswer ? "running" : "done"),
    replyTo: replyTo ?? null,
  };
}

/** @param {ChatMessage} message @param {string} delta */
function append(message, delta) {
  const last = message.blocks.at(-1);
  if (last?.kind === "text") last.text += delta;
  else message.blocks.push({ kind: "text", text: delta });
}
