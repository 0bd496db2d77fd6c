import assert from "node:assert/strict";
import { test } from "node:test";
import * as layouts from "../js/session/layout.js";

const { pane } = layouts;

/** a | (b over c) */
const THREE = layouts.insert(layouts.insert(pane("a"), "a", "right", pane("b")), "b", "down", pane("c"));

/** @param {layouts.Layout} layout @param {string} terminal */
function box(layout, terminal) {
  const { x, y, width, height } = layouts.boxesOf(layout).get(terminal) ?? assert.fail(terminal);
  return [x, y, width, height].map((part) => Math.round(part * 1000) / 1000);
}

test("a terminal that is split gives half of its place away", () => {
  assert.deepEqual(box(THREE, "a"), [0, 0, 0.5, 1]);
  assert.deepEqual(box(THREE, "b"), [0.5, 0, 0.5, 0.5]);
  assert.deepEqual(box(THREE, "c"), [0.5, 0.5, 0.5, 0.5]);
  const left = layouts.insert(pane("a"), "a", "left", pane("b"));
  assert.deepEqual(layouts.terminalsOf(left), ["b", "a"]);
});

test("splits along one axis are one split", () => {
  let row = layouts.insert(pane("a"), "a", "right", pane("b"));
  row = layouts.insert(row, "b", "right", pane("c"));
  assert.equal(row.kind === "split" && row.children.length, 3);
  assert.deepEqual(box(row, "b"), [0.5, 0, 0.25, 1]);
  assert.deepEqual(box(layouts.even(row), "b"), [0.333, 0, 0.333, 1]);
  const wide = layouts.insert(pane("z"), "z", "left", row);
  assert.equal(wide.kind === "split" && wide.children.length, 4);
});

test("whoever stays gets the place of who leaves", () => {
  const two = layouts.remove(THREE, "a") ?? assert.fail();
  assert.deepEqual(box(two, "b"), [0, 0, 1, 0.5]);
  assert.deepEqual(layouts.remove(two, "c"), pane("b"));
  assert.equal(layouts.remove(pane("b"), "b"), null);
  assert.deepEqual(layouts.remove(THREE, "unknown"), THREE);
});

test("terminals change places, move, and are replaced", () => {
  assert.deepEqual(box(layouts.swap(THREE, "a", "c"), "a"), [0.5, 0.5, 0.5, 0.5]);
  assert.deepEqual(box(layouts.move(THREE, "a", "c", "right"), "a"), [0.5, 0.5, 0.5, 0.5]);
  assert.deepEqual(layouts.move(THREE, "a", "a", "up"), THREE);
  assert.deepEqual(layouts.terminalsOf(layouts.replace(THREE, "b", "new")), ["a", "new", "c"]);
});

test("a neighbour shares an edge, and of several the longest part of it", () => {
  assert.equal(layouts.neighbour(THREE, "c", "left"), "a");
  assert.equal(layouts.neighbour(THREE, "b", "down"), "c");
  assert.equal(layouts.neighbour(THREE, "a", "left"), null);
  assert.equal(layouts.neighbour(THREE, "a", "right"), "b");
  const lower = layouts.resize(THREE, [1], 0, -0.2);
  assert.equal(layouts.neighbour(lower, "a", "right"), "c");
});

test("lines between panes are moved, and leave room on both sides", () => {
  const dividers = layouts.dividersOf(THREE);
  assert.deepEqual(dividers.map(({ path, index, axis }) => [path.join(), index, axis]), [["", 0, "row"], ["1", 0, "column"]]);
  assert.deepEqual(box(layouts.resize(THREE, [], 0, 0.1), "a"), [0, 0, 0.6, 1]);
  assert.deepEqual(box(layouts.resize(THREE, [], 0, 5), "a"), [0, 0, 0.92, 1]);
  assert.deepEqual(box(layouts.resize(THREE, [1], 0, -5), "b"), [0.5, 0, 0.5, 0.08]);
  assert.deepEqual(layouts.resize(THREE, [7, 7], 3, 0.1), THREE);
  assert.deepEqual(box(layouts.push(THREE, "c", "left", 0.1), "a"), [0, 0, 0.4, 1]);
  assert.deepEqual(box(layouts.push(THREE, "c", "down", 0.1), "b"), [0.5, 0, 0.5, 0.6]);
  assert.deepEqual(layouts.push(pane("a"), "a", "down", 0.1), pane("a"));
});

test("the edge nearest to where something is dropped is split, in the middle none", () => {
  assert.equal(layouts.sideAt(0.1, 0.4), "left");
  assert.equal(layouts.sideAt(0.6, 0.95), "down");
  assert.equal(layouts.sideAt(0.5, 0.5), null);
});

test("what was kept is read again, and what is damaged is left out", () => {
  assert.deepEqual(layouts.parse(JSON.parse(JSON.stringify(THREE))), THREE);
  for (const damaged of [null, 7, "a", [], {}, { kind: "pane" }, { kind: "split", axis: "row", children: [], shares: [] }]) {
    assert.equal(layouts.parse(damaged), null);
  }
  const half = { kind: "split", axis: "row", children: [pane("a"), { kind: "?" }], shares: ["x"] };
  assert.deepEqual(layouts.parse(half), pane("a"));
  const twice = { kind: "split", axis: "row", children: [pane("a"), pane("a")], shares: [1, 1] };
  assert.equal(layouts.parse(twice), null);
});

test("whatever is done, shares add up and boxes fill the whole", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below;
  const sides = /** @type {const} */ (["left", "right", "up", "down"]);
  /** @type {layouts.Layout} */
  let layout = pane("0");
  for (let turn = 1; turn < 400; turn++) {
    const terminals = layouts.terminalsOf(layout);
    const at = terminals[random(terminals.length)] ?? "";
    const side = sides[random(4)] ?? "up";
    if (terminals.length < 9 && random(3) > 0) layout = layouts.insert(layout, at, side, pane(String(turn)));
    else if (random(2) === 0) layout = layouts.remove(layout, at) ?? pane("0");
    else layout = layouts.push(layouts.move(layout, terminals[0] ?? "", at, side), at, side, 0.3);
    const boxes = [...layouts.boxesOf(layout).values()];
    const area = boxes.reduce((sum, { width, height }) => sum + width * height, 0);
    assert.ok(Math.abs(area - 1) < 1e-6, `area ${area} in turn ${turn}`);
    /** @type {layouts.Layout} */
    const again = layouts.parse(layout) ?? assert.fail();
    assert.deepEqual(layouts.terminalsOf(again), layouts.terminalsOf(layout));
  }
});
