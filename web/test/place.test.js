import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPlace, parsePlace } from "../js/place.js";

const BEGINNING = {
  token: null,
  share: null,
  session: "main",
  isNamed: false,
  terminal: null,
  isHome: false,
  isNew: false,
};

test("a place is read as it was written", () => {
  const place = { ...BEGINNING, session: "my.work", isNamed: true, terminal: "3f2a-b_c" };
  assert.deepEqual(parsePlace(formatPlace("my.work", "3f2a-b_c")), place);
  assert.deepEqual(parsePlace(formatPlace("main", null)), { ...BEGINNING, isNamed: true });
});

test("the list of all sessions is a place", () => {
  assert.deepEqual(parsePlace("#/"), { ...BEGINNING, isHome: true });
  assert.deepEqual(parsePlace("#/s/work/new"), { ...BEGINNING, session: "work", isNamed: true, isNew: true });
  assert.deepEqual(parsePlace("#/&token=abc"), { ...BEGINNING, isHome: true, token: "abc" });
});

test("a token is found, and anything else is the beginning", () => {
  assert.equal(parsePlace("#token=abc-_1").token, "abc-_1");
  assert.deepEqual(parsePlace("#share=abc-_1"), { ...BEGINNING, share: "abc-_1" });
  const invited = { ...BEGINNING, token: "abc", session: "work", isNamed: true, terminal: "t1" };
  assert.deepEqual(parsePlace("#/s/work/t/t1&token=abc"), invited);
  for (const hash of ["", "#", "#/s/", "#/s/a/t/../x", "#<script>"]) {
    assert.deepEqual(parsePlace(hash), BEGINNING);
  }
});
