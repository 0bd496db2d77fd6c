import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInline, safeLink } from "../js/chat/inline.js";
import { UNSETTLED, parseMarkdown } from "../js/chat/markdown.js";

/** @typedef {import("../js/chat/inline.js").Tree} Tree */

/** A tree as short text: tag(children). @param {Tree} tree @returns {string} */
function short(tree) {
  if (typeof tree === "string") return tree;
  const { tag, children, href } = tree;
  return `${tag}${href === undefined ? "" : `<${href}>`}(${children.map(short).join("")})`;
}

/** @param {string} text */
function inline(text) {
  return parseInline(text).map(short).join("");
}

/** @param {string} text */
function blocks(text) {
  return parseMarkdown(text).map(({ markup }) => short(markup));
}

/** @param {Tree} tree @param {(tree: import("../js/chat/inline.js").Markup, depth: number) => void} visit */
function walk(tree, visit, depth = 0) {
  if (typeof tree === "string") return;
  visit(tree, depth);
  for (const child of tree.children) walk(child, visit, depth + 1);
}

test("emphasis, code and links are found within words", () => {
  assert.equal(inline("a *b* **c *d*** ~~e~~ `f *g*`"), "a em(b) strong(c em(d)) del(e) code(f *g*)");
  assert.equal(inline("***both***"), "strong(em(both))");
  assert.equal(inline("``a`b`` \\*c\\*"), "code(a`b) *c*");
  assert.equal(inline("[the *docs*](https://x.org/a_(b) \"t\")."), "a<https://x.org/a_(b)>(the em(docs)).");
  assert.equal(inline("(see https://x.org/a_(b)), or <https://y.org>"),
    "(see a<https://x.org/a_(b)>(https://x.org/a_(b))), or a<https://y.org/>(https://y.org)");
  assert.equal(inline("![a cat](https://x.org/cat.png)"), "a<https://x.org/cat.png>(a cat)");
  assert.equal(inline("[https://x.org](https://y.org)"), "a<https://y.org/>(https://x.org)");
});

test("what only looks like it stays as it was written", () => {
  for (const text of ["snake_case_name", "2 * 3 * 4", "a*", "**", "~one~", "`open", "[a] (b)", "[a](b", "a]b"]) {
    assert.equal(inline(text), text);
  }
});

test("no address leads anywhere but to the web or a mailbox", () => {
  for (const href of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " java\nscript:x", "data:text/html,x", "file:///etc/passwd",
    "vbscript:x", "/relative", "//host/x", "blob:x", "about:blank", "https:" + "a".repeat(3000), ""]) {
    assert.equal(safeLink(href), null, href);
    assert.doesNotMatch(inline(`[x](${href}) <${href}> ![y](${href})`), /a</);
  }
  assert.equal(safeLink("mailto:a@b.c"), "mailto:a@b.c");
});

test("blocks are what they are in a chat", () => {
  assert.deepEqual(blocks("# One #\ntwo\nthree\n\n---\n#tag"), ["h3(One)", "p(two\nthree)", "hr()", "p(#tag)"]);
  assert.deepEqual(blocks("- a\n- b\n  - c\n\n  more\n\n1. x\n2. y"),
    ["ul(li(a)li(bul(li(c))p(more)))", "ol(li(x)li(y))"]);
  assert.deepEqual(blocks("> a\n> > b\n\nc"), ["blockquote(p(a)blockquote(p(b)))", "p(c)"]);
  assert.deepEqual(blocks("|a|b|\n|-|:-:|\n|1|`x\\|y`|\nend"),
    ["table(tr(th(a)th(b))tr(td(1)td(code(x|y))))", "p(end)"]);
  const [task, other] = parseMarkdown("- [x] done\n- [ ] not")[0]?.markup.children ?? [];
  assert.deepEqual([task, other], [
    { tag: "li", children: ["done"], isDone: true },
    { tag: "li", children: ["not"], isDone: false },
  ]);
});

test("code is left as it is, also while its end is missing", () => {
  const [code] = parseMarkdown("~~~py x\n*a*\n```\n  b\n~~~\nafter");
  assert.deepEqual(code?.markup, { tag: "pre", children: ["*a*\n```\n  b"], lang: "py" });
  assert.deepEqual(blocks("```\n<b>open"), ["pre(<b>open)"]);
});

test("HTML is text, and nothing but the known elements comes out", () => {
  const hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n<div onclick='x'>\n\n&lt;b&gt;";
  assert.deepEqual(blocks(hostile).join(""), "p(<script>alert(1)</script> <img src=x onerror=alert(1)>)p(<div onclick='x'>)p(&lt;b&gt;)");
});

const PIECES = ["*", "**", "_", "`", "```", "~~~\n", "~~", "[", "](", ")", "![", "https://x.org ", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|",
  "|-|-|\n", "a", " ", "  ", "\\", "<", "---\n", "[x] ", "é", "\t", "javascript:", "\""];
const TAGS = new Set(["p", "h3", "ul", "ol", "li", "blockquote", "hr", "pre", "table", "tr", "th", "td", "strong",
  "em", "del", "code", "a"]);

test("any text gives a shallow tree of known elements with safe addresses", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: random(60) }, () => PIECES[random(PIECES.length)]).join("");
    const parsed = parseMarkdown(text);
    for (const { markup } of parsed) {
      walk(markup, ({ tag, href }, depth) => {
        assert.ok(TAGS.has(tag), tag);
        assert.ok(depth < 60, "deep");
        assert.equal(tag === "a", href !== undefined);
        if (href !== undefined) assert.match(href, /^(https?|mailto):/);
      });
    }
    // A text that grows: blocks before the last ones stand for good.
    const cut = random(text.length + 1);
    const settled = parseMarkdown(text.slice(0, cut)).slice(0, -UNSETTLED);
    const end = settled.at(-1)?.end ?? 0;
    const rest = parseMarkdown(text.slice(end)).map(({ markup }) => markup);
    assert.deepEqual([...settled.map(({ markup }) => markup), ...rest], parsed.map(({ markup }) => markup), JSON.stringify(text));
  }
});

test("the work grows with the length of the text only", () => {
  const count = 20_000;
  const spiteful = ["[", "*a ", "_a_", "`a``", "> ", "[a](", "<a ", "![[", "~~a", "\\", "http://", "- ", "*\n", "[a]((", "**a *b ", "[*",
    "- a\n\n", "```\n", "](http://a ", "[](http://a \"", "- > ", "|a\n|-|\n", " ", "\n"].map((piece) => piece.repeat(count).slice(0, 65_536));
  spiteful.push("[*".repeat(9000) + "](http://a)".repeat(4000), "*a".repeat(9000) + "a*".repeat(9000), "# " + " #".repeat(count),
    Array.from({ length: 350 }, (_, depth) => `${" ".repeat(depth)}- a`).join("\n"), "`".repeat(count) + "a");
  const began = process.cpuUsage();
  for (const text of spiteful) parseMarkdown(text);
  const { user } = process.cpuUsage(began);
  // Not a measure of speed: what grows with the square takes minutes.
  assert.ok(user < 60e6, `${user / 1e6} s`);
});
