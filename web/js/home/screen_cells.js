/**
 * A terminal's screen in small: the server's cells (``GET /api/terminals/{id}/screen?format=cells``)
 * drawn on a canvas in the terminal's colours.
 */

/** @typedef {import("../../vendor/xterm/xterm.mjs").ITheme} Theme */
/** @typedef {number | string | null} Colour an index of the palette, "#rrggbb", or the default */
/** @typedef {[string] | [string, Colour, Colour, number]} Stretch text, foreground, background, flags */
/** @typedef {{ rows: number, cols: number, lines: Stretch[][] }} Cells */

export const BOLD = 1;
export const FAINT = 2;
export const INVERSE = 8;
export const INVISIBLE = 16;

/** Between so many columns are shown, as the lines are long: letters must stay letters. */
const LEAST_COLS = 48;
const MOST_COLS = 100;

/** Height of a thumbnail by its width, as in home.css; a row is as high as two columns are wide. */
const ASPECT = 9.5 / 16;

const NAMES = /** @type {const} */ ([
  "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
  "brightBlack", "brightRed", "brightGreen", "brightYellow",
  "brightBlue", "brightMagenta", "brightCyan", "brightWhite",
]);

/**
 * @param {Colour} colour
 * @param {Theme} theme
 * @returns {string | null} as CSS has it; null for the default
 */
export function cssColour(colour, theme) {
  if (typeof colour === "string") return /^#[0-9a-f]{6}$/.test(colour) ? colour : null;
  if (colour === null || colour < 0 || colour > 255) return null;
  const name = NAMES[colour];
  if (name !== undefined) return theme[name] ?? null;
  if (colour >= 232) {
    const grey = 8 + (colour - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  // The cube of 6 x 6 x 6 (xterm's 256colres.pl).
  const cube = colour - 16;
  const level = (/** @type {number} */ step) => (step === 0 ? 0 : 55 + step * 40);
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

/**
 * The part of a screen that is shown.
 * @param {Cells} cells
 * @returns {{ first: number, rows: number, cols: number }} the first row, and how many
 */
export function shownPart({ rows, cols, lines }) {
  const widths = lines.map((line) => line.reduce((sum, [text]) => sum + widthOf(text), 0));
  const longest = Math.max(LEAST_COLS, ...widths);
  const shownCols = Math.min(longest, MOST_COLS, Math.max(cols, LEAST_COLS));
  const shownRows = Math.min(rows, Math.floor((shownCols * ASPECT) / 2));
  return { first: Math.max(0, lines.length - shownRows), rows: shownRows, cols: shownCols };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Cells} cells
 * @param {Theme} theme
 */
export function drawCells(canvas, cells, theme) {
  const { first, rows, cols } = shownPart(cells);
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth * scale;
  const height = canvas.clientHeight * scale;
  if (width === 0 || height === 0) return;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const ground = theme.background ?? "#000000";
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  // Letters are 0.6 as wide as they are high, rows 1.2 times as high.
  const cell = width / (cols + 2);
  const line = cell * 2;
  context.translate(cell, cell / 2);
  context.font = `${cell / 0.6}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
  context.textBaseline = "middle";
  for (const [row, stretches] of cells.lines.slice(first, first + rows).entries()) {
    let col = 0;
    for (const [text, foreground = null, background = null, flags = 0] of stretches) {
      const isInverse = (flags & INVERSE) !== 0;
      const [front, back] = isInverse ? [background, foreground] : [foreground, background];
      const behind = cssColour(back, theme) ?? (isInverse ? (theme.foreground ?? null) : null);
      const before = cssColour(front, theme) ?? (isInverse ? ground : (theme.foreground ?? "#ffffff"));
      const columns = widthOf(text);
      if (behind !== null) {
        context.fillStyle = behind;
        context.fillRect(col * cell, row * line, columns * cell, line);
      }
      if ((flags & INVISIBLE) === 0 && text.trim() !== "") {
        context.fillStyle = before;
        context.globalAlpha = (flags & FAINT) !== 0 ? 0.5 : 1;
        // The letters of a font that is not exactly as wide stay in their columns.
        context.fillText(text, col * cell, (row + 0.5) * line, columns * cell);
        context.globalAlpha = 1;
      }
      col += columns;
      if (col > cols) break;
    }
  }
}

/** Columns that a text takes; East Asian letters and emoji take two. @param {string} text */
function widthOf(text) {
  let columns = 0;
  for (const char of text) columns += WIDE.test(char) ? 2 : 1;
  return columns;
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
