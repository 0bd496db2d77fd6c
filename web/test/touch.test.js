import assert from "node:assert/strict";
import { test } from "node:test";
import { sequenceOf, withHeld } from "../js/touch/keys.js";
import { zoomed } from "../js/touch/gestures.js";
import { Modifiers } from "../js/touch/modifiers.js";

const NONE = { ctrl: false, alt: false };
const CTRL = { ctrl: true, alt: false };
const ALT = { ctrl: false, alt: true };

test("keys send what xterm's do", () => {
  assert.equal(sequenceOf("Up", NONE), "\x1b[A");
  assert.equal(sequenceOf("Up", NONE, true), "\x1bOA");
  assert.equal(sequenceOf("Up", CTRL, true), "\x1b[1;5A");
  assert.equal(sequenceOf("PageDown", ALT), "\x1b[6;3~");
  assert.equal(sequenceOf("F1", NONE), "\x1bOP");
  assert.equal(sequenceOf("F12", { ctrl: true, alt: true }), "\x1b[24;7~");
  assert.equal(sequenceOf("Escape", NONE), "\x1b");
  assert.equal(sequenceOf("Tab", ALT), "\x1b\t");
});

test("characters become control characters, and get an ESC before them", () => {
  assert.equal(withHeld("c", CTRL), "\x03");
  assert.equal(withHeld(" ", CTRL), "\x00");
  assert.equal(withHeld("[", CTRL), "\x1b");
  assert.equal(withHeld("x", ALT), "\x1bx");
  assert.equal(withHeld("é", CTRL), "é");
});

test("a modifier is held for one key, or until it is let go", () => {
  const modifiers = new Modifiers();
  modifiers.tap("ctrl");
  assert.equal(modifiers.apply("c"), "\x03");
  assert.equal(modifiers.apply("c"), "c");
  modifiers.tap("ctrl");
  modifiers.tap("ctrl");
  assert.equal(modifiers.apply("a") + modifiers.apply("b"), "\x01\x02");
  modifiers.tap("ctrl");
  assert.equal(modifiers.apply("c"), "c");
});

test("what is no single character is left alone, and keeps the modifier for the next", () => {
  const modifiers = new Modifiers();
  modifiers.tap("alt");
  assert.equal(modifiers.apply("\x1b[A"), "\x1b[A");
  assert.equal(modifiers.apply("word"), "word");
  assert.equal(modifiers.apply("b"), "\x1bb");
});

test("two fingers zoom within bounds", () => {
  assert.equal(zoomed({ distance: 100, fontSize: 14 }, 200), 28);
  assert.equal(zoomed({ distance: 100, fontSize: 14 }, 1), 6);
  assert.equal(zoomed({ distance: 0, fontSize: 14 }, 50), 14);
});
