import assert from "node:assert/strict";
import { test } from "node:test";
import headless from "@xterm/headless";
import { guardErase } from "../js/erase.js";

/** @param {string} text */
async function screenAfter(text) {
  const emulator = new headless.Terminal({ allowProposedApi: true, rows: 2, cols: 5 });
  guardErase(emulator);
  await new Promise((done) => emulator.write(text, () => done(undefined)));
  const lines = [0, 1].map((row) => emulator.buffer.active.getLine(row)?.translateToString(true));
  return lines.join("|");
}

test("erasing up to the very last cell erases all, and the emulator goes on", async () => {
  for (const erase of ["\x1b[1J", "\x1b[?1J"]) {
    assert.equal(await screenAfter(`abc\x1b[2;5H${erase}\x1b[Hok`), "ok|");
    assert.equal(await screenAfter(`abc\r\nabcde${erase}\x1b[Hok`), "ok|");
    assert.equal(await screenAfter(`abc\x1b[?1049h\x1b[2;5H${erase}\x1b[Hok`), "ok|");
  }
});

test("erasing elsewhere is the emulator's own", async () => {
  assert.equal(await screenAfter("abcde\r\nabcd\x1b[2D\x1b[1J"), "|   d");
  assert.equal(await screenAfter("abcde\r\nabcd\x1b[2;5H\x1b[J"), "abcde|abcd");
  assert.equal(await screenAfter("abcde\r\nabcd\x1b[2;5H\x1b[2J"), "|");
});
