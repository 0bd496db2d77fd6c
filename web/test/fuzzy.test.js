import assert from "node:assert/strict";
import { test } from "node:test";
import { find, match } from "../js/page/fuzzy.js";

test("letters must occur in order, whatever their case and the spaces between", () => {
  assert.deepEqual(match("sr", "Split to the right")?.at, [0, 13]);
  assert.deepEqual(match("S P l", "split")?.at, [0, 1, 2]);
  assert.equal(match("tx", "Next tab"), null);
  assert.deepEqual(match("", "anything")?.at, []);
});

test("starts of words and letters in a row come before scattered ones", () => {
  const titles = ["Close this terminal", "Next tab", "New terminal", "Rename this terminal"];
  const best = (/** @type {string} */ query) => find(query, titles, (title) => title)[0]?.item;
  assert.equal(best("nt"), "Next tab");
  assert.equal(best("new"), "New terminal");
  assert.equal(best("ren"), "Rename this terminal");
  assert.equal(best("clo"), "Close this terminal");
  assert.deepEqual(find(" ", titles, (title) => title).map(({ item }) => item), titles);
  assert.deepEqual(find("zzz", titles, (title) => title), []);
});
