/**
 * What stands within a line of Markdown: emphasis, code, links. Pure: text to a tree that holds
 * nothing but what ``Markup`` names, in time that grows with the text's length only, whatever
 * somebody makes of it: everybody in a session reads what one of them writes.
 */

/**
 * @typedef {"p" | "h3" | "ul" | "ol" | "li" | "blockquote" | "hr" | "pre" | "table"
 *   | "tr" | "th" | "td" | "strong" | "em" | "del" | "code" | "a"} Tag
 * @typedef {object} Markup
 * @property {Tag} tag
 * @property {Tree[]} children
 * @property {string} [href] of "a": http, https or mailto
 * @property {string} [lang] of "pre": as the fence says; any text without white space
 * @property {number} [level] of "h3": 1 to 6, as it was written
 * @property {number} [start] of "ol"
 * @property {boolean} [isDone] of "li": a task, done or not
 * @typedef {string | Markup} Tree
 */

/** Emphasis and brackets that may be open at once: a tree is never deeper than people write. */
const MOST_OPEN = 24;
const LONGEST_URL = 2000;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

const ESCAPABLE = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}_]/u;
const URL_START = /https?:\/\/[^\s<>"`]{1,2000}/y;
const SPECIAL = /[\\`*_~[\]!<h]/g;

/**
 * @param {string} href
 * @returns {string | null} the address in full; null when nobody should be led there
 */
export function safeLink(href) {
  if (href.length > LONGEST_URL || !URL.canParse(href)) return null;
  const url = new URL(href);
  return SCHEMES.has(url.protocol) ? url.href : null;
}

/**
 * @param {string} text
 * @returns {Tree[]}
 */
export function parseInline(text) {
  return new Line(text).parse();
}

/** One text as it is read. */
class Line {
  #text;
  #at = 0;
  /** @type {Tree[]} */
  #out = [];
  /** What may still be closed: where it stands in ``#out``. @type {{ mark: string, at: number }[]} */
  #open = [];
  /** Where runs of backticks begin, by their length. @type {Map<number, number[]> | null} */
  #ticks = null;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  parse() {
    const text = this.#text;
    while (this.#at < text.length) {
      SPECIAL.lastIndex = this.#at;
      const next = SPECIAL.exec(text)?.index ?? text.length;
      this.#say(text.slice(this.#at, next));
      this.#at = next;
      if (next < text.length && !this.#mark(/** @type {string} */ (text[next]))) {
        this.#say(/** @type {string} */ (text[next]));
        this.#at = next + 1;
      }
    }
    return this.#out;
  }

  /** @param {string} words */
  #say(words) {
    const last = this.#out.length - 1;
    if (words === "") return;
    // Not into what an opening mark stands in: it may be cut off yet.
    if (typeof this.#out[last] === "string" && this.#open.at(-1)?.at !== last) this.#out[last] += words;
    else this.#out.push(words);
  }

  /** @param {string} char @returns {boolean} whether it was more than itself */
  #mark(char) {
    switch (char) {
      case "\\":
        return this.#escape();
      case "`":
        return this.#code();
      case "*":
      case "_":
      case "~":
        return this.#emphasis(char);
      case "!":
        return this.#text[this.#at + 1] === "[" && this.#bracket(2);
      case "[":
        return this.#bracket(1);
      case "]":
        return this.#closeBracket();
      default:
        return this.#bareLink(char === "<");
    }
  }

  #escape() {
    const next = this.#text[this.#at + 1] ?? "";
    if (!ESCAPABLE.test(next)) return false;
    this.#say(next);
    this.#at += 2;
    return true;
  }

  #code() {
    const text = this.#text;
    const length = runLength(text, this.#at);
    this.#ticks ??= tickRuns(text);
    const begin = this.#at + length;
    const starts = this.#ticks.get(length) ?? [];
    while (starts.length > 0 && /** @type {number} */ (starts[0]) < begin) starts.shift();
    const end = starts[0];
    if (end === undefined) {
      this.#say(text.slice(this.#at, begin));
      this.#at = begin;
      return true;
    }
    const words = text.slice(begin, end).replaceAll("\n", " ");
    const isPadded = words.startsWith(" ") && words.endsWith(" ") && words.trim() !== "";
    this.#out.push({ tag: "code", children: [isPadded ? words.slice(1, -1) : words] });
    this.#at = end + length;
    return true;
  }

  /** @param {string} char */
  #emphasis(char) {
    const text = this.#text;
    const length = runLength(text, this.#at);
    const before = text[this.#at - 1] ?? " ";
    const after = text[this.#at + length] ?? " ";
    const isInWord = char === "_" && WORD.test(before) && WORD.test(after);
    if (length > 3 || isInWord || (char === "~" && length !== 2)) {
      this.#say(text.slice(this.#at, this.#at + length));
      this.#at += length;
      return true;
    }
    let left = length;
    if (!/\s/.test(before)) {
      for (let mark = this.#newest(char, left); mark !== null; mark = this.#newest(char, left)) {
        this.#close(mark);
        left -= mark.length;
      }
    }
    if (left > 0) {
      const marks = left === 3 ? [char.repeat(2), char] : [char.repeat(left)];
      for (const mark of marks) this.#begin(mark, !/\s/.test(after));
    }
    this.#at += length;
    return true;
  }

  /** @param {string} mark @param {boolean} mayOpen */
  #begin(mark, mayOpen) {
    if (!mayOpen || this.#open.length >= MOST_OPEN) {
      this.#say(mark);
      return;
    }
    this.#out.push(mark);
    this.#open.push({ mark, at: this.#out.length - 1 });
  }

  /**
   * @param {string} char
   * @param {number} longest
   * @returns {string | null} the mark of that character that was opened last
   */
  #newest(char, longest) {
    const opened = this.#open.findLast(({ mark }) => mark[0] === char && mark.length <= longest);
    return opened?.mark ?? null;
  }

  /** @param {string} mark one that is open */
  #close(mark) {
    const at = this.#popTo(mark);
    const children = this.#out.splice(at).slice(1);
    if (children.length === 0) {
      this.#say(mark);
      this.#say(mark);
      return;
    }
    const tag = mark[0] === "~" ? "del" : mark.length === 2 ? "strong" : "em";
    this.#out.push({ tag, children });
  }

  /** Forgets what is open within the newest ``mark``, and it. @param {string} mark @returns {number} where it stood */
  #popTo(mark) {
    for (;;) {
      const opened = this.#open.pop();
      if (opened === undefined) return this.#out.length;
      if (opened.mark === mark) return opened.at;
    }
  }

  /** @param {number} length of what opens it: an image is shown as a link to it */
  #bracket(length) {
    this.#begin(length === 2 ? "![" : "[", true);
    this.#at += length;
    return true;
  }

  #closeBracket() {
    const opened = this.#open.findLast(({ mark }) => mark === "[" || mark === "![");
    if (opened === undefined) return false;
    const target = this.#text[this.#at + 1] === "(" ? linkTarget(this.#text, this.#at + 2) : null;
    const at = this.#popTo(opened.mark);
    const href = target === null ? null : safeLink(target.href);
    if (target === null || href === null) return false;
    const children = this.#out.splice(at).slice(1).flatMap(unlinked);
    this.#out.push({ tag: "a", href, children: children.length === 0 ? [href] : children });
    this.#at = target.end;
    return true;
  }

  /** @param {boolean} isBracketed it stands in angle brackets */
  #bareLink(isBracketed) {
    const text = this.#text;
    const begin = this.#at + (isBracketed ? 1 : 0);
    if (!isBracketed && WORD.test(text[begin - 1] ?? " ")) return false;
    URL_START.lastIndex = begin;
    const found = URL_START.exec(text)?.[0];
    if (found === undefined) return false;
    const shown = isBracketed ? found : withoutEnd(found);
    const href = safeLink(shown);
    const end = begin + shown.length;
    if (href === null || (isBracketed && text[end] !== ">")) return false;
    this.#out.push({ tag: "a", href, children: [shown] });
    this.#at = end + (isBracketed ? 1 : 0);
    return true;
  }
}

/** @param {string} text @param {number} at @returns {number} how often its character stands there in a row */
function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

/** @param {string} text @returns {Map<number, number[]>} */
function tickRuns(text) {
  /** @type {Map<number, number[]>} */
  const runs = new Map();
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    const known = runs.get(run.length);
    if (known === undefined) runs.set(run.length, [index]);
    else known.push(index);
  }
  return runs;
}

/**
 * @param {string} text
 * @param {number} at behind the bracket
 * @returns {{ href: string, end: number } | null} a title is left out
 */
function linkTarget(text, at) {
  let depth = 0;
  for (let end = at; end < at + LONGEST_URL && end < text.length; end += 1) {
    const char = /** @type {string} */ (text[end]);
    if (char === "(" && ++depth > 4) return null;
    if (char === ")" && depth-- === 0) return { href: text.slice(at, end), end: end + 1 };
    if (char === "\n") return null;
    if (/\s/.test(char)) {
      const title = /[ \t]+(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')[ \t]*\)/y;
      title.lastIndex = end;
      return title.test(text) ? { href: text.slice(at, end), end: title.lastIndex } : null;
    }
  }
  return null;
}

/** @param {string} url @returns {string} without what ends the sentence around it */
function withoutEnd(url) {
  let surplus = url.split(")").length - url.split("(").length;
  let end = url.length;
  for (; end > 0; end -= 1) {
    const last = /** @type {string} */ (url[end - 1]);
    if (!/[.,:;!?'"*_~)\]]/.test(last)) break;
    if (last === ")" && surplus-- <= 0) break;
  }
  return url.slice(0, end);
}

/** @param {Tree} tree @returns {Tree[]} a link within a link is its words */
function unlinked(tree) {
  if (typeof tree === "string") return [tree];
  const children = tree.children.flatMap(unlinked);
  return tree.tag === "a" ? children : [{ ...tree, children }];
}
