/**
 * What can be done with the terminal in front.
 */

import { openSettings } from "../page/settings_dialog.js";

/** @typedef {import("./pane.js").TerminalPane} TerminalPane */

export const FONT_SIZES = Object.freeze({ least: 6, most: 40, usual: 14 });

/**
 * @param {object} what
 * @param {() => TerminalPane | null} what.active
 * @param {import("../page/preferences.js").Preferences} what.preferences
 * @returns {import("../page/commands.js").Command[]}
 */
export function terminalCommands({ active, preferences }) {
  const isPossible = () => active() !== null;
  const hasMarks = () => (active()?.view.marks.all.length ?? 0) > 0;
  const zoom = (/** @type {number} */ by) => () => {
    const size = by === 0 ? FONT_SIZES.usual : preferences.get("fontSize") + by;
    preferences.set("fontSize", Math.min(FONT_SIZES.most, Math.max(FONT_SIZES.least, size)));
  };
  const withLast = (/** @type {"select" | "copyOutput"} */ act) => () => {
    const pane = active();
    const mark = pane?.gutter.last ?? null;
    if (pane !== null && mark !== null) pane.gutter[act](mark);
  };
  return [
    {
      id: "terminal.search",
      title: "Search the terminal",
      keys: "Ctrl+Shift+F",
      icon: "search",
      isPossible,
      run: () => active()?.search.open(active()?.view.selection),
    },
    { id: "terminal.larger", title: "Larger letters", keys: "Ctrl+=", isPossible, run: zoom(1) },
    { id: "terminal.smaller", title: "Smaller letters", keys: "Ctrl+-", isPossible, run: zoom(-1) },
    { id: "terminal.usual", title: "Letters of the usual size", keys: "Ctrl+0", isPossible, run: zoom(0) },
    {
      id: "terminal.previousPrompt",
      title: "Go to the previous prompt",
      keys: "Ctrl+Shift+ArrowUp",
      icon: "up",
      isPossible: hasMarks,
      run: () => active()?.gutter.jump("previous"),
    },
    {
      id: "terminal.nextPrompt",
      title: "Go to the next prompt",
      keys: "Ctrl+Shift+ArrowDown",
      icon: "down",
      isPossible: hasMarks,
      run: () => active()?.gutter.jump("next"),
    },
    {
      id: "terminal.selectOutput",
      title: "Select the last command's output",
      isPossible: hasMarks,
      run: withLast("select"),
    },
    {
      id: "terminal.copyOutput",
      title: "Copy the last command's output",
      icon: "copy",
      isPossible: hasMarks,
      run: withLast("copyOutput"),
    },
    {
      id: "terminal.clear",
      title: "Clear what has scrolled off",
      isPossible,
      run: () => active()?.view.clearScrollback(),
    },
    {
      id: "terminal.screenReader",
      title: "Screen reader mode on or off",
      keys: "Ctrl+Alt+R",
      run: () => preferences.set("isScreenReader", !preferences.get("isScreenReader")),
    },
    {
      id: "page.settings",
      title: "Settings",
      keys: "Ctrl+,",
      icon: "settings",
      run: () => void openSettings(preferences),
    },
  ];
}
