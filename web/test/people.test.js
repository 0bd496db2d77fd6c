import assert from "node:assert/strict";
import { test } from "node:test";
import { elsewhere, isTurnTaking, peopleOf, rulersOf, statesOf } from "../js/session/people.js";

/** @typedef {import("../js/wire.js").Viewer} Viewer */

/** @type {Viewer} */
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
const WATCHER = Object.freeze({ ...WRITER, id: "t/2", name: "wim", role: /** @type {const} */ ("watcher"), controls: false });
const OWNER = Object.freeze({ ...WRITER, id: "t/3", name: "olga", role: /** @type {const} */ ("owner") });

test("what is worth saying of a viewer is said, and nothing else", () => {
  assert.deepEqual(statesOf(WRITER, false), []);
  assert.deepEqual(statesOf(WRITER, true), ["has the keyboard"]);
  const idle = { ...WRITER, controls: false, waits: true, visible: false, lagging: true };
  assert.deepEqual(statesOf(idle, true, true), ["asks for the keyboard", "sets the size", "away", "is behind"]);
  assert.deepEqual(statesOf(WATCHER, true), ["watches"]);
});

test("the keyboard is handed on where somebody who may write cannot", () => {
  assert.equal(isTurnTaking([WRITER, WATCHER]), false);
  assert.equal(isTurnTaking([WRITER, { ...WRITER, controls: false }]), true);
});

test("whose window sets the size is known where windows differ", () => {
  const size = { rows: 24, cols: 80 };
  const large = { ...WRITER, id: "t/9", rows: 50, cols: 200 };
  assert.deepEqual([...rulersOf([WRITER, OWNER], size)], []);
  assert.deepEqual([...rulersOf([WRITER, large], size)], ["t/1"]);
  // Two who each bound one side; who watches or is away bounds nothing.
  const low = { ...large, id: "t/7", rows: 24 };
  const slim = { ...large, id: "t/8", cols: 80 };
  const away = { ...WRITER, id: "t/6", visible: false };
  assert.deepEqual([...rulersOf([low, slim, large, WATCHER, away], size)], ["t/7", "t/8"]);
  assert.deepEqual([...rulersOf([large], null)], []);
});

test("one may do to others what the server lets one do", () => {
  const actions = (/** @type {Viewer[]} */ viewers, /** @type {Viewer | null} */ own) =>
    peopleOf(viewers, own, null).map((person) => person.actions);
  assert.deepEqual(actions([OWNER, WRITER, WATCHER], OWNER), [[], ["silence"], ["let"]]);
  assert.deepEqual(actions([OWNER, WRITER, WATCHER], WRITER), [[], [], []]);
  const idle = { ...WRITER, id: "t/4", controls: false };
  assert.deepEqual(actions([WRITER, idle, WATCHER], WRITER), [[], ["give"], []]);
  assert.deepEqual(actions([WRITER, idle], idle), [[], []]);
  assert.deepEqual(actions([WRITER, idle], null), [[], []]);
});

test("who is not at this terminal is elsewhere, and where if that is known", () => {
  const members = [
    { id: "u1", name: "ann", role: /** @type {const} */ ("writer") },
    { id: "u2", name: "wim", role: /** @type {const} */ ("writer") }, // but there an owner lets him only watch
    { id: "u3", name: "zoe", role: /** @type {const} */ ("writer") },
  ];
  const others = [{ title: "vim", viewers: [WATCHER] }];
  const found = elsewhere(members, [WRITER], others).map(({ name, states }) => [name, ...states]);
  assert.deepEqual(found, [["wim", "at vim", "watches"], ["zoe", "in this session"]]);
});
