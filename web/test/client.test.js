import assert from "node:assert/strict";
import { test } from "node:test";
import { BridgeClient, RequestError } from "../js/client.js";
import { ReconnectingSocket } from "../js/socket.js";
import { encodeFrame, Kind } from "../js/wire.js";
import { FakeSocket, ManualClock } from "./fakes.js";

const WELCOME = {
  type: "welcome",
  data: {
    connectionID: "c1",
    user: { id: "owner", name: "owner" },
    ping: { interval: 3000, timeout: 1000 },
    reconnect: { maxAttempts: 5, delay: 1000 },
    inputWindow: 1000,
  },
};

/** A screen that keeps what it was told, and renders when the test says. */
class FakeScreen {
  /** @type {any[]} */
  log = [];
  /** @type {(() => void)[]} */
  #rendering = [];

  /** @param {any} attached @param {boolean} isResume */
  attached = ({ offset }, isResume) => this.log.push(["attached", offset, isResume]);
  /** @param {Uint8Array} bytes @param {boolean} isOld @param {() => void} rendered */
  output = (bytes, isOld, rendered) => {
    const text = Buffer.from(bytes).toString();
    if (text !== "") this.log.push(isOld ? ["old", text] : text);
    this.#rendering.push(rendered);
  };
  /** @param {number} rows @param {number} cols @param {Uint8Array} vt @param {() => void} rendered */
  snapshot = (rows, cols, vt, rendered) => {
    this.log.push(["snapshot", rows, cols, Buffer.from(vt).toString()]);
    this.#rendering.push(rendered);
  };
  /** @param {number} rows @param {number} cols */
  resized = (rows, cols) => this.log.push(["resized", rows, cols]);
  /** @param {any} exit */
  exited = (exit) => this.log.push(["exited", exit.code]);
  /** @param {any} notice @param {any} own */
  told = (notice, own) => this.log.push([notice.type, own?.controls]);
  renders() {
    for (const rendered of this.#rendering.splice(0)) rendered();
  }
}

function stage() {
  const clock = new ManualClock();
  /** @type {FakeSocket[]} */
  const sockets = [];
  const socket = new ReconnectingSocket(() => {
    const made = new FakeSocket();
    sockets.push(made);
    return made;
  }, clock);
  const client = new BridgeClient(socket, clock);
  const last = () => /** @type {FakeSocket} */ (sockets.at(-1));
  const welcome = () => {
    last().opens();
    last().receives(WELCOME);
  };
  client.connect();
  welcome();
  return { clock, sockets, client, last, welcome };
}

/** @param {number} offset @param {string} text */
const output = (offset, text) =>
  encodeFrame(Kind.OUTPUT, 1, offset, new TextEncoder().encode(text)).buffer;

/** @param {number} offset @param {number} id @param {number} [end] @param {number} [created] */
const attached = (offset, id, end = offset, created = 7) => ({
  type: "attached",
  data: {
    ...{ channel: 1, terminalID: "t1", role: "owner", rows: 24, cols: 80, offset, end },
    terminal: { id: "t1", title: "sh", rows: 24, cols: 80, created },
  },
  id,
});

/** @param {ReturnType<typeof stage>} on */
function view({ client, last }) {
  const screen = new FakeScreen();
  const attaching = client.attach("t1", screen, { rows: 24, cols: 80, visible: true });
  const { id } = last().messages("attach")[0];
  last().receives(attached(0, id));
  return { screen, attaching };
}

test("a reply finds its request, and an error says what the server said", async () => {
  const { client, last } = stage();
  const asked = client.request("terminal.close", { terminalID: "t1" });
  const refused = client.request("terminal.close", { terminalID: "t2" });
  const [first, second] = last().messages("terminal.close");
  last().receives({ type: "error", data: { code: "not-found", message: "no" }, id: second.id });
  last().receives({ type: "accepted", id: first.id });
  assert.equal((await asked).type, "accepted");
  await assert.rejects(refused, (error) => error instanceof RequestError && error.code === "not-found");
});

test("after a cut it asks for exactly what it has not had", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().receives(output(0, "hello "));
  on.last().closes(1006);
  on.clock.advance(1000);
  on.welcome();
  void on.client.resume();
  const again = on.last().messages("attach")[0];
  assert.equal(again.data.since, 6);
  on.last().receives(attached(6, again.id));
  on.last().receives(output(6, "world"));
  assert.deepEqual(screen.log, [["attached", 0, false], "hello ", ["attached", 6, true], "world"]);
});

test("what was printed before the page came is told from what is new, to the byte", () => {
  const on = stage();
  const screen = new FakeScreen();
  void on.client.attach("t1", screen, { rows: 24, cols: 80, visible: true });
  on.last().receives(attached(0, on.last().messages("attach")[0].id, 8));
  on.last().receives(output(0, "hello "));
  on.last().receives(output(6, "world"));
  assert.deepEqual(screen.log.slice(1), [["old", "hello "], ["old", "wo"], "rld"]);
});

test("all that a terminal of its own prints is new to the page", () => {
  const on = stage();
  const screen = new FakeScreen();
  void on.client.attach("t1", screen, { rows: 24, cols: 80, visible: true }, true);
  on.last().receives(attached(0, on.last().messages("attach")[0].id, 8));
  on.last().receives(output(0, "prompt"));
  assert.deepEqual(screen.log.slice(1), ["prompt"]);
});

test("when the server cannot give what was missed, the screen starts anew", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().receives(output(0, "hello "));
  on.last().closes(1006);
  on.clock.advance(1000);
  on.welcome();
  void on.client.resume();
  on.last().receives(attached(500, on.last().messages("attach")[0].id));
  assert.deepEqual(screen.log.at(-1), ["attached", 500, false]);
});

test("a cut before a snapshot has come whole does not have it taken for granted", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().receives(output(0, "abc"));
  on.last().closes(1006);
  on.clock.advance(1000);
  on.welcome();
  void on.client.resume();
  const lost = on.last().messages("attach")[0];
  on.last().receives(attached(5000, lost.id));
  on.last().closes(1006); // in the middle of the snapshot
  on.clock.advance(2000);
  on.welcome();
  void on.client.resume();
  const again = on.last().messages("attach")[0];
  assert.equal(again.data.since, undefined);
  on.last().receives(attached(5000, again.id));
  assert.deepEqual(screen.log.slice(-1), [["attached", 5000, false]]);
});

test("another terminal that has the name by now is shown from its beginning", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().closes(1006); // before a byte: both begin at 0
  on.clock.advance(1000);
  on.welcome();
  void on.client.resume();
  const again = on.last().messages("attach")[0];
  assert.deepEqual([again.data.since, again.data.created], [0, 7]);
  on.last().receives(attached(0, again.id, 0, 8));
  assert.deepEqual(screen.log, [["attached", 0, false], ["attached", 0, false]]);
});

test("what was on its way while a view begins anew does not come between", async () => {
  const on = stage();
  const { screen, attaching } = view(on);
  const attachment = await attaching;
  on.last().receives(output(0, "abc"));
  void on.client.renew(attachment);
  on.last().receives(output(3, "def"));
  const again = on.last().messages("attach")[1];
  assert.equal(again.data.since, 3);
  on.last().receives(attached(3, again.id));
  on.last().receives(output(3, "def"));
  assert.deepEqual(screen.log.slice(1), ["abc", ["attached", 3, true], "def"]);
});

test("a gap in the output is noticed and mended by connecting anew", () => {
  const on = stage();
  const { screen } = view(on);
  const silenced = console.error;
  console.error = () => {};
  on.last().receives(output(0, "a"));
  on.last().receives(output(5, "b"));
  console.error = silenced;
  assert.deepEqual(screen.log.slice(1), ["a"]);
  on.clock.advance(1000);
  assert.equal(on.sockets.length, 2);
});

test("only what is rendered is acknowledged, and not each piece of it", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().receives(output(0, "abc"));
  on.last().receives(output(3, "def"));
  on.clock.advance(1000);
  assert.deepEqual(on.last().messages("ack"), []);
  screen.renders();
  on.clock.advance(1000);
  assert.deepEqual(on.last().messages("ack").map(({ data }) => data), [{ channel: 1, offset: 6 }]);
});

test("input starts at nothing on each connection, and is not kept across a cut", async () => {
  const on = stage();
  const { attaching } = view(on);
  const attachment = await attaching;
  attachment.input.write(Uint8Array.of(120));
  on.last().closes(1006);
  assert.equal(attachment.isLive, false);
  on.clock.advance(1000);
  on.welcome();
  void on.client.resume();
  on.last().receives(attached(0, on.last().messages("attach")[0].id));
  attachment.input.write(Uint8Array.of(121));
  const frames = on.last().sent.filter((data) => typeof data !== "string");
  assert.deepEqual(frames, [encodeFrame(Kind.INPUT, 1, 0, Uint8Array.of(121))]);
});

test("a snapshot replaces what came before", () => {
  const on = stage();
  const { screen } = view(on);
  on.last().receives(output(0, "old"));
  const payload = Uint8Array.of(0, 30, 0, 100, 104, 105);
  on.last().receives(encodeFrame(Kind.SNAPSHOT, 1, 900, payload).buffer);
  on.last().receives(output(900, "new"));
  assert.deepEqual(screen.log.slice(1), ["old", ["snapshot", 30, 100, "hi"], "new"]);
});

test("a link that has died is found out and replaced", () => {
  const on = stage();
  on.clock.advance(3000);
  assert.equal(on.last().messages("ping").length, 1);
  on.last().receives({ type: "pong" });
  on.clock.advance(3000);
  assert.equal(on.sockets.length, 1);
  on.clock.advance(2000);
  on.clock.advance(1000);
  assert.equal(on.sockets.length, 2);
});

test("requests end with the link that they were sent on", async () => {
  const on = stage();
  const asked = on.client.request("ping");
  on.last().closes(1006);
  await assert.rejects(asked, (error) => error instanceof RequestError && error.code === "offline");
});

test("asked to connect while it seems connected, it makes sure within the timeout", () => {
  const on = stage();
  on.clock.advance(100);
  on.client.connect();
  assert.equal(on.last().messages("ping").length, 1);
  on.last().receives({ type: "pong" });
  on.clock.advance(1000);
  assert.equal(on.sockets.length, 1);
  on.client.connect();
  on.clock.advance(999);
  assert.equal(on.last().readyState, 1);
  on.clock.advance(1);
  assert.equal(on.sockets[0]?.readyState, 3);
  on.clock.advance(1000);
  assert.equal(on.sockets.length, 2);
});

/** @param {object} own what differs from a writer who types */
const viewers = (own) => ({
  type: "viewers",
  data: {
    terminalID: "t1",
    viewers: [
      { id: "t1/1", name: "me", role: "writer", controls: true, waits: false, ...own },
      { id: "t1/2", name: "other", role: "writer", controls: true, waits: false },
    ],
  },
});

test("who may not type now knows it, and counts anew when it may again", async () => {
  const on = stage();
  const screen = new FakeScreen();
  const attaching = on.client.attach("t1", screen, { rows: 24, cols: 80, visible: true });
  const first = on.last().messages("attach")[0];
  const reply = attached(0, first.id);
  Object.assign(reply.data, { viewerID: "t1/1" });
  on.last().receives(reply);
  const attachment = await attaching;
  assert.equal(attachment.controls, true);
  attachment.input.write(new Uint8Array(3));
  on.last().receives(viewers({ controls: false }));
  assert.equal(attachment.controls, false);
  on.last().receives({ type: "error", data: { code: "denied", message: "not you" } });
  on.last().receives(viewers({}));
  const again = on.last().messages("attach").find(({ id }) => id !== first.id);
  assert.equal(again.data.since, 0);
  const renewed = attached(0, again.id);
  Object.assign(renewed.data, { viewerID: "t1/3" });
  on.last().receives(renewed);
  attachment.input.write(new Uint8Array(2));
  assert.equal(on.last().messages("detach").length, 1);
  assert.deepEqual(screen.log.slice(1, 3), [["viewers", false], ["viewers", true]]);
});
