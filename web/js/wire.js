/**
 * The wire (docs/wire.md): frames and messages to bytes and text, and back. Pure.
 */

export const SUBPROTOCOL = "ptybridge.v1";

/** What a binary frame carries. */
export const Kind = Object.freeze({ INPUT: 1, OUTPUT: 2, SNAPSHOT: 3, INPUT_ACK: 4 });

/** Close codes after which coming back cannot help (docs/wire.md section 6). */
export const FINAL_CODES = new Set([1000, 1008, 4001, 4002]);

const HEADER_BYTES = 13;
const MAX_CHANNEL = 2 ** 32 - 1;

/**
 * @typedef {{ kind: number, channel: number, offset: number, payload: Uint8Array }} Frame
 * @typedef {{ id: string, title: string, rows: number, cols: number, created: number,
 *   exit?: Exit, cwd?: string | undefined, command?: string | undefined, exitCode?: number,
 *   viewers?: number, renamed?: boolean, end?: number, bells?: number,
 *   progress?: { state: string, percent?: number } | undefined }} TerminalState
 * @typedef {{ command?: string[], cwd?: string, like?: string }} Program what a terminal runs, and
 *   where; or what another one was started with
 * @typedef {{ id: string, name: string, role: "watcher" | "writer" | "owner", rows: number,
 *   cols: number, visible: boolean, controls: boolean, lagging: boolean, waits: boolean }} Viewer
 * @typedef {{ code?: number, signal?: number }} Exit
 * @typedef {{ connectionID: string, user: { id: string, name: string },
 *   ping: { interval: number, timeout: number },
 *   reconnect: { maxAttempts: number, delay: number }, inputWindow: number,
 *   files?: boolean }} Welcome ``files`` is false where none can be moved
 * @typedef {{ channel: number, terminalID: string, role: string, rows: number, cols: number,
 *   offset: number, end: number, answers: boolean, viewerID: string, terminal: TerminalState }} Attached ``end``: what lies before it is old;
 *   ``answers``: the server answers what programs ask, so the page must not
 * @typedef {(
 *   | { type: "welcome", data: Welcome, id?: number }
 *   | { type: "pong", data?: undefined, id?: number }
 *   | { type: "error", data: { code: string, message: string }, id?: number }
 *   | { type: "accepted", data?: { messageID?: string }, id?: number }
 *   | { type: "terminal.opened", data: { terminal: TerminalState }, id?: number }
 *   | { type: "attached", data: Attached, id?: number }
 *   | { type: "detached", data: { channel: number }, id?: number }
 *   | { type: "resized", data: { terminalID: string, rows: number, cols: number, offset: number },
 *       id?: number }
 *   | { type: "exited", data: { terminalID: string } & Exit, id?: number }
 *   | { type: "subscribed", data: Subscribed, id?: number }
 *   | { type: "unsubscribed", data: { sessionID: string }, id?: number }
 *   | { type: "history", data: { sessionID: string, messages: Message[], more?: boolean }, id?: number }
 *   | Typing
 *   | Notice
 *   | SessionEvent
 * )} ServerMessage
 * @typedef {(
 *   | { type: "viewers", data: { terminalID: string, viewers: Viewer[] }, id?: number }
 *   | { type: "bell", data: { terminalID: string }, id?: number }
 *   | { type: "notification", data: { terminalID: string, title: string, body: string },
 *       id?: number }
 *   | { type: "progress", data: { terminalID: string, state: string, percent?: number },
 *       id?: number }
 *   | { type: "clipboard", data: { terminalID: string, selection: string, text: string },
 *       id?: number }
 *   | { type: "download.offered", data: { terminalID: string, downloadID: string, path: string,
 *       size: number }, id?: number }
 *   | { type: "title", data: { terminalID: string, title: string }, id?: number }
 *   | { type: "cwd", data: { terminalID: string, cwd: string, host?: string }, id?: number }
 *   | { type: "prompt.mark", data: { terminalID: string, part: "start" | "end" }, id?: number }
 *   | { type: "command.started", data: { terminalID: string, commandLine?: string }, id?: number }
 *   | { type: "command.finished", data: { terminalID: string, exitCode?: number }, id?: number }
 * )} Notice what a terminal's viewers are told beside its stream
 *
 * @typedef {{ type: "text", text: string }} Part
 * @typedef {{ id: string, role: "user" | "assistant" | "system", author: string, parts: Part[],
 *   time: number, reason?: "done" | "cancelled" | "failed", replyTo?: string, number?: number,
 *   prompt?: boolean, tools?: ToolState[] }} Message
 * @typedef {{ callID: string, tool: string, input: Record<string, string>, needsApproval?: boolean,
 *   approved?: boolean, output?: string, failed?: boolean, exit?: Exit }} ToolState without ``output`` nothing
 *   has come of it yet
 * @typedef {{ id: string, name: string, role: "watcher" | "writer" | "owner" }} Member
 * @typedef {{ sessionID: string, seq: number, session: { id: string, created: number,
 *   terminals: TerminalState[], members: Member[], messages: Message[], title?: string,
 *   waiting?: string[] } }} Subscribed ``waiting``: the prompts that wait, in the order of their turns
 * @typedef {{ type: "typing", data: { sessionID: string, members: { id: string, name: string }[] },
 *   id?: number }} Typing all who type in a session now
 * @typedef {{ sessionID: string, seq: number }} Numbered
 * @typedef {(
 *   | { type: "message.created", data: Numbered & { message: Message }, id?: number }
 *   | { type: "text-delta", data: Numbered & { messageID: string, delta: string }, id?: number }
 *   | { type: "tool-call", data: Numbered & { messageID: string, callID: string, tool: string,
 *       input: Record<string, string>, needsApproval?: boolean }, id?: number }
 *   | { type: "tool-approval", data: Numbered & { messageID: string, callID: string, approved: boolean,
 *       author: string }, id?: number }
 *   | { type: "tool-result", data: Numbered & { messageID: string, callID: string, output: string,
 *       failed: boolean, exit?: Exit }, id?: number }
 *   | { type: "message.completed", data: Numbered & { messageID: string,
 *       reason: "done" | "cancelled" | "failed" }, id?: number }
 *   | { type: "cancelled", data: Numbered & { messageID: string }, id?: number }
 *   | { type: "member.joined" | "member.changed" | "member.left", data: Numbered & { member: Member }, id?: number }
 *   | { type: "session.renamed", data: Numbered & { title: string }, id?: number }
 *   | { type: "session.closed", data: Numbered, id?: number }
 *   | { type: "terminal.created" | "terminal.closed" | "terminal.renamed", data: Numbered & { terminal: TerminalState },
 *       id?: number }
 *   | { type: "gap", data: { sessionID: string, from: number, to: number }, id?: number }
 * )} SessionEvent what happens in a session, in the order of ``seq``
 */

/** The types of ``SessionEvent``. */
const SESSION_EVENTS = new Set([
  "message.created",
  "text-delta",
  "tool-call",
  "tool-approval",
  "tool-result",
  "message.completed",
  "cancelled",
  "member.joined",
  "member.changed",
  "member.left",
  "session.renamed",
  "session.closed",
  "terminal.created",
  "terminal.renamed",
  "terminal.closed",
  "gap",
]);

/** The types of ``Notice``. */
const NOTICES = new Set([
  "viewers",
  "bell",
  "notification",
  "progress",
  "clipboard",
  "title",
  "cwd",
  "prompt.mark",
  "command.started",
  "command.finished",
  "download.offered",
]);

/**
 * @param {ServerMessage} message
 * @returns {message is Notice}
 */
export function isNotice(message) {
  return NOTICES.has(message.type);
}

/**
 * @param {ServerMessage} message
 * @returns {message is SessionEvent}
 */
export function isSessionEvent(message) {
  return SESSION_EVENTS.has(message.type);
}

/**
 * @param {number} kind
 * @param {number} channel 1..2**32-1
 * @param {number} offset a whole number below 2**53
 * @param {Uint8Array} payload
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encodeFrame(kind, channel, offset, payload) {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, channel);
  view.setBigUint64(5, BigInt(offset));
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame} its payload is a view of ``buffer``
 * @throws {RangeError} cut short, of unknown kind, or for channel 0
 */
export function decodeFrame(buffer) {
  if (buffer.byteLength < HEADER_BYTES) throw new RangeError("frame cut short");
  const view = new DataView(buffer);
  const kind = view.getUint8(0);
  const channel = view.getUint32(1);
  if (kind < Kind.INPUT || kind > Kind.INPUT_ACK) throw new RangeError("unknown kind of frame");
  if (channel < 1 || channel > MAX_CHANNEL) throw new RangeError("channel out of range");
  const offset = Number(view.getBigUint64(5));
  return { kind, channel, offset, payload: new Uint8Array(buffer, HEADER_BYTES) };
}

/**
 * @param {Uint8Array} payload of a SNAPSHOT
 * @returns {{ rows: number, cols: number, vt: Uint8Array }}
 * @throws {RangeError} cut short
 */
export function decodeSnapshot(payload) {
  if (payload.length < 4) throw new RangeError("snapshot cut short");
  const view = new DataView(payload.buffer, payload.byteOffset);
  return { rows: view.getUint16(0), cols: view.getUint16(2), vt: payload.subarray(4) };
}

/**
 * @param {number} rows
 * @param {number} cols
 * @param {Uint8Array} vt
 * @returns {Uint8Array<ArrayBuffer>} the payload of a SNAPSHOT
 */
export function encodeSnapshot(rows, cols, vt) {
  const payload = new Uint8Array(4 + vt.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, rows);
  view.setUint16(2, cols);
  payload.set(vt, 4);
  return payload;
}

/**
 * @param {string} type
 * @param {object} [data]
 * @param {number} [id]
 */
export function encodeMessage(type, data, id) {
  return JSON.stringify({ type, data, id });
}

/**
 * @param {string} text
 * @returns {ServerMessage}
 * @throws {SyntaxError} not a message
 */
export function decodeMessage(text) {
  const message = JSON.parse(text);
  if (typeof message?.type !== "string") throw new SyntaxError("a message has a type");
  return message;
}
