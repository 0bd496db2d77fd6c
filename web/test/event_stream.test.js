import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, toBase64 } from "../js/base64.js";
import { EventParser, EventStreamSocket, Outbox } from "../js/event_stream.js";
import { decodeFrame, decodeSnapshot, encodeFrame, encodeMessage, Kind } from "../js/wire.js";
import { FakeServer, ManualClock, turn } from "./fakes.js";

const encoder = new TextEncoder();
const WELCOME = 'event: welcome\ndata: {"connectionID":"c1"}\n\n';

test("all bytes survive base64, and many of them", () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) % 256);
  assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
});

test("events are read however the bytes are cut", () => {
  const text = 'retry: 1000\n\n: alive\n\nevent: a\nid: 1.2\ndata: {"x":"\u00fc\u6f22"}\n\nevent: b\ndata: {}\n\n';
  const bytes = encoder.encode(text);
  const expected = [
    { type: "a", data: '{"x":"\u00fc\u6f22"}' },
    { type: "b", data: "{}" },
  ];
  for (const size of [1, 2, 3, 7, 1000]) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < bytes.length; at += size) {
      events.push(...parser.feed(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(events, expected);
  }
});

/** @param {number} offset @param {string} text */
const input = (offset, text) => encodeFrame(Kind.INPUT, 1, offset, encoder.encode(text));

test("keys that wait are joined, up to what one message takes", () => {
  const outbox = new Outbox();
  outbox.add(input(0, "l"));
  outbox.add(input(1, "s"));
  outbox.add(input(2, "x".repeat(16_384)));
  const sent = outbox.take().map(({ data }) => [data.offset, atob(data.base64).length]);
  assert.deepEqual(sent, [[0, 2], [2, 16_384]]);
  assert.equal(outbox.length, 0);
});

test("keys are not joined across what was sent between them", () => {
  const outbox = new Outbox();
  outbox.add(input(0, "a"));
  outbox.add(encodeMessage("ping", {}, 1));
  outbox.add(input(1, "b"));
  assert.deepEqual(outbox.take().map(({ type }) => type), ["input", "ping", "input"]);
});

test("of acknowledgements on a channel the last stands for all", () => {
  const outbox = new Outbox();
  for (const offset of [1, 2, 3]) outbox.add(encodeMessage("ack", { channel: 1, offset }));
  outbox.add(encodeMessage("ack", { channel: 2, offset: 9 }));
  const acks = outbox.take().map(({ data }) => [data.channel, data.offset]);
  assert.deepEqual(acks, [[1, 3], [2, 9]]);
});

test("no POST carries more than its share", () => {
  const outbox = new Outbox();
  for (let at = 0; at < 20; at++) outbox.add(input(at * 16_384, "x".repeat(16_384)));
  const counts = [];
  while (outbox.length > 0) counts.push(outbox.take().length);
  assert.deepEqual(counts, [8, 8, 4]);
});

async function stage() {
  const server = new FakeServer();
  const socket = new EventStreamSocket(new URL("http://host/s/"), server.fetch, new ManualClock());
  /** @type {any[]} */
  const heard = [];
  socket.onmessage = ({ data }) => {
    heard.push(typeof data === "string" ? JSON.parse(data) : decodeFrame(data));
  };
  /** @type {any[]} */
  const closes = [];
  socket.onclose = (event) => closes.push(event.code);
  await server.streams(WELCOME);
  return { server, socket, heard, closes };
}

test("events come as the messages and frames that a WebSocket brings", async () => {
  const { server, socket, heard } = await stage();
  assert.equal(socket.readyState, 1);
  await server.streams('event: output\ndata: {"channel":1,"offset":5,"base64":"/w=="}\n\n');
  await server.streams(
    'event: snapshot\ndata: {"channel":1,"offset":9,"rows":30,"cols":500,"base64":"aGk="}\n\n',
  );
  await server.streams('event: input-ack\ndata: {"channel":1,"offset":3}\n\n');
  const [welcome, output, snapshot, ack] = heard;
  assert.deepEqual(welcome, { type: "welcome", data: { connectionID: "c1" } });
  assert.deepEqual(output, { kind: 2, channel: 1, offset: 5, payload: Uint8Array.of(255) });
  const { rows, cols, vt } = decodeSnapshot(snapshot.payload);
  assert.deepEqual([snapshot.offset, rows, cols, Buffer.from(vt).toString()], [9, 30, 500, "hi"]);
  assert.deepEqual([ack.kind, ack.offset], [4, 3]);
});

test("one POST is under way at a time, and the next takes all that waits", async () => {
  const { server, socket } = await stage();
  socket.send(input(0, "a"));
  socket.send(input(1, "b"));
  socket.send(input(2, "c"));
  await turn();
  assert.deepEqual(server.posts, [[{ type: "input", data: { channel: 1, offset: 0, base64: "YQ==" } }]]);
  assert.equal(server.urls.at(-1), "http://host/s/messages?connectionID=c1");
  await server.answers([]);
  assert.deepEqual(server.posts[1], [{ type: "input", data: { channel: 1, offset: 1, base64: "YmM=" } }]);
  await server.answers([]);
  assert.equal(server.posts.length, 2);
  assert.equal(socket.bufferedAmount, 0);
});

test("output that overtakes its attached waits for it", async () => {
  const { server, socket, heard } = await stage();
  socket.send(encodeMessage("attach", { channel: 1 }, 7));
  await server.streams('event: output\ndata: {"channel":1,"offset":0,"base64":""}\n\n');
  assert.equal(heard.length, 1);
  await server.answers([{ type: "attached", data: { channel: 1 }, id: 7 }]);
  assert.deepEqual(heard.slice(1).map(({ type, kind }) => type ?? kind), ["attached", Kind.OUTPUT]);
});

test("it ends with the server's reason, or without one", async () => {
  const told = await stage();
  await told.server.streams('event: closing\ndata: {"code":4002,"reason":"no"}\n\n');
  assert.deepEqual(told.closes, [4002]);
  const cut = await stage();
  await cut.server.ends();
  assert.deepEqual(cut.closes, [1006]);
});

test("a POST that fails ends it: what arrived is not known", async () => {
  const { server, socket, closes } = await stage();
  socket.send(input(0, "a"));
  await server.refuses(404);
  assert.deepEqual(closes, [1006]);
  assert.equal(server.isAborted, true);
});

for (const [status, code] of /** @type {const} */ ([[429, 1013], [401, 1006]])) {
  test(`a stream refused with ${status} ends with ${code}`, async () => {
    const server = new FakeServer(status);
    const socket = new EventStreamSocket(new URL("http://host/s/"), server.fetch, new ManualClock());
    /** @type {number[]} */
    const closes = [];
    socket.onclose = (event) => closes.push(event.code);
    await turn();
    assert.deepEqual(closes, [code]);
  });
}
