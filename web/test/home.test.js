import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, found, shortPath } from "../js/home/overview.js";
import { cssColour, shownPart } from "../js/home/screen_cells.js";

/** @typedef {import("../js/home/session_api.js").ListedSession} ListedSession */

/** @param {Partial<ListedSession> & { id: string }} told @returns {ListedSession} */
function session(told) {
  return { created: 0, terminals: [], members: [], role: "owner", unread: 0, answering: false, ...told };
}

/** @param {string} id @param {object} [told] */
function terminal(id, told = {}) {
  return { id, title: "sh", rows: 24, cols: 80, created: 0, ...told };
}

test("every word of a search must be found, in the session or its terminals", () => {
  const sessions = [
    session({ id: "a", title: "Work", terminals: [terminal("t1", { cwd: "/srv/web" }), terminal("t2")] }),
    session({ id: "b", title: "Play", members: [{ id: "u", name: "Ann", role: "owner" }] }),
  ];
  /** @param {string} query */
  const names = (query) => found(sessions, query).map(({ id, terminals }) => [id, ...terminals.map((each) => each.id)]);
  assert.deepEqual(names("work"), [["a", "t1", "t2"]]);
  assert.deepEqual(names("WEB work"), [["a", "t1"]]);
  assert.deepEqual(names("play"), [["b"]]);
  assert.deepEqual(names("nothing"), []);
  assert.deepEqual(names("").length, 2);
});

test("what has happened last comes first, and what has ended is left out", () => {
  const sessions = [
    session({ id: "old", created: 5, terminals: [terminal("t1", { exit: { code: 0 } })] }),
    session({ id: "new", created: 1, terminals: [terminal("t2", { created: 9 })] }),
  ];
  assert.deepEqual(found(sessions, "").map(({ id }) => id), ["new", "old"]);
  assert.deepEqual(found(sessions, "")[1]?.terminals, []);
});

test("paths are told by their ends", () => {
  const paths = ["/", "/root", "/home/ann/src", "/home/ann/a/b/c/d", "/usr/lib", "/usr/share/doc/x/y", "/rootless"];
  const told = ["/", "~", "~/src", "~/…/c/d", "/usr/lib", "/…/x/y", "/rootless"];
  assert.deepEqual(paths.map(shortPath), told);
});

test("times are told as people say them", () => {
  const seconds = [3, 120, 7200, 3 * 86_400];
  const told = seconds.map((past) => ago(0, past * 1000, "en"));
  assert.deepEqual(told, ["now", "2 min. ago", "2 hr. ago", "3 days ago"]);
});

test("colours are the theme's, the cube's, greys, and nothing that is none", () => {
  const theme = { red: "#ff0000" };
  assert.equal(cssColour(1, theme), "#ff0000");
  assert.equal(cssColour(196, theme), "rgb(255 0 0)");
  assert.equal(cssColour(244, theme), "rgb(128 128 128)");
  assert.equal(cssColour("#123abc", theme), "#123abc");
  for (const none of [null, 2, 300, -1, "red", "url(x)"]) assert.equal(cssColour(none, theme), null);
});

test("of a large screen the end is shown, of short lines less of the width", () => {
  /** @type {[string][][]} */
  const lines = Array.from({ length: 50 }, () => [["x".repeat(150)]]);
  assert.deepEqual(shownPart({ rows: 60, cols: 200, lines }), { first: 21, rows: 29, cols: 100 });
  assert.deepEqual(shownPart({ rows: 24, cols: 80, lines: [[["ls"]]] }), { first: 0, rows: 14, cols: 48 });
});
