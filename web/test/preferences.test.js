import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, Preferences } from "../js/page/preferences.js";

/** @param {string | null} kept */
function storage(kept = null) {
  return {
    kept,
    getItem() {
      return this.kept;
    },
    /** @param {string} _ @param {string} value */
    setItem(_, value) {
      this.kept = value;
    },
  };
}

test("what is set is kept, and told once", () => {
  const kept = storage();
  const preferences = new Preferences(kept);
  /** @type {string[]} */
  const heard = [];
  preferences.changed.add((name) => heard.push(name));
  preferences.set("fontSize", 20);
  preferences.set("fontSize", 20);
  assert.deepEqual(heard, ["fontSize"]);
  assert.equal(new Preferences(kept).get("fontSize"), 20);
});

for (const kept of ["", "{", "[]", "null", '{"fontSize": "big", "unknown": 1}']) {
  test(`nothing wrong is taken from ${JSON.stringify(kept)}`, () => {
    assert.equal(new Preferences(storage(kept)).get("fontSize"), DEFAULTS.fontSize);
  });
}

test("what another tab has set is taken over", () => {
  const kept = storage();
  const [one, other] = [new Preferences(kept), new Preferences(kept)];
  one.set("look", "light");
  /** @type {string[]} */
  const heard = [];
  other.changed.add((name) => heard.push(name));
  other.refresh();
  assert.deepEqual([other.get("look"), heard], ["light", ["look"]]);
});

test("a browser that keeps nothing is no obstacle", () => {
  const full = { getItem: () => null, setItem: () => assert.fail("full") };
  const preferences = new Preferences(full);
  preferences.set("fontSize", 9);
  assert.equal(preferences.get("fontSize"), 9);
});
