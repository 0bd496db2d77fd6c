/**
 * Where one writes: to the people of the session, or to its responder.
 */

import { element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Recall } from "./draft.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").Mode} Mode */

/** How long a word of one's typing holds at the server is 6 s: say it again before that. */
const TYPING_MS = 4000;
const LONGEST = 65_536;

const MODES = Object.freeze({
  say: { label: "Say", title: "To the people here", hint: "Say something", send: "Say it" },
  prompt: { label: "Prompt", title: "Ask the responder", hint: "Ask the responder", send: "Send the prompt" },
});

export class Composer {
  #draft;
  #send;
  #lines;
  #tellTyping;
  #toldAt = -Infinity;
  /** @type {Recall | null} */
  #recall = null;
  #isSending = false;
  #input = element("textarea", { attributes: { rows: "1", maxlength: String(LONGEST) } });
  #button = iconButton("send", "Send", () => void this.#submit(), "primary");
  #modes = element("div", {
    className: "segments",
    attributes: { role: "radiogroup", "aria-label": "To whom" },
  });
  #why = element("p", { className: "composer-why" });

  /**
   * @param {Draft} draft
   * @param {object} how
   * @param {(mode: Mode, text: string) => Promise<boolean>} how.send whether the server has taken it
   * @param {() => string[]} how.lines what one has sent, oldest first
   * @param {(isTyping: boolean) => void} how.typing
   */
  constructor(draft, { send, lines, typing }) {
    this.#draft = draft;
    this.#send = send;
    this.#lines = lines;
    this.#tellTyping = typing;
    this.#input.value = draft.text;
    for (const mode of /** @type {Mode[]} */ (Object.keys(MODES))) this.#modes.append(this.#segment(mode));
    const row = element("div", { className: "composer-row" }, this.#input, this.#button);
    this.element = element(
      "form",
      { className: "composer", on: { submit: (event) => event.preventDefault() } },
      this.#modes,
      row,
      this.#why,
    );
    this.#input.addEventListener("keydown", (event) => this.#keyed(event));
    this.#input.addEventListener("input", () => this.#written());
    this.#input.addEventListener("blur", () => this.#typing(false));
    this.#showMode();
    this.#fit();
  }

  /** @param {Mode} mode */
  #segment(mode) {
    const { label, title } = MODES[mode];
    const choose = () => this.choose(mode);
    const radio = element("input", { attributes: { type: "radio", name: "chat-mode", value: mode }, on: { change: choose } });
    return element("label", { title }, radio, icon(mode === "say" ? "chat" : "terminal"), element("span", { text: label }));
  }

  get mode() {
    return this.#draft.mode;
  }

  /** @param {Mode} mode */
  choose(mode) {
    this.#draft.keep({ mode });
    this.#showMode();
    this.#input.focus();
  }

  /** The other of the two. */
  toggle() {
    this.choose(this.mode === "say" ? "prompt" : "say");
  }

  #showMode() {
    const { hint, send } = MODES[this.mode];
    const radio = this.#modes.querySelector(`[value="${this.mode}"]`);
    if (radio instanceof HTMLInputElement) radio.checked = true;
    this.element.dataset["mode"] = this.mode;
    this.#input.placeholder = hint;
    this.#input.setAttribute("aria-label", hint);
    this.#button.title = send;
    this.#button.setAttribute("aria-label", send);
  }

  focus() {
    this.#input.focus();
  }

  /** @param {string} why one may not write; empty: one may */
  disable(why) {
    const isDisabled = why !== "";
    this.#why.textContent = why;
    this.#why.hidden = !isDisabled;
    this.#modes.hidden = isDisabled;
    this.#input.disabled = isDisabled;
    this.#input.hidden = this.#button.hidden = isDisabled;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    // 229: some browsers end the composition before they tell of the key that ended it.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      void this.#submit();
      return;
    }
    const step = { ArrowUp: /** @type {const} */ (-1), ArrowDown: /** @type {const} */ (1) }[event.key];
    if (step === undefined || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.#moveInHistory(step)) event.preventDefault();
  }

  /** @param {-1 | 1} step @returns {boolean} */
  #moveInHistory(step) {
    const { value, selectionStart, selectionEnd } = this.#input;
    const beyond = step < 0 ? value.slice(0, selectionStart) : value.slice(selectionEnd);
    if (beyond.includes("\n")) return false; // the caret has a line to move to
    if (this.#recall === null) {
      if (step > 0) return false;
      this.#recall = new Recall(this.#lines(), value);
    }
    const text = this.#recall.move(step);
    if (text === null) return false;
    this.#put(text);
    const caret = step < 0 ? 0 : text.length;
    this.#input.setSelectionRange(caret, caret);
    return true;
  }

  /** @param {string} text */
  #put(text) {
    this.#input.value = text;
    this.#draft.keep({ text });
    this.#fit();
  }

  #written() {
    this.#recall = null;
    this.#draft.keep({ text: this.#input.value });
    this.#fit();
    this.#typing(this.#input.value.trim() !== "");
  }

  /** @param {boolean} isTyping */
  #typing(isTyping) {
    const now = performance.now();
    if (isTyping ? now - this.#toldAt < TYPING_MS : this.#toldAt === -Infinity) return;
    this.#toldAt = isTyping ? now : -Infinity;
    this.#tellTyping(isTyping);
  }

  async #submit() {
    const text = this.#input.value.trim();
    if (text === "" || this.#isSending) return;
    this.#isSending = true;
    const { value } = this.#input;
    try {
      const isTaken = await this.#send(this.mode, text);
      if (isTaken && this.#input.value === value) this.#put("");
      if (isTaken) this.#toldAt = -Infinity; // the server knows
    } finally {
      this.#isSending = false;
      this.#recall = null;
    }
  }

  /** As high as its text; the style sheet says how high at most. */
  #fit() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight + 2}px`;
  }
}
