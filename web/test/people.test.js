import assert from "node:assert/strict";
import { test } from "node:test";
import { isTurnTaking, stateOf } from "../js/session/people_view.js";

/** @type {import("../js/wire.js").Viewer} */
const WRITER = {
  id: "t/1",
  name: "ann",
  role: "writer",
  rows: 24,
  cols: 80,
  visible: true,
  controls: true,
  lagging: false,
  waits: false,
};

test("what is worth saying of a viewer is said, and nothing else", () => {
  assert.equal(stateOf(WRITER, false), "");
  assert.equal(stateOf(WRITER, true), "has the keyboard");
  const idle = { ...WRITER, controls: false, waits: true, visible: false, lagging: true };
  assert.equal(stateOf(idle, true), "asks for the keyboard, away, is behind");
  assert.equal(stateOf({ ...WRITER, role: "watcher", controls: false }, true), "watches");
});

test("the keyboard is handed on where somebody who may write cannot", () => {
  const watcher = { ...WRITER, role: /** @type {const} */ ("watcher"), controls: false };
  assert.equal(isTurnTaking([WRITER, watcher]), false);
  assert.equal(isTurnTaking([WRITER, { ...WRITER, controls: false }]), true);
});
