import assert from "node:assert/strict";
import { test } from "node:test";
import { Attention, pageTitle } from "../js/page/attention.js";
import { Preferences } from "../js/page/preferences.js";

/** @param {{ isNotifying?: boolean }} [preferred] */
function begun({ isNotifying = true } = {}) {
  const preferences = new Preferences(null);
  preferences.set("isNotifying", isNotifying);
  const state = { isSeen: false, now: 0 };
  /** @type {string[]} */
  const told = [];
  const attention = new Attention(preferences, {
    isSeen: () => state.isSeen,
    notify: (title, body) => told.push(`${title}: ${body}`),
    now: () => state.now,
  });
  /** @param {number} seconds @param {number} exitCode */
  const run = (seconds, exitCode) => {
    const terminalID = "t1";
    attention.hear({ type: "command.started", data: { terminalID, commandLine: "make" } }, () => {});
    state.now += seconds * 1000;
    attention.hear({ type: "command.finished", data: { terminalID, exitCode } }, () => {});
  };
  return { attention, state, told, run };
}

test("the end of a long command is told to who looks elsewhere", () => {
  const { state, told, run } = begun();
  run(9, 0);
  run(11, 0);
  run(11, 2);
  state.isSeen = true;
  run(11, 0);
  assert.deepEqual(told, ["make: It has ended.", "make: It failed with exit code 2."]);
});

test("nothing is told unless it is wanted", () => {
  const { told, run } = begun({ isNotifying: false });
  run(100, 0);
  assert.deepEqual(told, []);
});

test("a program's own notification is told", () => {
  const { attention, told } = begun();
  const data = { terminalID: "t1", title: "Build", body: "done" };
  attention.hear({ type: "notification", data }, () => {});
  assert.deepEqual(told, ["Build: done"]);
});

test("the page's title says where one is, how far it is, and that a bell rang", () => {
  const calm = { title: "", session: "main", hasBell: false, progress: null };
  assert.equal(pageTitle(calm), "main – ptybridge");
  assert.equal(pageTitle({ ...calm, title: "vim" }), "vim – ptybridge");
  const busy = { ...calm, title: "make", hasBell: true, progress: { state: "error", percent: 40 } };
  assert.equal(pageTitle(busy), "• ! 40% make – ptybridge");
});
