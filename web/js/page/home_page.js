/**
 * All sessions and their terminals, to choose from.
 */

import { element } from "../ui/dom.js";

/** @typedef {import("./context.js").PageContext} PageContext */
/** @typedef {import("./frame.js").Frame} Frame */

export class HomePage {
  #frame;

  /**
   * @param {Frame} frame
   * @param {PageContext} _page
   */
  constructor(frame, _page) {
    this.#frame = frame;
  }

  async start() {
    document.title = "ptybridge";
    const answer = await fetch(new URL("api/sessions", document.baseURI));
    /** @type {{ sessions: { id: string, terminals: { id: string, title: string }[] }[] }} */
    const { sessions } = await answer.json();
    const list = element("ul", { className: "home" });
    for (const { id } of sessions) {
      const link = element("a", { text: id, attributes: { href: `#/s/${id}` } });
      list.append(element("li", {}, link));
    }
    this.#frame.stage.append(list);
    document.documentElement.dataset["state"] = "online";
  }

  dispose() {
    this.#frame.clear();
  }
}
