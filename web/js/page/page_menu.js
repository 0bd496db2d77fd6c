/**
 * The menu at the end of the bar: for who looks for a thing and knows neither its key nor the palette.
 */

import { iconButton } from "../ui/dom.js";
import { openMenu } from "../ui/menu.js";
import { shownKeys } from "./commands.js";

/** Commands that stand in it, as far as they are possible; null: a line between. */
const OFFERED = [
  "terminal.new",
  "terminal.split-right",
  "terminal.split-down",
  "terminal.search",
  null,
  "page.palette",
  "page.settings",
  "page.shortcuts",
  null,
];

/**
 * @param {import("./commands.js").Commands} commands
 * @param {() => void} logOut
 * @returns {HTMLButtonElement}
 */
export function pageMenu(commands, logOut) {
  const opener = iconButton("more", "Menu", () => {
    const possible = new Map(commands.possible.map((command) => [command.id, command]));
    /** @type {(import("../ui/menu.js").Item | null)[]} */
    const items = [];
    for (const id of OFFERED) {
      const command = id === null ? undefined : possible.get(id);
      if (command !== undefined) {
        const { title: text, icon, keys, run: act } = command;
        items.push({ text, act, ...(icon && { icon }), ...(keys && { keys: shownKeys(keys) }) });
      } else if (id === null && items.length > 0 && items.at(-1) !== null) items.push(null);
    }
    items.push({ text: "Log out", act: logOut });
    openMenu(opener, items);
  });
  return opener;
}
