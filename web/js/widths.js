/**
 * How wide characters are, by the table of the server's terminal library: the page and the screen
 * on the server must put every character into the same cells.
 */

import { RUNS } from "./width_table.js";

/** The name under which the emulator knows these widths. */
export const VERSION = "server";

const BMP = 0x10000;
const WIDTHS = { Z: 0, N: 1, W: 2 };

/** Where each run ends (exclusive), and how wide its characters are. */
const ends = new Uint32Array(RUNS.length);
const widths = new Uint8Array(RUNS.length);
/** The widths of the basic multilingual plane, which nearly all characters are of. */
const bmp = new Uint8Array(BMP);

let count = 0;
{
  let end = 0;
  for (const [, length = "", kind = "N"] of RUNS.matchAll(/([0-9a-z]+)([ZNW])/g)) {
    const start = end;
    end += Number.parseInt(length, 36);
    const width = WIDTHS[/** @type {keyof typeof WIDTHS} */ (kind)];
    bmp.fill(width, Math.min(start, BMP), Math.min(end, BMP));
    ends[count] = end;
    widths[count++] = width;
  }
}

/**
 * @param {number} codePoint
 * @returns {0 | 1 | 2} cells
 */
export function widthOf(codePoint) {
  if (codePoint < BMP) return /** @type {0 | 1 | 2} */ (bmp[codePoint]);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (codePoint < /** @type {number} */ (ends[middle])) high = middle;
    else low = middle + 1;
  }
  return /** @type {0 | 1 | 2} */ (widths[low] ?? 1);
}

/**
 * What xterm.js asks of a table of widths (its ``IUnicodeVersionProvider``).
 *
 * A character's properties are packed as its own tables pack them: bit 0, whether it joins the
 * character before; bits 1 and 2, the width of the two together.
 */
export const widthProvider = {
  version: VERSION,
  wcwidth: widthOf,
  /**
   * @param {number} codePoint
   * @param {number} preceding the properties of the character before; 0 when there is none
   */
  charProperties(codePoint, preceding) {
    const width = widthOf(codePoint);
    const before = (preceding >> 1) & 3;
    return width === 0 && before > 0 ? (before << 1) | 1 : width << 1;
  },
};
