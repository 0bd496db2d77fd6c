import assert from "node:assert/strict";
import { test } from "node:test";
import { Draft, Recall } from "../js/chat/draft.js";
import { readable, resultOf } from "../js/chat/output.js";
import { COLOURS, colourOf, initialsOf } from "../js/session/colours.js";

function fakeStorage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value),
  };
}

test("a draft and whom it is for are kept for each session", () => {
  const storage = fakeStorage();
  new Draft("one", storage).keep({ mode: "prompt", text: "half a" });
  const again = new Draft("one", storage);
  assert.deepEqual([again.mode, again.text], ["prompt", "half a"]);
  const other = new Draft("two", storage);
  assert.deepEqual([other.mode, other.text], ["say", ""]);
  storage.setItem("ptybridge.draft.one", '{"mode":7,"text":{}}');
  assert.equal(new Draft("one", storage).mode, "say");
  assert.equal(new Draft("one", storage).text, "");
});

test("a draft lives without a storage, and with one that is full", () => {
  const full = { getItem: () => "{", setItem: () => assert.fail("full") };
  for (const storage of [null, full]) {
    const draft = new Draft("one", storage);
    draft.keep({ text: "x" });
    assert.equal(draft.text, "x");
  }
});

test("what was sent is called back, and what was being written comes again", () => {
  const recall = new Recall(["first", "second"], "unsent");
  const steps = [-1, -1, -1, 1, 1, 1].map((step) => recall.move(/** @type {-1 | 1} */ (step)));
  assert.deepEqual(steps, ["second", "first", null, "second", "unsent", null]);
});

test("output is shown as its words", () => {
  assert.equal(readable("\x1b[1;31mred\x1b[0m \x1b]8;;https://x\x07link\x1b]8;;\x07 \x1b(Bz\x9b2Ky"), "red link zy");
  assert.equal(readable("10%\r50%\r100%\r\ndone\r\n"), "100%\ndone\n");
  assert.equal(readable("a\tb\x00\x07\x1b"), "a\tb");
});

test("a result says how the command ended, and what it printed", () => {
  assert.deepEqual(resultOf("exit code 2\nmake: no\n"), { outcome: "exit code 2", text: "make: no\n" });
  assert.deepEqual(resultOf("signal 9"), { outcome: "signal 9", text: "" });
  assert.deepEqual(resultOf("typed"), { outcome: "", text: "typed" });
});

test("everybody has a colour that stays, and letters", () => {
  const names = Array.from({ length: 200 }, (_, index) => `name ${index}`);
  const used = new Set(names.map(colourOf));
  assert.equal(used.size, COLOURS);
  assert.ok([...used].every((colour) => colour >= 0 && colour < COLOURS));
  assert.equal(colourOf("ann"), colourOf("ann"));
  assert.deepEqual(["Ann Lee", "owner", "élodie-b", "😀"].map(initialsOf), ["AL", "O", "ÉB", "?"]);
});
