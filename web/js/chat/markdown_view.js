/**
 * Markdown on the page: elements made one by one from the tree, never from a text of HTML. While a
 * text grows, only what its end may still change is made anew.
 */

import { element, iconButton } from "../ui/dom.js";
import { UNSETTLED, parseMarkdown } from "./markdown.js";

/** @typedef {import("./inline.js").Tree} Tree */
/** @typedef {import("./inline.js").Markup} Markup */
/** @typedef {{ copy: (text: string) => void, typeIn: (text: string) => void }} CodeActions what can be
 *   done with a block of code */

export class MarkdownView {
  element = element("div", { className: "markdown" });
  #actions;
  #text = "";
  /** How much of the text stands for good, whatever follows. */
  #settled = 0;
  /** What stands behind that. @type {{ source: string, markup: Markup, element: HTMLElement }[]} */
  #open = [];

  /** @param {CodeActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** @param {string} text all of it */
  show(text) {
    if (text === this.#text) return;
    if (!text.startsWith(this.#text)) this.#clear();
    this.#text = text;
    const rest = text.slice(this.#settled);
    const blocks = parseMarkdown(rest);
    let begin = 0;
    for (const [index, { markup, end }] of blocks.entries()) {
      this.#put(index, markup, rest.slice(begin, end));
      begin = end;
    }
    for (const { element: surplus } of this.#open.splice(blocks.length)) surplus.remove();
    const settled = blocks.length - UNSETTLED;
    if (settled <= 0) return;
    this.#open.splice(0, settled);
    this.#settled += blocks[settled - 1]?.end ?? 0;
  }

  #clear() {
    this.element.replaceChildren();
    this.#settled = 0;
    this.#open = [];
  }

  /** @param {number} index @param {Markup} markup @param {string} source */
  #put(index, markup, source) {
    const known = this.#open[index];
    if (known?.source === source) return;
    if (known?.markup.tag === "pre" && markup.tag === "pre" && known.markup.lang === markup.lang) {
      grow(known.element, /** @type {string} */ (markup.children[0]));
      this.#open[index] = { source, markup, element: known.element };
      return;
    }
    const made = build(markup, this.#actions);
    if (known === undefined) this.element.append(made);
    else known.element.replaceWith(made);
    this.#open[index] = { source, markup, element: made };
  }
}

/** @param {HTMLElement} block @param {string} text code that has become more */
function grow(block, text) {
  const code = block.querySelector("code");
  const words = code?.firstChild;
  if (words instanceof Text && text.startsWith(words.data)) words.appendData(text.slice(words.length));
  else if (code !== null) code.textContent = text;
}

/**
 * @param {Markup} markup
 * @param {CodeActions} actions
 * @returns {HTMLElement}
 */
function build(markup, actions) {
  const { tag, children } = markup;
  if (tag === "pre") return codeBlock(markup, actions);
  if (tag === "table") {
    const table = element("table", {}, ...inside(children, actions));
    return element("div", { className: "markdown-table", attributes: { tabindex: "0" } }, table);
  }
  const made = element(tag, {}, ...inside(children, actions));
  if (made instanceof HTMLAnchorElement && markup.href !== undefined) {
    made.href = markup.href;
    made.target = "_blank";
    made.rel = "noopener noreferrer";
  }
  if (made instanceof HTMLOListElement && markup.start !== undefined) made.start = markup.start;
  if (markup.level !== undefined) made.dataset["level"] = String(markup.level);
  if (markup.isDone !== undefined) made.prepend(taskMark(markup.isDone));
  return made;
}

/** @param {Tree[]} trees @param {CodeActions} actions */
function inside(trees, actions) {
  return trees.map((tree) => (typeof tree === "string" ? tree : build(tree, actions)));
}

/** @param {boolean} isDone */
function taskMark(isDone) {
  const box = element("input", { attributes: { type: "checkbox", disabled: true } });
  box.checked = isDone;
  box.setAttribute("aria-label", isDone ? "done" : "to do");
  return box;
}

/** @param {Markup} markup @param {CodeActions} actions */
function codeBlock({ lang = "", children }, actions) {
  const code = element("code", { text: /** @type {string} */ (children[0] ?? "") });
  const read = () => code.textContent ?? "";
  return element(
    "div",
    { className: "code" },
    element(
      "div",
      { className: "code-head" },
      element("span", { className: "code-lang", text: lang }),
      iconButton("terminal", "Type into the terminal", () => actions.typeIn(read())),
      iconButton("copy", "Copy", () => actions.copy(read())),
    ),
    element("pre", { attributes: { tabindex: "0" } }, code),
  );
}
