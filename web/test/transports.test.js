import assert from "node:assert/strict";
import { test } from "node:test";
import { BridgeClient } from "../js/client.js";
import { EventStreamSocket } from "../js/event_stream.js";
import { ReconnectingSocket } from "../js/socket.js";
import { RETRY_MS, Transports } from "../js/transports.js";
import { encodeFrame, Kind } from "../js/wire.js";
import { FakeServer, FakeSocket, ManualClock, turn } from "./fakes.js";

const WELCOME = {
  connectionID: "c1",
  user: { id: "owner", name: "owner" },
  ping: { interval: 600_000, timeout: 1000 },
  reconnect: { maxAttempts: 5, delay: 1000 },
  inputWindow: 1000,
};
const STREAMED = `event: welcome\ndata: ${JSON.stringify(WELCOME)}\n\n`;

/** @param {import("../js/transports.js").Transport} [first] */
function stage(first) {
  const clock = new ManualClock();
  /** @type {FakeSocket[]} */
  const sockets = [];
  /** @type {FakeServer[]} */
  const streams = [];
  const transports = new Transports(
    () => {
      sockets.push(new FakeSocket());
      return /** @type {FakeSocket} */ (sockets.at(-1));
    },
    () => {
      const server = new FakeServer();
      streams.push(server);
      return new EventStreamSocket(new URL("http://host/s/"), server.fetch, clock);
    },
    clock,
    first,
  );
  const client = new BridgeClient(new ReconnectingSocket(() => transports.connect(), clock), clock);
  /** @type {string[]} */
  const states = [];
  client.onstate = ({ name }) => states.push(name);
  client.connect();
  const socket = () => /** @type {FakeSocket} */ (sockets.at(-1));
  const stream = () => /** @type {FakeServer} */ (streams.at(-1));
  const welcome = () => {
    socket().opens();
    socket().receives({ type: "welcome", data: WELCOME });
  };
  return { clock, sockets, streams, socket, stream, client, states, welcome };
}

/** A client that has fallen back, with a terminal that has printed five bytes. */
async function fallen() {
  const on = stage();
  on.socket().closes(1006);
  await on.stream().streams(STREAMED);
  /** @type {any[]} */
  const log = [];
  const screen = {
    /** @param {any} attached @param {boolean} isResume */
    attached: (attached, isResume) => log.push(["attached", attached.offset, isResume]),
    /** @param {Uint8Array} bytes */
    output: (bytes) => bytes.length > 0 && log.push(Buffer.from(bytes).toString()),
    snapshot: () => {},
    resized: () => {},
    exited: () => {},
    told: () => {},
  };
  const attaching = on.client.attach("t1", screen, { rows: 24, cols: 80, visible: true }, true);
  await turn();
  const [attach] = on.stream().posts[0] ?? [];
  await on.stream().answers([attached(0, attach.id)]);
  await on.stream().streams('event: output\ndata: {"channel":1,"offset":0,"base64":"aGVsbG8="}\n\n');
  return { ...on, log, attachment: await attaching };
}

/** @param {number} offset @param {number} id */
const attached = (offset, id) => ({
  type: "attached",
  data: {
    ...{ channel: 1, terminalID: "t1", role: "owner", rows: 24, cols: 80, offset, end: offset },
    terminal: { id: "t1", title: "sh", rows: 24, cols: 80, created: 7 },
  },
  id,
});

test("a WebSocket that works is all that is used", async () => {
  const { clock, streams, client, welcome, states } = stage();
  welcome();
  clock.advance(10 * RETRY_MS);
  assert.equal(streams.length, 0);
  assert.equal(client.transport, "websocket");
  assert.ok(states.includes("welcome"));
});

test("where the server wants the event stream first, no WebSocket is tried, ever", async () => {
  const { clock, sockets, stream, streams, client } = stage("events");
  await stream().streams(STREAMED);
  clock.advance(RETRY_MS);
  await streams[0]?.ends();
  clock.advance(1000);
  await stream().streams(STREAMED);
  clock.advance(RETRY_MS);
  assert.equal(client.transport, "events");
  assert.deepEqual([sockets.length, streams.length], [0, 2]);
});

for (const code of [1000, 1001, 1006, 1011]) {
  test(`a WebSocket that a proxy closes with ${code} is replaced at once`, async () => {
    const { socket, stream, client, states } = stage();
    socket().opens();
    socket().closes(code);
    await stream().streams(STREAMED);
    assert.equal(client.transport, "events");
    assert.deepEqual(states, ["connecting", "open", "welcome"]);
  });
}

for (const code of [1008, 1013, 4001]) {
  test(`a server that closes with ${code} is believed`, () => {
    const { socket, streams, states } = stage();
    socket().opens();
    socket().closes(code);
    assert.equal(streams.length, 0);
    assert.equal(states.at(-1), code === 1013 ? "waiting" : "ended");
  });
}

test("a WebSocket that opens and stays silent is replaced", async () => {
  const { clock, socket, stream, client } = stage();
  socket().opens();
  clock.advance(4000);
  await stream().streams(STREAMED);
  assert.equal(client.transport, "events");
  assert.equal(socket().readyState, 3);
});

test("a server that is away costs WebSocket nothing", async () => {
  const { clock, sockets, socket, stream, client, states, welcome } = stage();
  socket().closes(1006);
  await stream().fails();
  assert.equal(states.at(-1), "waiting");
  clock.advance(1000);
  assert.equal(sockets.length, 2);
  welcome();
  assert.equal(client.transport, "websocket");
});

test("after a cut of the stream WebSocket is not waited for again, for a while", async () => {
  const { clock, sockets, streams, client } = await fallen();
  await streams[0]?.ends();
  clock.advance(1000);
  assert.equal(sockets.length, 1);
  assert.equal(streams.length, 2);
  await streams[1]?.streams(STREAMED);
  assert.equal(client.transport, "events");
});

test("it goes back to WebSocket without losing what is typed or printed meanwhile", async () => {
  const on = await fallen();
  const server = on.stream();
  on.attachment.input.write(Uint8Array.of(97));
  await turn();
  on.clock.advance(RETRY_MS);
  on.socket().opens();
  on.socket().receives({ type: "welcome", data: WELCOME });
  on.attachment.input.write(Uint8Array.of(98));
  assert.equal(on.client.transport, "events");
  await server.answers([]);
  assert.equal(server.posts.length, 2);
  await server.streams('event: output\ndata: {"channel":1,"offset":5,"base64":"IQ=="}\n\n');
  on.clock.advance(0);
  await turn();
  assert.equal(on.client.transport, "websocket");
  assert.equal(on.states.at(-1), "welcome");
  assert.equal(server.isAborted, true);
  void on.client.resume();
  const [attach] = on.socket().messages("attach");
  assert.equal(attach.data.since, 6);
  on.attachment.input.write(Uint8Array.of(99));
  on.socket().receives(attached(6, attach.id));
  const output = encodeFrame(Kind.OUTPUT, 1, 6, new TextEncoder().encode("more"));
  on.socket().receives(output.buffer);
  assert.deepEqual(on.log, [["attached", 0, false], "hello", "!", ["attached", 6, true], "more"]);
  const frames = on.socket().sent.filter((data) => typeof data !== "string");
  assert.deepEqual(frames, [
    encodeFrame(Kind.INPUT, 1, 0, Uint8Array.of(98)),
    encodeFrame(Kind.INPUT, 1, 1, Uint8Array.of(99)),
  ]);
});

test("what does not arrive in time puts the move off, and what was held is sent", async () => {
  const on = await fallen();
  on.attachment.input.write(Uint8Array.of(97));
  on.clock.advance(RETRY_MS);
  on.socket().opens();
  on.socket().receives({ type: "welcome", data: WELCOME });
  on.attachment.input.write(Uint8Array.of(98));
  on.clock.advance(1000);
  await turn();
  assert.ok(on.states.includes("stayed"));
  await on.stream().answers([]);
  assert.equal(on.stream().posts.at(-1)?.[0].data.base64, "Yg==");
  assert.equal(on.client.transport, "events");
});

test("a WebSocket that is still blocked is tried again, and harms nothing", async () => {
  const { clock, sockets, socket, client, states } = await fallen();
  for (let round = 2; round < 5; round++) {
    clock.advance(RETRY_MS);
    assert.equal(sockets.length, round);
    socket().closes(1006);
  }
  assert.equal(client.transport, "events");
  assert.ok(!states.includes("waiting"));
});
