/**
 * The colours of the terminal, dark and light; each pair of text and ground is legible (WCAG AA).
 */

/** @typedef {import("../../vendor/xterm/xterm.mjs").ITheme} Theme */

/** @type {Theme} */
const DARK = {
  background: "#16181d",
  foreground: "#e4e6ea",
  cursor: "#e4e6ea",
  cursorAccent: "#16181d",
  selectionBackground: "#3b4a6b",
  black: "#2a2e37",
  red: "#ef7a76",
  green: "#6fcf8a",
  yellow: "#e5b567",
  blue: "#7aa2f7",
  magenta: "#c792ea",
  cyan: "#6cc7d6",
  white: "#c9ced6",
  brightBlack: "#737b8a",
  brightRed: "#ff9a94",
  brightGreen: "#93e2a6",
  brightYellow: "#f5cf8b",
  brightBlue: "#a3bffb",
  brightMagenta: "#dcb3f5",
  brightCyan: "#97dee8",
  brightWhite: "#ffffff",
};

/** @type {Theme} */
const LIGHT = {
  background: "#f4f4f2",
  foreground: "#22252b",
  cursor: "#22252b",
  cursorAccent: "#f4f4f2",
  selectionBackground: "#c5d3f0",
  black: "#22252b",
  red: "#b3261e",
  green: "#1f6f37",
  yellow: "#7d5200",
  blue: "#2b59c3",
  magenta: "#8e2f9e",
  cyan: "#0b6a75",
  white: "#6b7280",
  brightBlack: "#565c66",
  brightRed: "#c8332a",
  brightGreen: "#24803f",
  brightYellow: "#8f5f00",
  brightBlue: "#3a68d8",
  brightMagenta: "#a03bb1",
  brightCyan: "#0d7986",
  brightWhite: "#3c4047",
};

/** @param {boolean} isLight */
export function themeFor(isLight) {
  return isLight ? LIGHT : DARK;
}
