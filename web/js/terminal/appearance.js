/**
 * How a terminal looks and behaves, as the emulator's options: what the user prefers.
 */

import { schemeFor } from "./schemes.js";

/** @typedef {import("../page/preferences.js").Preferences} Preferences */
/** @typedef {import("../page/look.js").LookName} LookName */
/** @typedef {import("../../vendor/xterm/xterm.mjs").ITerminalOptions} Options */

/** What is used where none is chosen, or the chosen one is not installed. */
export const FONTS =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';

/** Preferences that change the emulator's options. */
export const APPEARANCE = new Set([
  "scheme",
  "fontFamily",
  "lineHeight",
  "cursorStyle",
  "cursorBlink",
  "scrollback",
  "isScreenReader",
  "minimumContrast",
]);

/**
 * @param {Preferences} preferences
 * @param {LookName} look
 * @returns {Options} all but the size of the letters, which depends on the window, too
 */
export function optionsOf(preferences, look) {
  const family = preferences.get("fontFamily").trim();
  const style = preferences.get("cursorStyle");
  return {
    theme: schemeFor(preferences.get("scheme"), look).theme,
    fontFamily: family === "" ? FONTS : `${quoted(family)}, ${FONTS}`,
    lineHeight: preferences.get("lineHeight"),
    cursorStyle: style === "bar" || style === "underline" ? style : "block",
    cursorBlink: preferences.get("cursorBlink") && !prefersStillness(),
    cursorInactiveStyle: "outline",
    scrollback: preferences.get("scrollback"),
    screenReaderMode: preferences.get("isScreenReader"),
    minimumContrastRatio: look === "contrast" ? 7 : preferences.get("minimumContrast"),
  };
}

/** @param {string} family as typed: a name, or a list as in CSS */
function quoted(family) {
  if (family.includes(",") || family.includes('"')) return family;
  return `"${family}"`;
}

export function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
