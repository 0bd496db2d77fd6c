/**
 * A terminal as it is offered: its screen in small, what runs in it and where.
 */

import { element, iconButton } from "../ui/dom.js";
import { openMenu } from "../ui/menu.js";
import { shortPath } from "./overview.js";

/** @typedef {import("./session_api.js").ListedTerminal} ListedTerminal */

/**
 * @typedef {object} CardActions
 * @property {(terminal: ListedTerminal) => void} rename
 * @property {(terminal: ListedTerminal) => void} close
 */

export class TerminalCard {
  #actions;
  #mayWrite;
  /** @type {ListedTerminal} */
  #terminal;
  #title = element("span", { className: "card-title" });
  #what = element("span", { className: "card-what" });
  #viewers = element("span", { className: "card-viewers" });
  #link;
  canvas = element("canvas", { className: "card-screen", attributes: { "aria-hidden": "true" } });

  /**
   * @param {string} sessionID
   * @param {ListedTerminal} terminal
   * @param {boolean} mayWrite
   * @param {CardActions} actions
   */
  constructor(sessionID, terminal, mayWrite, actions) {
    this.#actions = actions;
    this.#mayWrite = mayWrite;
    this.#terminal = terminal;
    this.#link = element(
      "a",
      { className: "card-link", attributes: { href: `#/s/${sessionID}/t/${terminal.id}` } },
      this.canvas,
      element("span", { className: "card-words" }, this.#title, this.#what),
    );
    const menu = iconButton("more", "What to do with this terminal", () => this.#openMenu(menu), "quiet");
    this.element = element("li", { className: "card" }, this.#link, this.#viewers);
    if (mayWrite) this.element.append(menu);
    this.element.dataset["terminal"] = terminal.id;
    this.update(terminal);
  }

  /** @param {ListedTerminal} terminal */
  update(terminal) {
    this.#terminal = terminal;
    const { title, cwd, command, viewers = 0 } = terminal;
    const parts = [cwd === undefined ? "" : shortPath(cwd), command === undefined ? "" : command.split("\n")[0]];
    write(this.#title, title);
    write(this.#what, parts.filter((part) => part !== "").join(" · "));
    write(this.#viewers, viewers === 0 ? "" : viewers === 1 ? "1 viewer" : `${viewers} viewers`);
    this.#what.title = [cwd, command].filter(Boolean).join("\n");
  }

  /** @param {HTMLElement} anchor */
  #openMenu(anchor) {
    if (!this.#mayWrite) return;
    openMenu(anchor, [
      { text: "Rename", icon: "edit", act: () => this.#actions.rename(this.#terminal) },
      { text: "Close", icon: "close", isDanger: true, act: () => this.#actions.close(this.#terminal) },
    ]);
  }
}

/** @param {HTMLElement} host @param {string} text */
export function write(host, text) {
  if (host.textContent !== text) host.textContent = text;
}
