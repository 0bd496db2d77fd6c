import assert from "node:assert/strict";
import { test } from "node:test";
import headless from "@xterm/headless";
import { VERSION, widthOf, widthProvider } from "../js/widths.js";

/** @param {string} text */
async function cellsOf(text) {
  const emulator = new headless.Terminal({ allowProposedApi: true, rows: 2, cols: 20 });
  emulator.unicode.register(widthProvider);
  emulator.unicode.activeVersion = VERSION;
  await new Promise((done) => emulator.write(text, () => done(undefined)));
  const line = emulator.buffer.active.getLine(0);
  const cells = [];
  for (let col = 0; col < emulator.buffer.active.cursorX; col++) {
    const cell = line?.getCell(col);
    cells.push([cell?.getChars(), cell?.getWidth()]);
  }
  return cells;
}

test("widths of some characters", () => {
  assert.deepEqual([..."aé中한😀\u0301\u200d\ufe0f"].map((char) => widthOf(char.codePointAt(0) ?? 0)), [
    1, 1, 2, 2, 2, 0, 0, 0,
  ]);
  assert.equal(widthOf(0x10ffff), 1);
});

test("the emulator puts characters where the table says", async () => {
  assert.deepEqual(await cellsOf("a中b"), [["a", 1], ["中", 2], ["", 0], ["b", 1]]);
  assert.deepEqual(await cellsOf("e\u0301x"), [["e\u0301", 1], ["x", 1]]);
  assert.deepEqual(await cellsOf("中\u0301x"), [["中\u0301", 2], ["", 0], ["x", 1]]);
});

test("a character that nothing stands before joins nothing", () => {
  assert.equal(widthProvider.charProperties(0x301, 0), 0);
  assert.equal(widthProvider.charProperties(0x301, widthProvider.charProperties(0x301, 0)), 0);
});
