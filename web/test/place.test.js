import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPlace, parsePlace } from "../js/place.js";

test("a place is read as it was written", () => {
  const place = { token: null, session: "my.work", terminal: "3f2a-b_c" };
  assert.deepEqual(parsePlace(formatPlace("my.work", "3f2a-b_c")), place);
  assert.deepEqual(parsePlace(formatPlace("main", null)), { token: null, session: "main", terminal: null });
});

test("a token is found, and anything else is the beginning", () => {
  assert.equal(parsePlace("#token=abc-_1").token, "abc-_1");
  const invited = { token: "abc", session: "work", terminal: "t1" };
  assert.deepEqual(parsePlace("#/s/work/t/t1&token=abc"), invited);
  for (const hash of ["", "#", "#/s/", "#/s/a/t/../x", "#<script>"]) {
    assert.deepEqual(parsePlace(hash), { token: null, session: "main", terminal: null });
  }
});
