/**
 * Markdown as people and models write it in a chat: text to a tree of ``Markup``. Pure.
 *
 * Not all of CommonMark: a line's end is a line's end, HTML is text, and there are no images. The
 * libraries that know it all take tens of seconds for some texts of 60 KB, which a member of a
 * session could then freeze everybody's page with; here the work is bounded by the length.
 */

import { parseInline } from "./inline.js";

/** @typedef {import("./inline.js").Markup} Markup */
/** @typedef {import("./inline.js").Tag} Tag */
/** @typedef {{ markup: Markup, end: number }} Block ``end``: where it ends in the text */

/** A last line that is not whole yet may turn out to belong to the block before it. */
export const UNSETTLED = 2;

/** Lists and quotes within each other; what is deeper stands as it was written. */
const DEEPEST = 8;

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const QUOTE = /^ {0,3}> ?/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]{1,4}|$)/;
const TASK = /^\[([ xX])\][ \t]+/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/**
 * @param {string} text
 * @returns {Block[]} each begins where the one before ended, and is what it is whatever stands before
 *it; what follows can change the last one only
 */
export function parseMarkdown(text) {
  const lines = text.split("\n");
  /** @type {Block[]} */
  const blocks = [];
  let end = 0;
  let counted = 0;
  for (const { markup, next } of parseBlocks(lines, 0)) {
    for (; counted < next; counted += 1) end += (lines[counted]?.length ?? 0) + 1;
    blocks.push({ markup, end: Math.min(end, text.length) });
  }
  return blocks;
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {Generator<{ markup: Markup, next: number }>} ``next``: the line that follows it
 */
function* parseBlocks(lines, depth) {
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const block = parseBlock(lines, at, depth);
    yield block;
    at = block.next;
  }
}

/**
 * @param {string[]} lines
 * @param {number} at a line that is not blank
 * @param {number} depth
 */
function parseBlock(lines, at, depth) {
  const line = lines[at] ?? "";
  if (FENCE.test(line)) return fenced(lines, at);
  if (HEADING.test(line)) return heading(line, at);
  if (RULE.test(line)) return { markup: made("hr"), next: at + 1 };
  if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at, depth);
}

/**
 * @param {Tag} tag
 * @param {import("./inline.js").Tree[]} [children]
 * @returns {Markup}
 */
function made(tag, children = []) {
  return { tag, children };
}

/** @param {string | undefined} line */
function isBlank(line) {
  return line === undefined || line.trim() === "";
}

/** @param {string[]} lines @param {number} at */
function fenced(lines, at) {
  const [, fence = "", lang = ""] = FENCE.exec(lines[at] ?? "") ?? [];
  let end = at + 1;
  while (end < lines.length && !isFenceEnd(lines[end] ?? "", fence)) end += 1;
  const markup = { ...made("pre", [lines.slice(at + 1, end).join("\n")]), lang };
  return { markup, next: Math.min(end + 1, lines.length) };
}

/** @param {string} line @param {string} fence */
function isFenceEnd(line, fence) {
  const text = line.trim();
  return text.length >= fence.length && text === fence[0]?.repeat(text.length);
}

/** @param {string} line @param {number} at */
function heading(line, at) {
  const [mark = "", hashes = ""] = HEADING.exec(line) ?? [];
  const text = line.slice(mark.length).trimEnd();
  const words = text.replace(/(?:^|[ \t])#{1,200}$/, "").trim();
  // One below the page's own, whatever its level: a message is no part of the page's outline.
  return { markup: { ...made("h3", parseInline(words)), level: hashes.length }, next: at + 1 };
}

/** @param {string[]} lines @param {number} at @param {number} depth */
function quote(lines, at, depth) {
  const inner = [];
  let end = at;
  for (; end < lines.length && QUOTE.test(lines[end] ?? ""); end += 1) {
    inner.push((lines[end] ?? "").replace(QUOTE, ""));
  }
  const children = [...parseBlocks(inner, depth + 1)].map(({ markup }) => markup);
  return { markup: made("blockquote", children), next: end };
}

/** @param {string[]} lines @param {number} at @param {number} depth */
function list(lines, at, depth) {
  const kind = kindOf(lines[at] ?? "");
  const isOrdered = kind === "." || kind === ")";
  const items = [];
  let end = at;
  while (end < lines.length && kindOf(lines[end] ?? "") === kind && !RULE.test(lines[end] ?? "")) {
    const { markup, next } = item(lines, end, depth);
    items.push(markup);
    end = next;
    let after = end;
    while (after < lines.length && isBlank(lines[after])) after += 1;
    if (after < lines.length && kindOf(lines[after] ?? "") === kind) end = after;
  }
  const start = Number.parseInt(lines[at]?.trim() ?? "", 10);
  return {
    markup: { ...made(isOrdered ? "ol" : "ul", items), ...(isOrdered ? { start } : {}) },
    next: end,
  };
}

/** @param {string} line @returns {string | undefined} what marks a list's items; another mark is another list */
function kindOf(line) {
  return ITEM.exec(line)?.[2]?.at(-1);
}

/** @param {string[]} lines @param {number} at @param {number} depth */
function item(lines, at, depth) {
  const first = lines[at] ?? "";
  const [mark = "", indent = "", bullet = ""] = ITEM.exec(first) ?? [];
  const width = indent.length + bullet.length + 1;
  const task = TASK.exec(first.slice(mark.length));
  const inner = [first.slice(mark.length + (task?.[0].length ?? 0))];
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end] ?? "";
    if (isBlank(line)) {
      // Belongs to the item only if more of it follows.
      let after = end + 1;
      while (after < lines.length && isBlank(lines[after])) after += 1;
      if (after >= lines.length || indentOf(lines[after] ?? "") < Math.min(width, 2)) break;
      for (; end < after - 1; end += 1) inner.push("");
      inner.push("");
    } else if (indentOf(line) >= Math.min(width, 2)) inner.push(line.slice(Math.min(indentOf(line), width)));
    else if (!isBlank(inner.at(-1)) && !startsBlock(line)) inner.push(line);
    else break;
  }
  const children = [...parseBlocks(inner, depth + 1)].map(({ markup }) => markup);
  const [only] = children;
  // A single paragraph is the item's own line.
  const shown = only?.tag === "p" ? [...only.children, ...children.slice(1)] : children;
  const isDone = task === null ? {} : { isDone: task[1] !== " " };
  return { markup: { ...made("li", shown), ...isDone }, next: end };
}

/** @param {string} line */
function indentOf(line) {
  return line.length - line.trimStart().length;
}

/** @param {string} line @returns {boolean} whether it ends a paragraph before it */
function startsBlock(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

/** @param {string[]} lines @param {number} at */
function isTable(lines, at) {
  const [head = "", rule = ""] = [lines[at], lines[at + 1]];
  return head.includes("|") && rule.includes("-") && rule.includes("|") && TABLE_RULE.test(rule);
}

/** @param {string[]} lines @param {number} at */
function table(lines, at) {
  let end = at + 2;
  while (end < lines.length && !isBlank(lines[end]) && lines[end]?.includes("|")) end += 1;
  const rows = lines.slice(at, end).filter((_, index) => index !== 1);
  const markup = made(
    "table",
    rows.map((row, index) =>
      made(
        "tr",
        cells(row).map((cell) => made(index === 0 ? "th" : "td", parseInline(cell))),
      ),
    ),
  );
  return { markup, next: end };
}

/** @param {string} row */
function cells(row) {
  const inner = row.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.replaceAll("\\|", "|").trim());
}

/** @param {string[]} lines @param {number} at @param {number} depth */
function paragraph(lines, at, depth) {
  let end = at + 1;
  const isDeep = depth >= DEEPEST;
  while (end < lines.length && !isBlank(lines[end]) && (isDeep || !startsBlock(lines[end] ?? ""))) {
    if (isTable(lines, end)) break;
    end += 1;
  }
  const text = lines.slice(at, end).join("\n");
  return { markup: made("p", parseInline(text.trim())), next: end };
}
