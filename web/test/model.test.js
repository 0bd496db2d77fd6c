import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionModel } from "../js/session/model.js";

/** @typedef {import("../js/wire.js").SessionEvent} SessionEvent */
/** @typedef {import("../js/wire.js").Message} Message */

const TERMINAL = { id: "t1", title: "sh", rows: 24, cols: 80, created: 1 };
const ANN = Object.freeze({ id: "u1", name: "Ann", role: /** @type {const} */ ("owner") });

/** @param {Partial<Message>} [content] @returns {Message} */
function message(content) {
  return { id: "m1", role: "user", author: "Ann", time: 5, parts: [{ type: "text", text: "hi" }], ...content };
}

/** @param {Message[]} [messages] */
function begun(messages = []) {
  const model = new SessionModel("main");
  const session = { id: "main", created: 1, terminals: [TERMINAL], members: [ANN], messages };
  model.reset({ sessionID: "main", seq: 10, session });
  return model;
}

/**
 * Applies events with the numbers that follow.
 * @param {SessionModel} model
 * @param {{ type: string, data: object }[]} events
 */
function apply(model, ...events) {
  for (const { type, data } of events) {
    const event = { type, data: { sessionID: "main", seq: (model.seq ?? 0) + 1, ...data } };
    assert.equal(model.apply(/** @type {SessionEvent} */ (event)), true);
  }
}

test("an answer is put together of words and tool calls in their order", () => {
  const model = begun();
  const answer = message({ id: "a1", role: "assistant", author: "shell", parts: [], replyTo: "m1" });
  apply(
    model,
    { type: "message.created", data: { message: message() } },
    { type: "message.created", data: { message: answer } },
    { type: "text-delta", data: { messageID: "a1", delta: "Look" } },
    { type: "text-delta", data: { messageID: "a1", delta: ": " } },
    { type: "tool-call", data: { messageID: "a1", callID: "c1", tool: "run", input: { command: "ls" } } },
    { type: "tool-result", data: { messageID: "a1", callID: "c1", output: "0", failed: false } },
    { type: "text-delta", data: { messageID: "a1", delta: "done" } },
  );
  assert.deepEqual(model.running.map(({ id }) => id), ["a1"]);
  apply(model, { type: "message.completed", data: { messageID: "a1", reason: "done" } });
  const { blocks, state, replyTo } = model.messages.get("a1") ?? assert.fail("no answer");
  assert.deepEqual([state, replyTo, model.running], ["done", "m1", []]);
  assert.deepEqual(blocks, [
    { kind: "text", text: "Look: " },
    {
      kind: "call",
      callID: "c1",
      tool: "run",
      input: { command: "ls" },
      needsApproval: false,
      approved: null,
      output: "0",
      failed: false,
    },
    { kind: "text", text: "done" },
  ]);
});

test("an event that is known already changes nothing, and one after a gap asks for all", () => {
  const model = begun();
  const old = { type: "message.created", data: { sessionID: "main", seq: 10, message: message() } };
  assert.equal(model.apply(/** @type {SessionEvent} */ (old)), true);
  assert.equal(model.messages.size, 0);
  assert.equal(model.apply({ type: "gap", data: { sessionID: "main", from: 11, to: 20 } }), false);
});

test("an answer that was running when one came goes on", () => {
  const model = begun([message({ id: "a1", role: "assistant", parts: [{ type: "text", text: "so " }] })]);
  apply(model, { type: "text-delta", data: { messageID: "a1", delta: "far" } });
  assert.deepEqual(model.messages.get("a1")?.blocks, [{ kind: "text", text: "so far" }]);
});

test("members and terminals come and go", () => {
  const model = begun();
  /** @type {string[]} */
  const heard = [];
  model.changed.add((change) => heard.push(change.kind));
  apply(
    model,
    { type: "member.changed", data: { member: { ...ANN, role: "watcher" } } },
  );
  assert.equal(model.members.get(ANN.id)?.role, "watcher");
  apply(
    model,
    { type: "member.left", data: { member: ANN } },
    { type: "terminal.created", data: { terminal: { ...TERMINAL, id: "t2" } } },
    { type: "terminal.closed", data: { terminal: { ...TERMINAL, exit: { code: 3 } } } },
  );
  model.learn("t2", { cwd: "/tmp" });
  assert.deepEqual(heard, ["members", "members", "terminals", "terminals", "terminals"]);
  assert.equal(model.members.size, 0);
  assert.equal(model.terminals.get("t1")?.exit?.code, 3);
  assert.equal(model.terminals.get("t2")?.cwd, "/tmp");
});

test("of a long talk the newest messages are kept", () => {
  const model = begun();
  for (let number = 0; number < 2010; number++) {
    apply(model, { type: "message.created", data: { message: message({ id: `m${number}` }) } });
  }
  assert.equal(model.messages.size, 2000);
  assert.equal(model.messages.has("m9"), false);
  assert.equal(model.messages.has("m2009"), true);
});

test("a prompt waits until it is answered, or withdrawn", () => {
  const model = begun();
  const prompt = (/** @type {string} */ id) => ({ type: "message.created", data: { message: message({ id, prompt: true }) } });
  apply(model, prompt("p1"), prompt("p2"), prompt("p3"));
  assert.deepEqual(model.waiting.map(({ id }) => id), ["p1", "p2", "p3"]);
  const answer = message({ id: "a1", role: "assistant", replyTo: "p1" });
  apply(model, { type: "message.created", data: { message: answer } }, { type: "cancelled", data: { messageID: "p2" } });
  assert.deepEqual(model.waiting.map(({ id }) => id), ["p3"]);
  assert.equal(model.messages.get("p2")?.state, "cancelled");
  const session = { id: "main", created: 1, terminals: [], members: [], messages: [message({ id: "p9" })], waiting: ["p9"] };
  model.reset({ sessionID: "main", seq: 30, session });
  assert.deepEqual(model.waiting.map(({ id }) => id), ["p9"]);
});

test("a tool asks until somebody has decided", () => {
  const model = begun();
  const answer = message({ id: "a1", role: "assistant", parts: [] });
  apply(
    model,
    { type: "message.created", data: { message: answer } },
    { type: "tool-call", data: { messageID: "a1", callID: "c1", tool: "run", input: {}, needsApproval: true } },
  );
  const call = () => /** @type {import("../js/session/model.js").CallBlock} */ (model.messages.get("a1")?.blocks[0]);
  assert.equal(call().needsApproval, true);
  apply(model, { type: "tool-approval", data: { messageID: "a1", callID: "c1", approved: false, author: "Ann" } });
  assert.deepEqual([call().needsApproval, call().approved, call().output], [false, false, null]);
});

test("older messages stand before the others, and the newest number is known", () => {
  const model = begun([message({ id: "m5", number: 5 })]);
  assert.equal(model.hasOlder, true);
  const older = [3, 4, 5].map((number) => message({ id: `m${number}`, number }));
  model.prepend({ messages: older, more: true });
  assert.deepEqual([...model.messages.keys()], ["m3", "m4", "m5"]);
  assert.equal(model.hasOlder, true);
  model.prepend({ messages: [message({ id: "m2", number: 2 })] });
  assert.equal(model.hasOlder, false);
  assert.equal(model.newestNumber, 5);
});
