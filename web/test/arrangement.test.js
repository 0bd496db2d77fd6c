import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrangement } from "../js/session/arrangement.js";
import { terminalsOf } from "../js/session/layout.js";

/** @param {...string} terminals in a tab each */
function tabs(...terminals) {
  const made = new Arrangement();
  for (const terminal of terminals) made.add(terminal);
  return made;
}

/** @param {Arrangement} arrangement */
function seen(arrangement) {
  return arrangement.tabs.map(({ layout }) => terminalsOf(layout).join("+")).join(" ");
}

test("the first tab is in front, and others wait behind it", () => {
  const made = tabs("a", "b");
  assert.equal(made.active, "a");
  made.show("b");
  assert.deepEqual(made.shown, ["b"]);
  made.step(1);
  assert.equal(made.active, "a");
  made.step(-1);
  assert.equal(made.active, "b");
});

test("closing goes to the tab that takes the place, or to the pane before", () => {
  const made = tabs("a", "b", "c");
  made.show("b");
  made.remove("b");
  assert.equal(made.active, "c");
  made.remove("c");
  assert.equal(made.active, "a");
  made.split("a", "right", "d");
  assert.equal(made.active, "d");
  made.remove("d");
  assert.equal(made.active, "a");
  made.remove("a");
  assert.equal(made.active, null);
});

test("tabs are put in another order", () => {
  const made = tabs("a", "b", "c");
  made.moveTab(made.tabs[0]?.id ?? 0, 3);
  assert.equal(seen(made), "b c a");
  made.moveTab(made.tabs[2]?.id ?? 0, 1);
  assert.equal(seen(made), "b a c");
  assert.equal(made.active, "a");
});

test("a tab is dragged into another one, and a pane out again", () => {
  const made = tabs("a", "b", "c");
  made.moveTabInto(made.tabs[1]?.id ?? 0, "a", "right");
  assert.equal(seen(made), "a+b c");
  assert.equal(made.active, "b");
  made.moveInto("c", "b", "down");
  assert.equal(seen(made), "a+b+c");
  made.moveOut("a", 1);
  assert.equal(seen(made), "b+c a");
  assert.equal(made.active, "a");
  made.moveInto("a", "b", null);
  assert.equal(seen(made), "a+c b");
  made.moveInto("c", "c", "up");
  assert.equal(seen(made), "a+c b");
});

test("a zoomed pane is alone until another gets the keyboard", () => {
  const made = tabs("a");
  made.zoom();
  assert.equal(made.current?.isZoomed, false);
  made.split("a", "down", "b");
  made.zoom();
  assert.deepEqual(made.shown, ["b"]);
  assert.equal(made.beside("up"), "a");
  made.show("a");
  assert.deepEqual(made.shown, ["a", "b"]);
});

test("run again puts the new terminal where the old one was", () => {
  const made = tabs("a");
  made.split("a", "right", "b");
  made.replace("b", "again");
  assert.equal(seen(made), "a+again");
  assert.equal(made.active, "again");
});

test("what was kept comes back without the terminals that are gone", () => {
  const made = tabs("a", "b", "gone");
  made.split("b", "right", "also-gone");
  made.split("b", "down", "c");
  made.show("b");
  const isThere = (/** @type {string} */ name) => !name.includes("gone");
  const back = Arrangement.fromText(made.toText(), isThere);
  assert.equal(seen(back), "a b+c");
  assert.equal(back.active, "b");
  assert.equal(seen(Arrangement.fromText(made.toText(), () => false)), "");
  const twice = `{"tabs":[{"layout":{"kind":"pane","terminal":"a"}},{"layout":{"kind":"pane","terminal":"a"}},7,null]}`;
  for (const damaged of [null, "", "{", "7", '{"tabs":7}']) assert.equal(seen(Arrangement.fromText(damaged, isThere)), "");
  assert.equal(seen(Arrangement.fromText(twice, isThere)), "a");
});
