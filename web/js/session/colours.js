/**
 * A colour for everybody, the same on every page and after every reload.
 */

/** How many there are in ``tokens.css``: ``--who-0`` and on. */
export const COLOURS = 8;

/**
 * From the name, since that is all a message tells of its author.
 * @param {string} name
 * @returns {number} 0..COLOURS-1
 */
export function colourOf(name) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const char of name) {
    hash = Math.imul(hash ^ /** @type {number} */ (char.codePointAt(0)), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % COLOURS;
}

/**
 * Up to two letters that stand for a name where there is little room.
 * @param {string} name
 */
export function initialsOf(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}
