/**
 * What can be done with a session's terminals, as commands: docs/page.md lists their keys.
 */

import { ApiError, askApi } from "../api.js";
import { askDialog } from "../ui/dialog.js";

/** @typedef {import("../page/commands.js").Command} Command */
/** @typedef {import("../page/commands.js").Commands} Commands */
/** @typedef {import("../page/context.js").SessionContext} SessionContext */
/** @typedef {import("../ui/menu.js").Item} Item */
/** @typedef {import("./layout.js").Side} Side */
/** @typedef {import("./workspace.js").Workspace} Workspace */

/** How much larger a terminal gets at once, in parts of its split. */
const STEP = 0.05;

/** @type {[Side, string][]} */
const SIDES = [["left", "Left"], ["right", "Right"], ["up", "Up"], ["down", "Down"]];

/**
 * @param {Workspace} workspace
 * @param {SessionContext} context
 * @returns {Command[]}
 */
export function workspaceCommands(workspace, context) {
  const mayWrite = () => workspace.denied === "";
  const hasActive = () => (workspace.active?.terminalID ?? "") !== "";
  const hasTabs = () => workspace.tabs.length > 1;
  const isSplit = () => workspace.isSplit;
  const active = () => workspace.active?.terminalID ?? "";
  return [
    {
      id: "terminal.new",
      title: "New terminal",
      icon: "plus",
      keys: "Ctrl+Shift+S",
      isPossible: mayWrite,
      run: () => context.attempt(workspace.open()),
    },
    {
      id: "terminal.split-right",
      title: "Split to the right",
      icon: "splitRight",
      keys: "Ctrl+Shift+E",
      isPossible: () => mayWrite() && hasActive(),
      run: () => context.attempt(workspace.split("right")),
    },
    {
      id: "terminal.split-down",
      title: "Split downwards",
      icon: "splitDown",
      keys: "Ctrl+Shift+O",
      isPossible: () => mayWrite() && hasActive(),
      run: () => context.attempt(workspace.split("down")),
    },
    {
      id: "terminal.close",
      title: "Close this terminal",
      icon: "close",
      keys: "Ctrl+Shift+X",
      isPossible: () => hasActive() && (mayWrite() || workspace.active?.exit !== null),
      run: () => void workspace.close(active()),
    },
    {
      id: "terminal.again",
      title: "Run again what ended here",
      icon: "refresh",
      isPossible: () => mayWrite() && workspace.active !== null && workspace.active.exit !== null,
      run: () => context.attempt(workspace.again(active())),
    },
    {
      id: "terminal.rename",
      title: "Rename this terminal",
      icon: "edit",
      isPossible: () => mayWrite() && hasActive(),
      run: () => void rename(workspace, context),
    },
    {
      id: "tab.next",
      title: "Next tab",
      keys: "Ctrl+Shift+.",
      isPossible: hasTabs,
      run: () => workspace.arrange((all) => all.step(1)),
    },
    {
      id: "tab.previous",
      title: "Previous tab",
      keys: "Ctrl+Shift+,",
      isPossible: hasTabs,
      run: () => workspace.arrange((all) => all.step(-1)),
    },
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => ({
      id: `tab.${number}`,
      title: number === 9 ? "Go to the last tab" : `Go to tab ${number}`,
      keys: `Ctrl+Shift+${number}`,
      isPossible: () => workspace.tabs.length >= (number === 9 ? 2 : number),
      run: () => workspace.arrange((all) => all.showNumber(number)),
    })),
    {
      id: "tab.forward",
      title: "Move this tab to the right",
      isPossible: hasTabs,
      run: () => workspace.arrange((all) => all.shift(1)),
    },
    {
      id: "tab.back",
      title: "Move this tab to the left",
      isPossible: hasTabs,
      run: () => workspace.arrange((all) => all.shift(-1)),
    },
    ...SIDES.map(([side, name]) => ({
      id: `pane.${side}`,
      title: `Go to the terminal ${{ left: "on the left", right: "on the right", up: "above", down: "below" }[side]}`,
      keys: `Ctrl+Alt+Shift+Arrow${name}`,
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.show(all.beside(side) ?? "")),
    })),
    {
      id: "pane.next",
      title: "Next terminal of this tab",
      keys: "Ctrl+Shift+]",
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.stepPane(1)),
    },
    {
      id: "pane.previous",
      title: "Previous terminal of this tab",
      keys: "Ctrl+Shift+[",
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.stepPane(-1)),
    },
    ...SIDES.map(([side]) => ({
      id: `pane.push-${side}`,
      title: `Move the border ${{ left: "to the left", right: "to the right", up: "up", down: "down" }[side]}`,
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.push(side, STEP)),
    })),
    {
      id: "pane.zoom",
      title: "Show this terminal alone, or all",
      icon: "zoom",
      keys: "Ctrl+Shift+M",
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.zoom()),
    },
    {
      id: "pane.even",
      title: "Even out the splits",
      icon: "even",
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.even()),
    },
    {
      id: "terminal.move-out",
      title: "Move this terminal to a tab of its own",
      isPossible: isSplit,
      run: () => workspace.arrange((all) => all.moveOut(active(), all.tabs.length)),
    },
    {
      id: "page.strip",
      title: "Go to the tabs",
      keys: "Ctrl+Shift+`",
      run: () => workspace.focusStrip(),
    },
  ];
}

/** Commands that a tab's menu offers. */
const OF_A_TAB = [
  "terminal.rename",
  "terminal.split-right",
  "terminal.split-down",
  "terminal.move-out",
  "terminal.again",
];

/**
 * @param {Commands} commands
 * @param {() => void} show brings the tab to the front, which the commands are about
 * @param {() => void} close
 * @returns {(Item | null)[]}
 */
export function tabMenu(commands, show, close) {
  const possible = commands.possible.filter(({ id }) => OF_A_TAB.includes(id));
  const items = possible.map(({ title, icon, id }) => ({
    text: title,
    ...(icon === undefined ? {} : { icon }),
    act: () => {
      show();
      commands.run(id);
    },
  }));
  return [...items, ...(items.length > 0 ? [null] : []), { text: "Close", icon: "close", act: close }];
}

/** @param {Workspace} workspace @param {SessionContext} context */
async function rename(workspace, context) {
  const terminal = workspace.active?.terminalID ?? "";
  const state = context.model.terminals.get(terminal);
  const title = await askDialog("Rename this terminal", {
    label: "Title",
    value: workspace.titleOf(terminal),
    action: "Rename",
    isOptional: true,
    ...(state?.renamed ? { hint: "Without one, it is what the program says." } : {}),
  });
  workspace.active?.focus();
  if (title === null) return;
  try {
    await askApi("PATCH", `terminals/${encodeURIComponent(terminal)}`, { title });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    context.say(error.message);
  }
}
