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
 *   needsApproval: boolean, approved: boolean | null, output: string | null, failed: boolean }} CallBlock
 *   ``output`` is null while the tool works, or waits for approval; ``needsApproval`` until it has been
 *   given, or refused
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {"user" | "assistant" | "system"} role
 * @property {string} author
 * @property {number} time milliseconds since the Unix epoch
 * @property {(TextBlock | CallBlock)[]} blocks in the order in which they came
 * @property {"waiting" | "running" | "done" | "cancelled" | "failed"} state a prompt waits for its turn, an
 *   answer runs; what people say is done
 * @property {string | null} replyTo the prompt that it answers
 * @property {boolean} isPrompt a responder was asked
 * @property {number} number its place among all of the session, from 1 on; 0: not known
 */

/**
 * @typedef {(
 *   | { kind: "reset" }
 *   | { kind: "message", message: ChatMessage, isNew: boolean }
 *   | { kind: "older" }
 *   | { kind: "typing" }
 *   | { kind: "members" }
 *   | { kind: "terminals" }
 *   | { kind: "title" }
 * )} Change what to look at again; ``isNew``: the message was not there before
 */

export class SessionModel {
  /** What people call the session; empty when they have given it no title. */
  title = "";
  /** The newest event that is known; null before anything is. @type {number | null} */
  seq = null;
  /** @type {Map<string, TerminalState>} */
  terminals = new Map();
  /** @type {Map<string, Member>} */
  members = new Map();
  /** @type {Map<string, ChatMessage>} in the order in which they were said */
  messages = new Map();
  /** Whether the server may have messages from before the oldest of them. */
  hasOlder = false;
  /** Who types in the channel now, as the server last told. @type {{ id: string, name: string }[]} */
  typing = [];
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
    this.title = session.title ?? "";
    this.terminals = new Map(session.terminals.map((terminal) => [terminal.id, terminal]));
    this.members = new Map(session.members.map((member) => [member.id, member]));
    this.messages = new Map(session.messages.map((message) => [message.id, chatMessage(message)]));
    for (const id of session.waiting ?? []) this.#set(id, "waiting");
    this.hasOlder = (session.messages[0]?.number ?? 0) > 1;
    this.typing = [];
    this.changed.tell({ kind: "reset" });
  }

  /**
   * Takes over what is not told by events, after a break without a loss of any.
   * @param {Subscribed} subscribed
   */
  refresh({ session }) {
    this.title = session.title ?? "";
    this.members = new Map(session.members.map((member) => [member.id, member]));
    this.terminals = new Map(session.terminals.map((terminal) => [terminal.id, terminal]));
    for (const kind of /** @type {const} */ (["title", "members", "terminals"])) this.changed.tell({ kind });
  }

  /** The answers that are being given, oldest first. */
  get running() {
    return this.#inState("running");
  }

  /** The prompts that wait for their turn, in the order of their turns. */
  get waiting() {
    return this.#inState("waiting");
  }

  /** @param {ChatMessage["state"]} wanted */
  #inState(wanted) {
    return [...this.messages.values()].filter(({ state }) => state === wanted);
  }

  /** The newest message's number; 0 before there is one. */
  get newestNumber() {
    return [...this.messages.values()].at(-1)?.number ?? 0;
  }

  /**
   * Takes messages in that stand before all others.
   * @param {{ messages: Message[], more?: boolean }} page oldest first
   */
  prepend({ messages, more = false }) {
    const older = messages.map(chatMessage).filter(({ id }) => !this.messages.has(id));
    this.messages = new Map([...older.map((message) => /** @type {const} */ ([message.id, message])), ...this.messages]);
    this.hasOlder = more;
    this.changed.tell({ kind: "older" });
  }

  /** @param {{ id: string, name: string }[]} members who type now */
  nowTyping(members) {
    this.typing = members;
    this.changed.tell({ kind: "typing" });
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
        this.#said(chatMessage(event.data.message), event.data.message.prompt === true);
        break;
      case "text-delta":
        this.#edit(event.data.messageID, (message) => append(message, event.data.delta));
        break;
      case "tool-call":
        this.#edit(event.data.messageID, ({ blocks }) => {
          const { callID, tool, input, needsApproval = false } = event.data;
          blocks.push(callBlock({ callID, tool, input, needsApproval }));
        });
        break;
      case "tool-approval":
        this.#edit(event.data.messageID, ({ blocks }) => {
          const call = callOf(blocks, event.data.callID);
          if (call === undefined) return;
          call.needsApproval = false;
          call.approved = event.data.approved;
        });
        break;
      case "tool-result":
        this.#edit(event.data.messageID, ({ blocks }) => {
          const call = callOf(blocks, event.data.callID);
          if (call === undefined) return;
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
      case "member.changed":
        this.members.set(event.data.member.id, event.data.member);
        this.changed.tell({ kind: "members" });
        break;
      case "member.left":
        this.members.delete(event.data.member.id);
        this.changed.tell({ kind: "members" });
        break;
      case "session.renamed":
        this.title = event.data.title;
        this.changed.tell({ kind: "title" });
        break;
      case "terminal.renamed": {
        const { id, title, renamed = false } = event.data.terminal;
        this.learn(id, { title, renamed });
        break;
      }
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

  /** @param {ChatMessage} message @param {boolean} isWaiting a prompt that has just been said */
  #said(message, isWaiting) {
    if (isWaiting) message.state = "waiting";
    this.messages.set(message.id, message);
    if (message.replyTo !== null) this.#set(message.replyTo, "done");
    for (const oldest of this.messages.keys()) {
      if (this.messages.size <= MOST_MESSAGES) break;
      this.messages.delete(oldest);
      this.hasOlder = true;
    }
    this.changed.tell({ kind: "message", message, isNew: true });
  }

  /** @param {string} id @param {ChatMessage["state"]} state a prompt's turn has come */
  #set(id, state) {
    const prompt = this.messages.get(id);
    if (prompt === undefined || prompt.state === state || prompt.role === "assistant") return;
    prompt.state = state;
    this.changed.tell({ kind: "message", message: prompt, isNew: false });
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
 * @returns {ChatMessage} the tools that an answer has used stand before its words: their order is told
 *   by events only
 */
export function chatMessage({ id, role, author, time, parts, reason, replyTo, number = 0, prompt = false, tools = [] }) {
  const text = parts.map((part) => part.text).join("");
  const isAnswer = role === "assistant";
  return {
    id,
    role,
    author,
    time,
    blocks: [...tools.map(callBlock), ...(text === "" ? [] : [/** @type {TextBlock} */ ({ kind: "text", text })])],
    state: reason ?? (isAnswer ? "running" : "done"),
    replyTo: replyTo ?? null,
    isPrompt: prompt,
    number,
  };
}

/** @param {import("../wire.js").ToolState} tool @returns {CallBlock} */
function callBlock({ callID, tool, input, needsApproval = false, approved, output, failed = false }) {
  const isAsked = needsApproval && approved === undefined && output === undefined;
  return {
    kind: "call",
    callID,
    tool,
    input,
    needsApproval: isAsked,
    approved: approved ?? null,
    output: output ?? null,
    failed,
  };
}

/** @param {ChatMessage["blocks"]} blocks @param {string} callID */
function callOf(blocks, callID) {
  const isIt = (/** @type {TextBlock | CallBlock} */ block) => block.kind === "call" && block.callID === callID;
  return /** @type {CallBlock | undefined} */ (blocks.find(isIt));
}

/** @param {ChatMessage} message @param {string} delta */
function append(message, delta) {
  const last = message.blocks.at(-1);
  if (last?.kind === "text") last.text += delta;
  else message.blocks.push({ kind: "text", text: delta });
}
