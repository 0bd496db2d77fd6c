import assert from "node:assert/strict";
import { test } from "node:test";
import { safeAddress } from "../js/terminal/links.js";

for (const text of ["https://example.org/a?b#c", "http://127.0.0.1:1/", "mailto:a@example.org"]) {
  test(`${text} leads somewhere`, () => assert.equal(safeAddress(text)?.href, text));
}

for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/a", "", "vbscript:x"]) {
  test(`${JSON.stringify(text)} is not followed`, () => assert.equal(safeAddress(text), null));
}
