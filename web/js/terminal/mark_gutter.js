/**
 * Commands' marks beside the terminal: how each ended, and what can be done with it.
 */

import { openMenu } from "../ui/menu.js";
import { duration } from "./command_marks.js";

/** @typedef {import("./command_marks.js").CommandMark} CommandMark */
/** @typedef {import("./command_marks.js").CommandMarks} CommandMarks */
/** @typedef {import("../../vendor/xterm/xterm.mjs").Terminal} Emulator */
/** @typedef {import("../../vendor/xterm/xterm.mjs").IDecoration} Decoration */

export class MarkGutter {
  #emulator;
  #marks;
  #actions;
  /** @type {Map<CommandMark, Decoration>} */
  #drawn = new Map();
  #isShown = true;

  /**
   * @param {Emulator} emulator
   * @param {CommandMarks} marks
   * @param {{ copy: (text: string) => void, type: (text: string) => void }} actions
   */
  constructor(emulator, marks, actions) {
    this.#emulator = emulator;
    this.#marks = marks;
    this.#actions = actions;
    marks.changed.add((mark) => this.#draw(mark));
  }

  /** @param {boolean} isShown */
  set isShown(isShown) {
    this.#isShown = isShown;
    for (const decoration of this.#drawn.values()) decoration.dispose();
    this.#drawn.clear();
    if (isShown) for (const mark of this.#marks.all) this.#draw(mark);
  }

  /**
   * Scrolls to the prompt before or behind what is seen first.
   * @param {"previous" | "next"} direction
   */
  jump(direction) {
    const { viewportY } = this.#emulator.buffer.active;
    const mark = this.#marks.near(viewportY, direction);
    if (mark === null) {
      if (direction === "next") this.#emulator.scrollToBottom();
      return;
    }
    this.#emulator.scrollToLine(mark.prompt.line);
    const element = this.#drawn.get(mark)?.element;
    element?.animate([{ opacity: 0.2 }, { opacity: 1 }], { duration: 300 });
  }

  /** @returns {CommandMark | null} the last command that has ended */
  get last() {
    return this.#marks.all.findLast(({ isFinished }) => isFinished) ?? null;
  }

  /** @param {CommandMark} mark */
  select(mark) {
    const [first, end] = this.#marks.outputLines(mark);
    if (end > first) this.#emulator.selectLines(first, end - 1);
  }

  /** @param {CommandMark} mark */
  copyOutput(mark) {
    this.#actions.copy(this.#marks.outputOf(mark));
  }

  /** @param {CommandMark} mark */
  #draw(mark) {
    if (!this.#isShown || mark.prompt.isDisposed || mark.output === null) return;
    const present = this.#drawn.get(mark);
    if (present?.element !== undefined) {
      this.#dress(present.element, mark);
      return;
    }
    if (present !== undefined) return; // it is drawn when it is seen
    const decoration = this.#emulator.registerDecoration({ marker: mark.prompt, width: 1, x: 0 });
    if (decoration === undefined) return;
    this.#drawn.set(mark, decoration);
    decoration.onRender((element) => this.#dress(element, mark));
    decoration.onDispose(() => this.#drawn.delete(mark));
  }

  /** @param {HTMLElement} element @param {CommandMark} mark */
  #dress(element, mark) {
    if (!element.classList.contains("command-mark")) {
      element.classList.add("command-mark");
      element.setAttribute("role", "button");
      element.addEventListener("mousedown", (event) => event.stopPropagation());
      element.addEventListener("click", () => this.#open(element, mark));
    }
    const isFailed = mark.exitCode !== null && mark.exitCode !== 0;
    element.dataset["end"] = mark.isFinished ? (isFailed ? "failed" : "done") : "running";
    element.title = describe(mark);
    element.setAttribute("aria-label", element.title);
  }

  /** @param {HTMLElement} anchor @param {CommandMark} mark */
  #open(anchor, mark) {
    const { copy, type } = this.#actions;
    /** @type {(import("../ui/menu.js").Item | null)[]} */
    const items = [
      { text: "Copy output", icon: "copy", act: () => this.copyOutput(mark) },
      { text: "Select output", act: () => this.select(mark) },
    ];
    if (mark.text !== "") {
      items.unshift({ text: "Copy command", icon: "copy", act: () => copy(mark.text) });
      items.push(null, { text: "Type it again", icon: "terminal", act: () => type(mark.text) });
    }
    openMenu(anchor, items, { label: describe(mark), onclose: () => this.#emulator.focus() });
  }
}

/** @param {CommandMark} mark */
export function describe({ text, isFinished, exitCode, seconds }) {
  const parts = [text.split("\n")[0] || "Command"];
  if (!isFinished) parts.push("running");
  if (exitCode !== null) parts.push(`exit code ${exitCode}`);
  if (seconds !== null) parts.push(duration(seconds));
  return parts.join(" · ");
}
