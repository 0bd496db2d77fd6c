import assert from "node:assert/strict";
import { test } from "node:test";
import xterm from "@xterm/headless";
import { findBlock, holdPlace, restorePlace } from "../js/terminal/held_place.js";

/** @typedef {import("../vendor/xterm/xterm.mjs").Terminal} Emulator */

/** An emulator, which without a page knows no selections. */
function emulator() {
  const made = new xterm.Terminal({ rows: 5, cols: 20, scrollback: 100, allowProposedApi: true });
  /** @type {number[][]} */
  const selected = [];
  /** @type {{ start: { x: number, y: number }, end: { x: number, y: number } } | undefined} */
  let selection;
  return Object.assign(/** @type {Emulator} */ (/** @type {unknown} */ (made)), {
    selected,
    select: (/** @type {number[]} */ ...range) => void selected.push(range),
    getSelectionPosition: () => selection,
    setSelection: (/** @type {NonNullable<typeof selection>} */ given) => (selection = given),
  });
}

/** @param {Emulator} terminal @param {number} from @param {number} to */
function print(terminal, from, to) {
  const lines = Array.from({ length: to - from }, (_, index) => `line ${from + index}\r\n`);
  return new Promise((resolve) => terminal.write(lines.join(""), () => resolve(null)));
}

test("lines are found where most of them stand, and of equals the nearest", () => {
  const lines = ["a", "b", "c", "a", "b", "x", "", "a", "b", "c"];
  assert.equal(findBlock(lines, ["a", "b", "c"], 0), 0);
  assert.equal(findBlock(lines, ["a", "b", "c"], 8), 7);
  assert.equal(findBlock(lines, ["a", "b", "y"], 4), 3);
  assert.equal(findBlock(lines, ["", "a", "b"], 0), 6);
  assert.equal(findBlock(lines, ["q", "r"], 0), null);
  assert.equal(findBlock(lines, ["a", "q", "q", "q"], 0), null);
  assert.equal(findBlock(lines, ["", ""], 0), null);
});

test("the place is held over a reset, with more lines behind it and fewer before", async () => {
  const terminal = emulator();
  await print(terminal, 0, 40);
  assert.equal(holdPlace(terminal), null);
  terminal.scrollToLine(12);
  terminal.setSelection({ start: { x: 2, y: 20 }, end: { x: 4, y: 22 } });
  const place = holdPlace(terminal) ?? assert.fail("nothing held");
  terminal.reset();
  await print(terminal, 8, 80);
  restorePlace(terminal, place);
  const { viewportY } = terminal.buffer.active;
  assert.equal(terminal.buffer.active.getLine(viewportY)?.translateToString(true), "line 12");
  assert.deepEqual(terminal.selected, [[2, 12, 42]]);
});
