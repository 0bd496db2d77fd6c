/**
 * The command palette: all that can be done and all places to go to, found by a few letters, and the
 * list of all shortcuts. As WAI-ARIA's combobox with a listbox says.
 */

import { ApiError } from "../api.js";
import { SessionApi } from "../home/session_api.js";
import { element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { openDialog } from "../ui/dialog.js";
import { shownKeys } from "./commands.js";
import { find } from "./fuzzy.js";

/** @typedef {import("./commands.js").Command} Command */
/** @typedef {import("./commands.js").Commands} Commands */

/** Rows that are drawn at once; who wants another one types on. */
const MOST_ROWS = 60;

/**
 * Lets the user choose, and does that.
 * @param {Command[]} commands
 * @param {Promise<Command[]>} places which come a little later
 */
export async function openPalette(commands, places) {
  const palette = new Palette(commands);
  void places.then((more) => palette.add(more));
  const closed = openDialog({ title: "Commands", body: [palette.element], className: "palette" });
  palette.input.focus();
  await closed;
}

class Palette {
  #commands;
  #list = element("ul", {
    className: "palette-list",
    attributes: { role: "listbox", id: "palette-list", "aria-label": "Commands" },
  });
  #none = element("p", { className: "hint", text: "Nothing fits.", attributes: { role: "status" } });
  input = element("input", {
    className: "palette-input",
    attributes: {
      role: "combobox",
      type: "text",
      placeholder: "Type a command, a terminal or a session",
      "aria-label": "Command",
      "aria-expanded": "true",
      "aria-controls": "palette-list",
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false",
    },
  });
  /** @type {{ item: Command, at: number[] }[]} */
  #found = [];
  #at = 0;
  /** @param {Command[]} commands */
  constructor(commands) {
    this.#commands = commands;
    this.element = element("div", { className: "palette-body" }, this.input, this.#list, this.#none);
    this.input.addEventListener("input", () => this.#search());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.#search();
  }

  /** @param {Command[]} commands */
  add(commands) {
    this.#commands = [...this.#commands, ...commands];
    this.#search();
  }

  #search() {
    this.#found = find(this.input.value, this.#commands, ({ title }) => title).slice(0, MOST_ROWS);
    this.#at = 0;
    this.#none.hidden = this.#found.length > 0;
    this.#list.replaceChildren(...this.#found.map((found, index) => this.#row(found, index)));
    this.#mark();
  }

  /** @param {{ item: Command, at: number[] }} found @param {number} index */
  #row({ item, at }, index) {
    const text = element("span", { className: "palette-text" });
    [...item.title].forEach((letter, place) => {
      if (at.includes(place)) text.append(element("b", { text: letter }));
      else text.append(letter);
    });
    const row = element(
      "li",
      {
        className: "palette-row",
        attributes: { role: "option", id: `palette-${index}` },
        on: {
          click: () => this.#choose(index),
          pointermove: () => {
            this.#at = index;
            this.#mark();
          },
        },
      },
      element("span", { className: "menu-mark" }, item.icon === undefined ? null : icon(item.icon)),
      text,
      item.keys === undefined ? null : element("kbd", { text: shownKeys(item.keys) }),
    );
    return row;
  }

  #mark() {
    [...this.#list.children].forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === this.#at));
    });
    const row = this.#list.children[this.#at];
    row?.scrollIntoView({ block: "nearest" });
    if (row === undefined) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", row.id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#found.length - 1;
    const next = {
      ArrowDown: this.#at === last ? 0 : this.#at + 1,
      ArrowUp: this.#at === 0 ? last : this.#at - 1,
      PageDown: Math.min(last, this.#at + 8),
      PageUp: Math.max(0, this.#at - 8),
    }[event.key];
    if (event.key === "Enter") this.#choose(this.#at);
    else if (next === undefined) return;
    else {
      this.#at = Math.max(0, next);
      this.#mark();
    }
    event.preventDefault();
  }

  /** @param {number} index */
  #choose(index) {
    const chosen = this.#found[index]?.item;
    if (chosen === undefined) return;
    this.element.closest("dialog")?.close(); // gives the focus back, so what is chosen can take it
    chosen.run();
  }
}

/** Shows all shortcuts. @param {Commands} commands */
export function openShortcuts(commands) {
  const rows = commands.possible
    .filter(({ keys }) => keys !== undefined)
    .map(({ title, keys = "" }) =>
      element("tr", {}, element("td", { text: title }), element("td", {}, element("kbd", { text: shownKeys(keys) }))),
    );
  const table = element("table", { className: "shortcuts" }, element("tbody", {}, ...rows));
  const note = element("p", { className: "hint", text: "All other keys are the program's in the terminal." });
  void openDialog({ title: "Shortcuts", body: [table, note] });
}

/**
 * All sessions and terminals that one may see, as places to go to.
 * @param {(hash: string) => void} go
 * @returns {Promise<Command[]>} none while the server does not answer
 */
export async function places(go) {
  try {
    const sessions = await new SessionApi().list();
    return sessions.flatMap(({ id, title, terminals }) => [
      { id: `go.${id}`, title: `Session ${title || id}`, icon: /** @type {const} */ ("grid"), run: () => go(`#/s/${id}`) },
      ...terminals
        .filter(({ exit }) => exit === undefined)
        .map((terminal) => ({
          id: `go.${id}.${terminal.id}`,
          title: `${terminal.title} in ${title || id}`,
          icon: /** @type {const} */ ("terminal"),
          run: () => go(`#/s/${id}/t/${terminal.id}`),
        })),
    ]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [];
  }
}

/**
 * @param {Commands} commands
 * @param {(hash: string) => void} go
 * @returns {Command[]}
 */
export function pageCommands(commands, go) {
  return [
    {
      id: "page.palette",
      title: "All commands",
      icon: "search",
      keys: "Ctrl+Shift+K",
      run: () => {
        const all = commands.possible.filter(({ id }) => id !== "page.palette");
        void openPalette(all, places(go));
      },
    },
    { id: "page.home", title: "All sessions", icon: "home", keys: "Ctrl+Shift+H", run: () => go("#/") },
    {
      id: "page.shortcuts",
      title: "Shortcuts",
      icon: "keyboard",
      keys: "Ctrl+Shift+/",
      run: () => openShortcuts(commands),
    },
  ];
}
