import assert from "node:assert/strict";
import { test } from "node:test";
import { InputStream } from "../js/input.js";
import { Paste, pieces, sanitized } from "../js/paste.js";

test("no control character but tab and CR stays, in whatever disguise", () => {
  const hostile = [
    "\x1b[201~rm -rf\r",
    "\x1b\x1b[201~[201~",
    "\x1b[20\x1b[201~1~",
    "\x9b201~",
    "\x1b[2\x0001~",
    "\u0085\u0090\x07\x7f\x03\x04",
  ];
  for (const text of hostile) {
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(sanitized(text), /[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]/);
  }
  assert.equal(sanitized("a\tb\r\nc\nd\re 中😀"), "a\tb\rc\rd\re 中😀");
});

/** What is left of ``text`` when it is UTF-8: half a surrogate pair is not. @param {string} text */
const encoded = (text) => new TextDecoder().decode(new TextEncoder().encode(text));

test("pieces join to the text and split no character", () => {
  const text = "a😀é😀😀中".repeat(50);
  for (let most = 1; most < 12; most++) {
    const cut = [...pieces(text, most)];
    assert.equal(cut.join(""), text);
    if (most > 1) for (const piece of cut) assert.equal(encoded(piece), piece);
  }
});

/** @param {number} window */
function stage(window) {
  let sent = "";
  const decoder = new TextDecoder();
  const input = new InputStream((_, data) => (sent += decoder.decode(data, { stream: true })));
  input.window = window;
  return { input, sent: () => sent };
}

test("a large paste arrives whole, at the program's pace", async () => {
  const { input, sent } = stage(32_768);
  const text = "line 中\n".repeat(40_000);
  const paste = new Paste(input, text, true);
  let total = 0;
  paste.onprogress = ({ done }) => assert.ok(done > total && (total = done));
  const isDone = paste.run(() => true);
  let acked = 0;
  const reader = setInterval(() => input.acked((acked += 20_000)), 0);
  assert.equal(await isDone, true);
  while (input.room < 32_768) await new Promise((resolve) => setTimeout(resolve, 1));
  clearInterval(reader);
  assert.equal(sent(), `\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`);
});

test("a cancelled paste stops, and is closed", async () => {
  const { input, sent } = stage(20_000);
  const paste = new Paste(input, "x".repeat(100_000), true);
  const isDone = paste.run(() => true);
  paste.cancel();
  input.acked(10_000);
  assert.equal(await isDone, false);
  assert.ok(sent().length < 30_000);
  input.acked(20_000);
  assert.ok(sent().endsWith("\x1b[201~"));
});

test("a paste ends with the connection", async () => {
  const { input } = stage(20_000);
  let isLive = true;
  const isDone = new Paste(input, "x".repeat(100_000), false).run(() => isLive);
  isLive = false;
  input.reset();
  assert.equal(await isDone, false);
});

test("a paste that nobody reads ends when it is cancelled", { timeout: 5000 }, async () => {
  const { input, sent } = stage(100);
  const paste = new Paste(input, "x".repeat(100_000), false);
  const done = paste.run(() => true);
  assert.equal(input.room, 0);
  paste.cancel();
  assert.equal(await done, false);
  assert.equal(sent().length, 100);
});

test("a key after a cancel is typed, not pasted", async () => {
  const { input, sent } = stage(20_000);
  const paste = new Paste(input, "x".repeat(100_000), true);
  const done = paste.run(() => true);
  paste.cancel();
  input.write(Uint8Array.of(0x03));
  input.acked(20_000);
  await done;
  assert.ok(sent().endsWith("x\x1b[201~\x03"));
});
