import assert from "node:assert/strict";
import { test } from "node:test";
import headless from "@xterm/headless";
import { CommandMarks, duration } from "../js/terminal/command_marks.js";

/** A terminal of 40 columns and its marks, at a time that stands still until it is moved. */
function begun() {
  const emulator = new headless.Terminal({ allowProposedApi: true, cols: 40, rows: 6 });
  const clock = { now: 0, isOld: false };
  const marks = new CommandMarks(
    /** @type {any} */ (emulator),
    () => clock.isOld,
    () => clock.now,
  );
  /** @param {string} text */
  const write = (text) => new Promise((done) => emulator.write(text, () => done(undefined)));
  return { emulator, clock, marks, write };
}

const PROMPT = "\x1b]133;A\x07$ \x1b]133;B\x07";

test("a command is known with its text, output, exit code and duration", async () => {
  const { clock, marks, write } = begun();
  await write(`${PROMPT}make all\r\n\x1b]133;C\x07`);
  clock.now = 2500;
  await write("one\r\ntwo\r\n\x1b]133;D;2\x07" + PROMPT);
  const [mark] = marks.all;
  assert.ok(mark);
  assert.deepEqual([mark.text, mark.exitCode, mark.seconds], ["make all", 2, 2.5]);
  assert.equal(marks.outputOf(mark), "one\ntwo");
  assert.equal(marks.all.length, 2);
});

test("lines that were wrapped are copied as they were printed", async () => {
  const { marks, write } = begun();
  await write(`${PROMPT}x\r\n\x1b]133;C\x07${"a".repeat(50)}\r\n\x1b]133;D;0\x07`);
  const [mark] = marks.all;
  assert.ok(mark);
  assert.equal(marks.outputOf(mark), "a".repeat(50));
});

test("the output of a command that runs ends at the cursor", async () => {
  const { marks, write } = begun();
  await write(`${PROMPT}x\r\n\x1b]133;C\x07one\r\ntwo`);
  const [mark] = marks.all;
  assert.ok(mark);
  assert.equal(mark.isFinished, false);
  assert.equal(marks.outputOf(mark), "one");
});

test("what was printed before the page came has no duration", async () => {
  const { clock, marks, write } = begun();
  clock.isOld = true;
  await write(`${PROMPT}x\r\n\x1b]133;C\x07\x1b]133;D;0\x07`);
  assert.deepEqual([marks.all[0]?.seconds, marks.all[0]?.exitCode], [null, 0]);
});

test("command lines are taken as other shells' integrations tell them", async () => {
  const { marks, write } = begun();
  await write("\x1b]133;A\x07$ \x1b]133;C;cmdline_url=echo%20a%3Bb\x07\x1b]133;D;0\x07");
  await write("\x1b]633;A\x07$ \x1b]633;E;echo a\\x3bb\\\\;nonce\x07\x1b]633;C\x07\x1b]633;D\x07");
  assert.deepEqual(marks.all.map(({ text }) => text), ["echo a;b", "echo a;b\\"]);
  assert.deepEqual(marks.all.map(({ exitCode }) => exitCode), [0, null]);
});

test("a prompt that is drawn again is one prompt", async () => {
  const { marks, write } = begun();
  await write(`${PROMPT}\r\x1b[K${PROMPT}`);
  assert.equal(marks.all.length, 1);
});

test("marks leave with their lines, and are found from a line", async () => {
  const { emulator, marks, write } = begun();
  emulator.options.scrollback = 20;
  for (let number = 0; number < 30; number++) {
    await write(`${PROMPT}${number}\r\n\x1b]133;C\x07out\r\n\x1b]133;D;0\x07`);
  }
  assert.ok(marks.all.length > 5 && marks.all.length < 20);
  const [first, second] = marks.all;
  assert.ok(first && second);
  assert.equal(marks.near(second.prompt.line, "previous"), first);
  assert.equal(marks.near(first.prompt.line, "next"), second);
  assert.equal(marks.near(first.prompt.line, "previous"), null);
});

test("marks are found again on a screen that was written anew, in another width, too", async () => {
  const { emulator, marks, write } = begun();
  await write(`${PROMPT}one\r\n\x1b]133;C\x07${"a".repeat(50)}\r\nb\r\n\x1b]133;D;3\x07`);
  await write(`${PROMPT}two\r\n\x1b]133;C\x07c\r\n\x1b]133;D;0\x07${PROMPT}`);
  marks.keep();
  emulator.reset();
  emulator.resize(30, 6);
  await write(`older\r\n$ one\r\n${"a".repeat(50)}\r\nb\r\n$ two\r\nc\r\n$ `);
  marks.restore();
  const [one, two] = marks.all;
  assert.ok(one && two);
  assert.deepEqual([one.text, one.exitCode, two.text], ["one", 3, "two"]);
  assert.equal(marks.outputOf(one), `${"a".repeat(50)}\nb`);
  assert.equal(marks.outputOf(two), "c");
  assert.equal(marks.all.length, 3);
});

test("marks wait until the program on the alternate screen has gone", async () => {
  const { emulator, marks, write } = begun();
  await write(`${PROMPT}one\r\n\x1b]133;C\x07a\r\n\x1b]133;D;0\x07${PROMPT}vi\r\n\x1b]133;C\x07`);
  marks.keep();
  emulator.reset();
  await write("$ one\r\na\r\n$ vi\r\n\x1b[?1049hfull");
  marks.restore();
  marks.keep(); // and another one comes meanwhile
  assert.equal(marks.all.length, 0);
  await write("\x1b[?1049l");
  assert.deepEqual(marks.all.map(({ text }) => text), ["one", "vi"]);
});

test("nothing wrong comes of marks out of place", async () => {
  const { marks, write } = begun();
  await write("\x1b]133;D;1\x07\x1b]133;C\x07\x1b]133;B\x07\x1b]133;\x07\x1b]133;C;cmdline_url=%zz\x07");
  assert.deepEqual(marks.all, []);
});

test("durations are said as people say them", () => {
  const said = [0.0123, 5.25, 61, 3725].map(duration);
  assert.deepEqual(said, ["12 ms", "5.3 s", "1 min 1 s", "1 h 2 min"]);
});
