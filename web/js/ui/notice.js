/**
 * A line over the page's lower edge, with what can be done about it.
 */

import { element } from "./dom.js";

export class Notice {
  #host;
  #box;
  #text = element("span");
  #ticking = element("span", { attributes: { "aria-hidden": "true" } });

  /**
   * @param {HTMLElement} host
   * @param {{ name: string, role?: "status" | "alert" }} kind
   */
  constructor(host, { name, role = "status" }) {
    this.#host = host;
    const line = element("p", {}, this.#text, " ", this.#ticking);
    this.#box = element("div", { className: "notice", attributes: { role } }, line);
    this.#box.dataset["notice"] = name;
  }

  get isShown() {
    return this.#box.isConnected;
  }

  /** @param {Element[]} parts behind the text */
  add(...parts) {
    this.#box.append(...parts);
    return this;
  }

  /**
   * @param {string} text
   * @param {string} [ticking] what changes all the time, and is not to be read out each time
   */
  show(text, ticking = "") {
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (this.#ticking.textContent !== ticking) this.#ticking.textContent = ticking;
    if (!this.isShown) this.#host.append(this.#box);
  }

  hide() {
    this.#box.remove();
  }
}
