/**
 * Commands as the shell marks them in its output (OSC 133, FinalTerm's; OSC 633, VS Code's): where
 * each began, what it printed, how it ended and how long it took. Draws nothing.
 *
 * ``A`` stands before a prompt, ``B`` behind it, ``C`` before a command's output, ``D`` behind it
 * with the exit code.
 */

import { Listeners } from "../listeners.js";

/** @typedef {import("../../vendor/xterm/xterm.mjs").Terminal} Emulator */
/** @typedef {import("../../vendor/xterm/xterm.mjs").IMarker} Marker */

/** Marks that are kept; lines that leave the scrollback take theirs along. */
const MOST_MARKS = 5000;

/**
 * @typedef {object} CommandMark
 * @property {Marker} prompt the line of the prompt
 * @property {{ marker: Marker, column: number } | null} input where what is typed begins
 * @property {Marker | null} output the first line of what the command printed
 * @property {Marker | null} end the line behind the last one
 * @property {string} text the command line; empty when the shell does not tell it
 * @property {number | null} exitCode null while it runs, or when the shell does not tell it
 * @property {boolean} isFinished
 * @property {number | null} startedAt milliseconds; null for what was printed before the page came
 * @property {number | null} seconds how long it took; null when that was not seen
 */

export class CommandMarks {
  #emulator;
  #now;
  #isOld;
  /** @type {CommandMark[]} in the order of their lines */
  #marks = [];
  #said = "";
  /** Marks of a screen that is being written anew: the lines from the prompt to what they mark.
   * @type {{ mark: CommandMark, text: string, output: number | null, end: number | null }[]} */
  #kept = [];
  #isDue = false;
  /** @type {Listeners<[CommandMark]>} a command has begun or ended, or a prompt has come */
  changed = new Listeners();

  /**
   * @param {Emulator} emulator
   * @param {() => boolean} isOld whether what is parsed now was printed before this page came
   * @param {() => number} now milliseconds
   */
  constructor(emulator, isOld, now = () => performance.now()) {
    this.#emulator = emulator;
    this.#isOld = isOld;
    this.#now = now;
    emulator.buffer.onBufferChange(() => this.#isDue && this.restore());
    for (const code of [133, 633]) {
      emulator.parser.registerOscHandler(code, (text) => {
        this.#mark(text);
        return false;
      });
    }
  }

  /** All commands and prompts whose lines are still there, oldest first. */
  get all() {
    this.#marks = this.#marks.filter(({ prompt }) => !prompt.isDisposed && prompt.line >= 0);
    return this.#marks;
  }

  /** What is on the screen is another terminal's. */
  clear() {
    for (const mark of this.#marks) dispose(mark);
    this.#marks = [];
    this.#kept = [];
  }

  /** What is on the screen is about to be written anew: takes note of the marks, to find them again. */
  keep() {
    if (this.#isDue) return; // they are kept already
    const starts = this.#lineStarts();
    const numberOf = (/** @type {Marker | null | undefined} */ marker) =>
      marker === null || marker === undefined ? null : starts.findLastIndex((start) => start <= marker.line);
    this.#kept = this.all.map((mark) => {
      const number = numberOf(mark.prompt) ?? 0;
      const start = starts[number] ?? 0;
      const lines = this.#lines(start, starts[number + 1] ?? start + 1);
      const [output, end] = [numberOf(mark.output), numberOf(mark.end)];
      return {
        mark,
        text: lines[0] ?? "",
        output: output === null ? null : output - number,
        end: end === null ? null : end - number,
      };
    });
    for (const { mark } of this.#kept) dispose(mark);
    this.#marks = [];
  }

  /**
   * It has been written: puts the marks to where their prompts stand now. Lines may have flown anew,
   * so prompts are known by their text, the newest first.
   */
  restore() {
    this.#isDue = this.#isElsewhere; // then they are put when the program there has gone
    if (this.#kept.length === 0 || this.#isDue) return;
    const starts = this.#lineStarts();
    let number = starts.length - 1;
    for (const { mark, text, output, end } of this.#kept.toReversed()) {
      const startOf = (/** @type {number} */ at) => starts[at] ?? 0;
      while (number >= 0 && this.#lines(startOf(number), starts[number + 1] ?? startOf(number) + 1)[0] !== text) {
        number -= 1;
      }
      if (number < 0) break;
      const prompt = this.#at(startOf(number));
      if (prompt === undefined) break;
      const found = { ...mark, prompt, input: null };
      found.output = output === null ? null : (this.#at(startOf(number + output)) ?? null);
      found.end = end === null ? null : (this.#at(starts[number + end] ?? this.#cursorLine) ?? null);
      this.#marks.unshift(found);
      number -= 1;
    }
    this.#kept = [];
    for (const mark of this.#marks) this.changed.tell(mark);
  }

  get #isElsewhere() {
    return this.#emulator.buffer.active.type === "alternate";
  }

  get #cursorLine() {
    const { baseY, cursorY } = this.#emulator.buffer.active;
    return baseY + cursorY;
  }

  /** @param {number} line of the buffer */
  #at(line) {
    return this.#emulator.registerMarker(line - this.#cursorLine);
  }

  /** Where lines begin in the buffer, each of which may be wrapped over several rows. */
  #lineStarts() {
    const { normal } = this.#emulator.buffer;
    /** @type {number[]} */
    const starts = [];
    for (let row = 0; row < normal.length; row++) if (!normal.getLine(row)?.isWrapped) starts.push(row);
    return starts;
  }

  /** @param {string} text a mark without its number */
  #mark(text) {
    const [kind = "", ...parameters] = text.split(";");
    const last = this.#marks.at(-1);
    switch (kind) {
      case "A":
        this.#begin();
        break;
      case "B":
        if (last !== undefined && last.output === null) {
          const marker = this.#here();
          if (marker) last.input = { marker, column: this.#emulator.buffer.active.cursorX };
        }
        break;
      case "E":
        this.#said = unescaped(parameters[0] ?? "");
        break;
      case "C":
        if (last !== undefined && last.output === null) this.#start(last, parameters);
        break;
      case "D":
        if (last !== undefined && last.output !== null && !last.isFinished) {
          this.#finish(last, parameters[0] ?? "");
        }
    }
  }

  #begin() {
    const prompt = this.#here();
    if (prompt === undefined) return;
    const last = this.#marks.at(-1);
    // A prompt that is drawn again is the same one.
    if (last !== undefined && last.output === null) {
      this.#marks.pop();
      dispose(last);
    }
    const none = { input: null, output: null, end: null, exitCode: null, startedAt: null, seconds: null };
    const mark = { prompt, text: "", isFinished: false, ...none };
    this.#marks.push(mark);
    if (this.#marks.length > MOST_MARKS) dispose(/** @type {CommandMark} */ (this.#marks.shift()));
    this.changed.tell(mark);
  }

  /** @param {CommandMark} mark @param {string[]} parameters */
  #start(mark, parameters) {
    mark.output = this.#here() ?? null;
    mark.startedAt = this.#isOld() ? null : this.#now();
    mark.text = this.#said || commandLine(parameters) || this.#typed(mark);
    this.#said = "";
    this.changed.tell(mark);
  }

  /** @param {CommandMark} mark @param {string} code */
  #finish(mark, code) {
    mark.isFinished = true;
    mark.end = this.#here() ?? null;
    mark.exitCode = /^-?\d{1,10}$/.test(code) ? Number(code) : null;
    if (mark.startedAt !== null && !this.#isOld()) mark.seconds = (this.#now() - mark.startedAt) / 1000;
    this.changed.tell(mark);
  }

  /** @returns {Marker | undefined} of the cursor's line; none on the alternate screen */
  #here() {
    if (this.#isElsewhere) return undefined;
    return this.#emulator.registerMarker(0);
  }

  /** What stands between prompt and output, where the shell marks the prompt's end only. @param {CommandMark} mark */
  #typed(mark) {
    if (mark.input === null || mark.output === null) return "";
    const { marker, column } = mark.input;
    const lines = this.#lines(marker.line, mark.output.line);
    return [lines[0]?.slice(column) ?? "", ...lines.slice(1)].join("\n").trim();
  }

  /**
   * What a command has printed, without trailing blank lines.
   * @param {CommandMark} mark
   */
  outputOf(mark) {
    const [first, end] = this.outputLines(mark);
    return this.#lines(first, end).join("\n").trimEnd();
  }

  /**
   * @param {CommandMark} mark
   * @returns {[number, number]} its first line of output, and the one behind its last
   */
  outputLines({ output, end, prompt }) {
    const { baseY, cursorY } = this.#emulator.buffer.active;
    const first = output?.line ?? prompt.line;
    return [first, Math.max(first, end?.line ?? baseY + cursorY)];
  }

  /**
   * The lines of the buffer, wrapped ones joined.
   * @param {number} first
   * @param {number} end the one behind the last
   */
  #lines(first, end) {
    const buffer = this.#emulator.buffer.normal;
    /** @type {string[]} */
    const lines = [];
    for (let at = first; at < end; at++) {
      const line = buffer.getLine(at);
      if (line === undefined) break;
      const isContinued = buffer.getLine(at + 1)?.isWrapped ?? false;
      const text = line.translateToString(!isContinued);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines;
  }

  /**
   * The nearest prompt before or behind a line.
   * @param {number} line
   * @param {"previous" | "next"} direction
   * @returns {CommandMark | null}
   */
  near(line, direction) {
    const found =
      direction === "previous"
        ? this.all.findLast(({ prompt }) => prompt.line < line)
        : this.all.find(({ prompt }) => prompt.line > line);
    return found ?? null;
  }
}

/** @param {CommandMark} mark */
function dispose({ prompt, input, output, end }) {
  for (const marker of [prompt, input?.marker, output, end]) marker?.dispose();
}

/** The command line as kitty's and Ghostty's shell integrations add it to ``C``. @param {string[]} parameters */
function commandLine(parameters) {
  const found = parameters.find((parameter) => parameter.startsWith("cmdline_url="));
  if (found === undefined) return "";
  try {
    return decodeURIComponent(found.slice("cmdline_url=".length));
  } catch {
    return "";
  }
}

/** VS Code's escapes: ``\\`` and ``\xAB``. @param {string} text */
function unescaped(text) {
  return text.replace(/\\(\\|x[0-9a-fA-F]{2})/g, (_, code) =>
    code === "\\" ? "\\" : String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );
}

/**
 * How long something took, as people say it.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
