/**
 * Who has the keyboard where not everybody types, and what can be done about it.
 */

import { button, element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Notice } from "../ui/notice.js";

/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

/** How long it is said that what was typed has gone nowhere. */
const SAID_MS = 4000;

export class TurnView {
  #host;
  #ignored;
  #timer = 0;
  #asks = "";
  #asked;
  /** @type {TerminalPane | null} */
  #pane = null;

  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} notices
   */
  constructor(host, notices) {
    this.#host = host;
    this.#asked = new Notice(notices, { name: "asked" }).add(
      button("Hand it over", () => void this.#pane?.control("grant", this.#asks), "primary"),
    );
    this.#ignored = new Notice(notices, { name: "ignored" });
  }

  /** What was typed has gone nowhere. */
  ignored() {
    const { viewers = [], own } = this.#pane ?? {};
    const holder = viewers.find(({ controls }) => controls);
    const why = own?.role === "watcher" ? "You only watch this terminal" : `${holder?.name ?? "Nobody"} has the keyboard`;
    this.#ignored.show(`${why}: what you type goes nowhere.`);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ignored.hide(), SAID_MS);
  }

  /** @param {TerminalPane | null} pane */
  show(pane) {
    this.#pane = pane;
    if (pane?.own?.controls ?? true) this.#ignored.hide();
    const viewers = pane?.viewers ?? [];
    const own = pane?.own ?? null;
    const asks = viewers.find(({ waits, id }) => waits && id !== own?.id);
    const holder = viewers.find(({ controls }) => controls);
    this.#host.replaceChildren();
    if (asks === undefined) this.#asked.hide();
    if (own === null) return;
    if (own.role === "watcher") this.#say("Watching", icon("eye"));
    else if (viewers.length < 2) return;
    else if (!own.controls) {
      const who = holder === undefined ? "Nobody types" : `${holder.name} types`;
      const label = own.role === "owner" ? "Take the keyboard" : "Ask for the keyboard";
      if (own.waits) this.#say(`${who}; you are next`);
      else this.#say(who, button(label, () => void pane?.control("request")));
    } else if (asks !== undefined) {
      this.#asks = asks.id;
      this.#asked.show(`${asks.name} asks for the keyboard.`);
    }
  }

  /** @param {string} text @param {...Element} parts */
  #say(text, ...parts) {
    this.#host.replaceChildren(element("span", { text }), ...parts);
  }
}
