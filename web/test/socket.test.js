import assert from "node:assert/strict";
import { test } from "node:test";
import { ReconnectingSocket } from "../js/socket.js";
import { FakeSocket, ManualClock } from "./fakes.js";

function stage() {
  const clock = new ManualClock();
  /** @type {FakeSocket[]} */
  const sockets = [];
  const socket = new ReconnectingSocket(() => {
    const made = new FakeSocket();
    sockets.push(made);
    return made;
  }, clock);
  /** @type {string[]} */
  const states = [];
  socket.onstate = (state) => states.push(state.name);
  const last = () => /** @type {FakeSocket} */ (sockets.at(-1));
  return { clock, sockets, socket, states, last };
}

test("attempts wait exponentially longer, and end", () => {
  const { clock, sockets, socket, states, last } = stage();
  socket.connect();
  for (const delay of [1000, 2000, 4000, 8000, 16000]) {
    last().closes(1006);
    const before = sockets.length;
    clock.advance(delay - 1);
    assert.equal(sockets.length, before);
    clock.advance(1);
    assert.equal(sockets.length, before + 1);
  }
  last().closes(1006);
  assert.equal(states.at(-1), "ended");
  clock.advance(10 ** 6);
  assert.equal(sockets.length, 6);
});

test("the wait is full jitter: anything from nothing to its ceiling", () => {
  const { clock, sockets, socket, last } = stage();
  clock.randomness = 0;
  socket.connect();
  last().closes(1006);
  clock.advance(0);
  assert.equal(sockets.length, 2);
});

test("zero attempts is for ever", () => {
  const { clock, sockets, socket, last } = stage();
  socket.settings = { maxAttempts: 0, delay: 10 };
  clock.randomness = 0;
  socket.connect();
  for (let attempt = 0; attempt < 50; attempt++) {
    last().closes(1006);
    clock.advance(0);
  }
  assert.equal(sockets.length, 51);
});

test("a server that has shown itself is given all attempts again", () => {
  const { clock, socket, states, last } = stage();
  socket.connect();
  for (let round = 0; round < 20; round++) {
    last().opens();
    socket.settled();
    last().closes(1001);
    clock.advance(1000);
  }
  assert.ok(!states.includes("ended"));
});

for (const code of [1000, 1008, 4001, 4002]) {
  test(`nobody comes back after ${code}`, () => {
    const { clock, sockets, socket, states, last } = stage();
    socket.connect();
    last().opens();
    last().closes(code);
    clock.advance(10 ** 6);
    assert.equal(sockets.length, 1);
    assert.equal(states.at(-1), "ended");
  });
}

test("asked to connect while waiting, it does so at once and only once", () => {
  const { clock, sockets, socket, last } = stage();
  socket.connect();
  last().closes(1006);
  socket.connect();
  socket.connect();
  assert.equal(sockets.length, 2);
  last().opens();
  socket.settled();
  clock.advance(10 ** 6);
  assert.equal(sockets.length, 2);
});

test("what an old connection still says is not heard", () => {
  const { clock, sockets, socket, last } = stage();
  /** @type {unknown[]} */
  const heard = [];
  socket.onmessage = (data) => heard.push(data);
  socket.connect();
  const old = last();
  old.opens();
  socket.drop();
  old.receives("late");
  old.closes(1006);
  clock.advance(1000);
  assert.equal(sockets.length, 2);
  assert.deepEqual(heard, []);
});

test("what is sent without a connection is not kept", () => {
  const { socket, last } = stage();
  socket.connect();
  socket.send("yesterday");
  last().opens();
  socket.send("today");
  assert.deepEqual(last().sent, ["today"]);
});

test("an attempt that nobody answers is given up, one that is answered is not", () => {
  const { clock, sockets, socket, last } = stage();
  clock.randomness = 0;
  socket.connect();
  clock.advance(9_999);
  assert.equal(sockets.length, 1);
  clock.advance(1);
  assert.equal(sockets.length, 2);
  last().opens();
  socket.settled();
  clock.advance(10 ** 6);
  assert.equal(sockets.length, 2);
});

test("told not to come back, it does not, even when asked to", () => {
  for (const code of [1000, 1008, 4001, 4002]) {
    const { sockets, socket, last } = stage();
    socket.connect();
    last().opens();
    socket.settled();
    last().closes(code);
    socket.connect();
    assert.equal(sockets.length, 1);
  }
});

test("out of attempts, it tries again when asked to", () => {
  const { sockets, socket, last, states } = stage();
  socket.settings = { maxAttempts: 1, delay: 10 };
  socket.connect();
  last().closes(1006);
  socket.connect();
  last().closes(1006);
  assert.equal(states.at(-1), "ended");
  socket.connect();
  assert.equal(sockets.length, 3);
});
