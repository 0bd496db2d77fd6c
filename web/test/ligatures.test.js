import assert from "node:assert/strict";
import { test } from "node:test";
import { ligaturesIn } from "../js/terminal/ligatures.js";

test("the longest ligature at each place is found", () => {
  assert.deepEqual(ligaturesIn("a => b !== c <- d"), [
    [2, 4],
    [7, 10],
    [13, 15],
  ]);
  assert.deepEqual(ligaturesIn("<!-- x"), [[0, 4]]);
  assert.deepEqual(ligaturesIn("plain = text"), []);
});
