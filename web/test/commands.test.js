import assert from "node:assert/strict";
import { test } from "node:test";
import { chordOf, Commands, shownKeys } from "../js/page/commands.js";

/** @param {Partial<KeyboardEvent>} held */
function pressed(held) {
  const none = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };
  return { key: "k", code: "KeyK", ...none, ...held };
}

test("keys are named by their place on the keyboard and their modifiers", () => {
  assert.equal(chordOf(pressed({ ctrlKey: true, shiftKey: true }), false), "Ctrl+Shift+K");
  assert.equal(chordOf(pressed({ altKey: true, key: "˚" }), false), "Alt+K");
  assert.equal(chordOf(pressed({ metaKey: true }), true), "Ctrl+K");
  assert.equal(chordOf(pressed({ ctrlKey: true, code: "Equal", key: "+" }), false), "Ctrl+=");
  assert.equal(chordOf(pressed({ ctrlKey: true, code: "ArrowLeft", key: "ArrowLeft" }), false), "Ctrl+ArrowLeft");
});

test("keys that belong to the shell are no chords", () => {
  assert.equal(chordOf(pressed({}), false), null);
  assert.equal(chordOf(pressed({ ctrlKey: true }), true), null);
  assert.equal(chordOf(pressed({ metaKey: true }), false), null);
});

test("a shortcut does what it stands for, when that is possible", () => {
  const commands = new Commands();
  const abort = new AbortController();
  /** @type {string[]} */
  const done = [];
  let isPossible = false;
  commands.add(
    [{ id: "a", title: "A", keys: "Ctrl+Shift+K", run: () => done.push("a"), isPossible: () => isPossible }],
    abort.signal,
  );
  const event = pressed({ ctrlKey: true, shiftKey: true });
  assert.equal(commands.handle(event), false);
  isPossible = true;
  assert.equal(commands.handle(event), true);
  commands.run("a");
  abort.abort();
  commands.run("a");
  assert.deepEqual(done, ["a", "a"]);
});

test("keys are shown as they stand on the keyboard", () => {
  assert.equal(shownKeys("Ctrl+Shift+K", true), "⌘⇧K");
  assert.equal(shownKeys("Ctrl+Shift+K", false), "Ctrl+Shift+K");
});
