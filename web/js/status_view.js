/**
 * What the page says of the link and of itself: the bar, and notices over the terminal.
 */

/** @typedef {"starting" | "connecting" | "online" | "offline" | "failed"} PageState */

/**
 * @param {string} tag
 * @param {{ text?: string, className?: string }} [content]
 */
export function element(tag, { text = "", className = "" } = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/**
 * @param {string} text
 * @param {() => void} act
 * @param {string} [className]
 */
export function button(text, act, className = "") {
  const made = element("button", { text, className });
  made.addEventListener("click", act);
  return made;
}

/** How each transport is called, and what there is to know of it. */
const TRANSPORTS = Object.freeze({
  websocket: { name: "WebSocket", title: "" },
  events: {
    name: "SSE",
    title: "This network lets no WebSocket through, so plain HTTP is used; it is tried again later.",
  },
});

/** The bar above the terminal. */
export class StatusView {
  #text;
  #transport;
  #title;

  /**
   * @param {HTMLElement} link
   * @param {HTMLElement} title
   */
  constructor(link, title) {
    this.#text = /** @type {HTMLElement} */ (link.querySelector(".link-text"));
    this.#transport = /** @type {HTMLElement} */ (link.querySelector(".link-transport"));
    this.#title = title;
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

  /** @param {string} title as the program says; any text */
  title(title) {
    this.#title.textContent = title || "ptybridge";
    document.title = title ? `${title} – ptybridge` : "ptybridge";
  }
}

/** A line over the terminal's lower edge, with what can be done about it. */
export class Notice {
  #host;
  #box = element("div", { className: "notice" });
  #text = element("span");
  #ticking = element("span");

  /**
   * @param {HTMLElement} host
   * @param {{ name: string, role?: "status" | "alert" }} kind
   */
  constructor(host, { name, role = "status" }) {
    this.#host = host;
    this.#box.dataset["notice"] = name;
    this.#box.setAttribute("role", role);
    this.#ticking.setAttribute("aria-hidden", "true");
    const line = element("p");
    line.append(this.#text, " ", this.#ticking);
    this.#box.append(line);
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
