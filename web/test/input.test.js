import assert from "node:assert/strict";
import { test } from "node:test";
import { InputStream } from "../js/input.js";

function stage(window = 10) {
  /** @type {[number, string][]} */
  const sent = [];
  const input = new InputStream((offset, data) => sent.push([offset, Buffer.from(data).toString()]));
  input.window = window;
  /** @param {string} text */
  const type = (text) => input.write(new TextEncoder().encode(text));
  return { input, sent, type };
}

test("no more than the window is in flight, in order, at contiguous offsets", () => {
  const { input, sent, type } = stage();
  type("12345678");
  type("abcdef");
  assert.deepEqual(sent, [[0, "12345678"]]);
  input.acked(4);
  assert.deepEqual(sent.at(-1), [8, "abcdef"]);
});

test("what is larger than the window goes in pieces", () => {
  const { input, sent, type } = stage();
  type("x".repeat(25));
  input.acked(10);
  input.acked(20);
  assert.deepEqual(sent.map(([offset]) => offset), [0, 10, 20]);
  assert.equal(sent.map(([, text]) => text).join(""), "x".repeat(25));
});

test("too much waiting is refused whole", () => {
  const { type, sent } = stage();
  type("x".repeat(10));
  assert.equal(type("y".repeat(65_536)), true);
  assert.equal(type("z"), false);
  assert.ok(sent.every(([, text]) => !text.includes("z")));
});

test("a new channel starts at nothing and gives up what waited", async () => {
  const { input, sent, type } = stage();
  type("0123456789");
  type("never");
  const woken = input.whenRoom();
  input.reset();
  await woken;
  type("new");
  assert.deepEqual(sent.at(-1), [0, "new"]);
});

test("an old ack is harmless", () => {
  const { input, type } = stage();
  type("0123456789");
  input.acked(10);
  input.acked(3);
  assert.equal(input.room, 10);
});
