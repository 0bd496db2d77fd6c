/**
 * What the page says of its link to the server: a dot and a word in the bar.
 */

import { element } from "../ui/dom.js";

/** @typedef {"starting" | "connecting" | "online" | "offline" | "failed"} PageState */

/** How each transport is called, and what there is to know of it. */
const TRANSPORTS = Object.freeze({
  websocket: { name: "WebSocket", title: "" },
  events: {
    name: "SSE",
    title: "This network lets no WebSocket through, so plain HTTP is used; it is tried again later.",
  },
});

export class LinkView {
  #text = element("span", { className: "link-text", text: "Connecting" });
  #transport = element("span", { className: "link-transport" });

  /** @param {HTMLElement} host */
  constructor(host) {
    const dot = element("span", { className: "link-dot", attributes: { "aria-hidden": "true" } });
    host.replaceChildren(dot, this.#text, " ", this.#transport);
  }

  /**
   * @param {PageState} state
   * @param {string} text
   */
  show(state, text) {
    document.documentElement.dataset["state"] = state;
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  /** @param {keyof typeof TRANSPORTS | null} transport what carries the connection, if there is one */
  transport(transport) {
    const { name, title } = transport === null ? { name: "", title: "" } : TRANSPORTS[transport];
    if (this.#transport.textContent !== name) this.#transport.textContent = name;
    this.#transport.title = title;
  }
}
