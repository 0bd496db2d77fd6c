/**
 * Where somebody has scrolled to, and what they have selected, over a screen that is drawn anew: after
 * a longer cut, or a change of size, the same lines stand elsewhere. Lines are known by their words.
 */

/** @typedef {import("../../vendor/xterm/xterm.mjs").Terminal} Emulator */

/**
 * @typedef {object} HeldPlace
 * @property {{ line: number, block: string[] } | null} top the uppermost lines in view; null at the end
 * @property {{ line: number, block: string[], column: number, length: number, cols: number } | null} selection
 */

/** Lines of a selection that are looked for: enough to tell it from others. */
const MOST_LINES = 40;

/**
 * @param {Emulator} emulator
 * @returns {HeldPlace | null} null: nothing has to be held
 */
export function holdPlace(emulator) {
  const { baseY, viewportY, type } = emulator.buffer.active;
  if (type === "alternate") return null; // it has no history, and the program draws it anew
  const isScrolled = viewportY < baseY;
  const selected = emulator.getSelectionPosition();
  if (!isScrolled && selected === undefined) return null;
  const top = isScrolled ? { line: viewportY, block: blockAt(emulator, viewportY, emulator.rows) } : null;
  if (selected === undefined) return { top, selection: null };
  const { start, end } = selected;
  const { cols } = emulator;
  const block = blockAt(emulator, start.y, Math.min(MOST_LINES, end.y - start.y + 1));
  const length = (end.y - start.y) * cols + end.x - start.x;
  return { top, selection: { line: start.y, block, column: start.x, length, cols } };
}

/**
 * Goes back to where it was, as far as the lines are still there.
 * @param {Emulator} emulator on which all has been drawn
 * @param {HeldPlace} place
 */
export function restorePlace(emulator, { top, selection }) {
  const lines = blockAt(emulator, 0, emulator.buffer.active.length);
  if (selection !== null && selection.cols === emulator.cols) {
    const line = findBlock(lines, selection.block, selection.line);
    if (line !== null) emulator.select(selection.column, line, selection.length);
  }
  if (top === null) return;
  const line = findBlock(lines, top.block, top.line);
  if (line !== null) emulator.scrollToLine(line);
}

/** @param {Emulator} emulator @param {number} from @param {number} count */
function blockAt(emulator, from, count) {
  const buffer = emulator.buffer.active;
  return Array.from({ length: count }, (_, index) => buffer.getLine(from + index)?.translateToString(true) ?? "");
}

/**
 * Where lines stand among others; some may have changed.
 * @param {string[]} lines
 * @param {string[]} block
 * @param {number} near where they stood, which decides between equals
 * @returns {number | null} null when less than half of them are there
 */
export function findBlock(lines, block, near) {
  let best = { line: near, count: 0 };
  const anchor = block.findIndex((text) => text !== "");
  if (anchor < 0) return null;
  for (let at = 0; at < lines.length; at += 1) {
    if (lines[at] !== block[anchor]) continue;
    const line = at - anchor;
    const count = block.filter((text, index) => text === lines[line + index]).length;
    const isNearer = Math.abs(line - near) < Math.abs(best.line - near);
    if (count > best.count || (count === best.count && isNearer)) best = { line, count };
  }
  return best.count * 2 < block.length || best.line < 0 ? null : best.line;
}
