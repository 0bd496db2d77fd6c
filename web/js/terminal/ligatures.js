/**
 * Ligatures of programming fonts: characters that are drawn as one where the font has a glyph for
 * them. A font that has none draws them as before.
 */

/** What such fonts join: Fira Code, JetBrains Mono, Cascadia Code, Iosevka. Longest first. */
const JOINED = [
  "<!--", "-->>", "<<--", "====", "!===", "<==>", "<-->", "###_", "&&&",
  "===", "!==", "=/=", "<=>", "<->", "-->", "<--", "==>", "<==", "=>>", "<<=", ">>=", "->>", "<<-",
  "...", "..<", "***", "+++", "---", "///", "|||", "##", "###", ":::", "<$>", "<*>", "<+>", "<|>",
  "==", "!=", "<=", ">=", "=>", "->", "<-", "~>", "<~", "::", ":=", "++", "--", "&&", "||", "??", "?.",
  "..", "**", "//", "/*", "*/", "|>", "<|", ">>", "<<", "=~", "!~", "</", "/>", "<>", "#{", "#[", "#(",
  "www",
].sort((one, other) => other.length - one.length);

const PATTERN = new RegExp(
  JOINED.map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|"),
  "g",
);

/**
 * Where characters are joined.
 * @param {string} text of one style in one line
 * @returns {[number, number][]} beginnings and ends, in UTF-16 units
 */
export function ligaturesIn(text) {
  return [...text.matchAll(PATTERN)].map(({ index, 0: joined }) => [index, index + joined.length]);
}
