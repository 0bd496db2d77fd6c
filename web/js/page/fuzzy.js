/**
 * Finding by a few letters: those that are typed must occur in order. Pure.
 */

/** What a letter is worth: anywhere, behind the one before it, at the start of a word. */
const ANYWHERE = 1;
const NEXT = 4;
const WORD_START = 6;

/**
 * @param {string} query
 * @param {string} text
 * @returns {{ score: number, at: number[] } | null} how well it fits, and which characters of the text
 *   they are; null if it does not
 */
export function match(query, text) {
  const wanted = [...query.toLowerCase()].filter((letter) => letter.trim() !== "");
  const lower = text.toLowerCase();
  /** @type {number[]} */
  const at = [];
  let score = 0;
  let from = 0;
  for (const letter of wanted) {
    const found = nearest(lower, letter, from, at.at(-1));
    if (found < 0) return null;
    const isStart = found === 0 || !/[\p{L}\p{N}]/u.test(lower[found - 1] ?? "");
    score += isStart ? WORD_START : found - 1 === at.at(-1) ? NEXT : ANYWHERE;
    at.push(found);
    from = found + letter.length;
  }
  return { score: score - text.length / 100, at };
}

/**
 * @param {string} text
 * @param {string} letter
 * @param {number} from
 * @param {number | undefined} before where the letter before it is
 * @returns {number} the best place: right behind the one before, at a word's start, or the next one
 */
function nearest(text, letter, from, before) {
  if (before !== undefined && text.startsWith(letter, before + 1)) return before + 1;
  const next = text.indexOf(letter, from);
  for (let at = next; at >= 0; at = text.indexOf(letter, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "")) return at;
  }
  return next;
}

/**
 * @template Item
 * @param {string} query
 * @param {Item[]} items
 * @param {(item: Item) => string} textOf
 * @returns {{ item: Item, at: number[] }[]} those that fit, the best first; all as they are without a query
 */
export function find(query, items, textOf) {
  if (query.trim() === "") return items.map((item) => ({ item, at: [] }));
  return items
    .flatMap((item) => {
      const found = match(query, textOf(item));
      return found === null ? [] : [{ item, ...found }];
    })
    .sort((one, other) => other.score - one.score);
}
