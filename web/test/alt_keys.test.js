import assert from "node:assert/strict";
import { test } from "node:test";
import { typedWithAlt } from "../js/terminal/alt_keys.js";

const ALT = { type: "keydown", altKey: true, ctrlKey: false, metaKey: false, shiftKey: false };

test("Alt and punctuation type what stands on the key, whatever its number", () => {
  for (const keyCode of [173, 189]) assert.equal(typedWithAlt({ ...ALT, key: "-", keyCode }, false), "\x1b-");
  assert.equal(typedWithAlt({ ...ALT, key: "+", keyCode: 61, shiftKey: true }, false), "\x1b+");
  assert.equal(typedWithAlt({ ...ALT, key: "#", keyCode: 163 }, false), "\x1b#");
});

test("on a Mac the character is Option's, and only Firefox numbers are told apart", () => {
  assert.equal(typedWithAlt({ ...ALT, key: "–", keyCode: 173 }, true), "\x1b-");
  assert.equal(typedWithAlt({ ...ALT, key: "—", keyCode: 173, shiftKey: true }, true), "\x1b_");
  assert.equal(typedWithAlt({ ...ALT, key: "–", keyCode: 189 }, true), null);
});

test("all else is the emulator's", () => {
  const dash = { ...ALT, key: "-", keyCode: 173 };
  assert.equal(typedWithAlt({ ...ALT, key: "b", keyCode: 66 }, false), null);
  assert.equal(typedWithAlt({ ...ALT, key: "ArrowLeft", keyCode: 37 }, false), null);
  assert.equal(typedWithAlt({ ...dash, altKey: false }, false), null);
  assert.equal(typedWithAlt({ ...dash, ctrlKey: true }, false), null);
  assert.equal(typedWithAlt({ ...dash, type: "keyup" }, false), null);
});
