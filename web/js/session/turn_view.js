/**
 * Who has the keyboard where not everybody types, and what can be done about it.
 */

import { button, element } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";

/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

export class TurnView {
  #host;
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
  }

  /** @param {TerminalPane | null} pane */
  show(pane) {
    this.#pane = pane;
    const viewers = pane?.viewers ?? [];
    const own = pane?.own ?? null;
    const asks = viewers.find(({ waits, id }) => waits && id !== own?.id);
    const holder = viewers.find(({ controls }) => controls);
    this.#host.replaceChildren();
    if (asks === undefined) this.#asked.hide();
    if (own === null || viewers.length < 2) return;
    if (own.role === "watcher") this.#say("Watching");
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

  /** @param {string} text @param {...HTMLElement} parts */
  #say(text, ...parts) {
    this.#host.replaceChildren(element("span", { text }), ...parts);
  }
}
