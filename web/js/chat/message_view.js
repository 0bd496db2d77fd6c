/**
 * One message of the channel: who said it, when, and what.
 */

import { colourOf } from "../session/colours.js";
import { button, element } from "../ui/dom.js";
import { CallView } from "./call_view.js";
import { MarkdownView } from "./markdown_view.js";
import { readable } from "./output.js";

/** @typedef {import("../session/model.js").ChatMessage} ChatMessage */
/** @typedef {import("../session/model.js").CallBlock} CallBlock */
/** @typedef {import("../session/model.js").TextBlock} TextBlock */

/**
 * @typedef {import("./markdown_view.js").CodeActions & {
 *   approve: (callID: string, approved: boolean) => void,
 *   withdraw: (messageID: string) => void,
 *   mayWrite: () => boolean,
 *   own: string,
 * }} Actions what can be done with a message; ``own``: the user's name
 */

/** A program's output that is longer is shown from there on only: the page must stay quick. */
const LONGEST_OUTPUT = 100_000;

const ENDS = Object.freeze({ cancelled: "Stopped", failed: "Failed" });

export class MessageView {
  #actions;
  #body = element("div", { className: "message-body" });
  #foot = element("p", { className: "message-foot" });
  /** A view of each block. @type {(CallView | MarkdownView | OutputView)[]} */
  #views = [];

  /** @param {ChatMessage} message @param {Actions} actions */
  constructor(message, actions) {
    this.#actions = actions;
    this.message = message;
    const { author, time, role, id } = message;
    const name = element("span", { className: "message-author", text: author });
    name.dataset["who"] = String(colourOf(author));
    const when = new Date(time);
    const stamp = element("time", {
      text: when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
      title: when.toLocaleString(),
      attributes: { datetime: when.toISOString() },
    });
    const kind = message.isPrompt ? element("span", { className: "message-kind", text: "prompt" }) : null;
    this.element = element(
      "article",
      { className: "message" },
      element("header", { className: "message-head" }, name, kind, stamp),
      this.#body,
      this.#foot,
    );
    this.element.dataset["message"] = id;
    this.element.dataset["role"] = role;
    this.show();
  }

  /** Shows what has become of it. */
  show() {
    const { message } = this;
    const isOver = message.state !== "running";
    const isOutput = message.blocks.some((block) => block.kind === "call" && block.tool === "shell");
    for (const [index, block] of message.blocks.entries()) {
      const view = (this.#views[index] ??= this.#add(block, isOutput));
      if (block.kind === "text") /** @type {MarkdownView} */ (view).show(block.text);
      else /** @type {CallView} */ (view).show(block, isOver, this.#actions.mayWrite());
    }
    this.element.dataset["state"] = message.state;
    // A screen reader is told of an answer when it stands, not word by word.
    this.element.setAttribute("aria-busy", String(!isOver));
    this.#showFoot();
  }

  /** @param {TextBlock | CallBlock} block @param {boolean} isOutput */
  #add(block, isOutput) {
    const view = this.#viewOf(block, isOutput);
    this.#body.append(view.element);
    return view;
  }

  /** @param {TextBlock | CallBlock} block @param {boolean} isOutput */
  #viewOf(block, isOutput) {
    if (block.kind === "call") return new CallView(this.#actions.approve);
    return isOutput ? new OutputView() : new MarkdownView(this.#actions);
  }

  #showFoot() {
    const { state, id } = this.message;
    const key = `${state} ${this.#actions.mayWrite()}`;
    if (this.#foot.dataset["shown"] === key) return;
    this.#foot.dataset["shown"] = key;
    this.#foot.replaceChildren();
    if (state === "waiting") {
      this.#foot.append("Waits for its turn");
      if (this.#actions.mayWrite()) {
        this.#foot.append(button("Withdraw", () => this.#actions.withdraw(id)));
      }
    } else if (state === "cancelled" || state === "failed") {
      const isPrompt = this.message.role === "user";
      this.#foot.append(isPrompt ? "Withdrawn" : ENDS[state]);
    }
  }
}

/** What a command prints while it runs. */
class OutputView {
  element = element("pre", { className: "output", attributes: { tabindex: "0", "aria-label": "Output" } });
  #length = -1;

  /** @param {string} text */
  show(text) {
    if (text.length === this.#length) return;
    this.#length = text.length;
    const isAtEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 8;
    const end = text.length > LONGEST_OUTPUT ? text.slice(text.indexOf("\n", text.length - LONGEST_OUTPUT) + 1) : text;
    const words = readable(end).trimEnd();
    const left = text.length - end.length;
    this.element.textContent = left > 0 ? `[${left.toLocaleString()} characters before]\n${words}` : words;
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}
