import assert from "node:assert/strict";
import { test } from "node:test";
import { typedWithModifiers } from "../js/terminal/modified_keys.js";

const ALT = { type: "keydown", altKey: true, ctrlKey: false, metaKey: false, shiftKey: false };

test("Alt and punctuation type what stands on the key, whatever its number", () => {
  for (const keyCode of [173, 189]) assert.equal(typedWithModifiers({ ...ALT, key: "-", keyCode }, false), "\x1b-");
  assert.equal(typedWithModifiers({ ...ALT, key: "+", keyCode: 61, shiftKey: true }, false), "\x1b+");
  assert.equal(typedWithModifiers({ ...ALT, key: "#", keyCode: 163 }, false), "\x1b#");
});

test("on a Mac the character is Option's, and only Firefox numbers are told apart", () => {
  assert.equal(typedWithModifiers({ ...ALT, key: "–", keyCode: 173 }, true), "\x1b-");
  assert.equal(typedWithModifiers({ ...ALT, key: "—", keyCode: 173, shiftKey: true }, true), "\x1b_");
  assert.equal(typedWithModifiers({ ...ALT, key: "–", keyCode: 189 }, true), null);
});

test("Alt and a character beyond ASCII type it, and no key that has a name", () => {
  assert.equal(typedWithModifiers({ ...ALT, key: "ä", keyCode: 222 }, false), "\x1bä");
  assert.equal(typedWithModifiers({ ...ALT, key: "Dead", keyCode: 192 }, false), null);
});

test("Ctrl and a slash, wherever it is, or 2 type control characters", () => {
  const ctrl = { ...ALT, altKey: false, ctrlKey: true };
  assert.equal(typedWithModifiers({ ...ctrl, key: "/", keyCode: 191 }, false), "\x1f");
  assert.equal(typedWithModifiers({ ...ctrl, key: "/", keyCode: 55, shiftKey: true }, true), "\x1f");
  assert.equal(typedWithModifiers({ ...ctrl, key: "2", keyCode: 50 }, false), "\0");
  assert.equal(typedWithModifiers({ ...ctrl, key: "c", keyCode: 67 }, false), null);
});

test("all else is the emulator's", () => {
  const dash = { ...ALT, key: "-", keyCode: 173 };
  assert.equal(typedWithModifiers({ ...ALT, key: "b", keyCode: 66 }, false), null);
  assert.equal(typedWithModifiers({ ...ALT, key: "ArrowLeft", keyCode: 37 }, false), null);
  assert.equal(typedWithModifiers({ ...dash, altKey: false }, false), null);
  assert.equal(typedWithModifiers({ ...dash, ctrlKey: true }, false), null);
  assert.equal(typedWithModifiers({ ...dash, type: "keyup" }, false), null);
});
