/**
 * What the page says of its link to the server: a dot and a word in the bar, and behind them how it
 * is carried and how quick it is.
 */

import { button, element } from "../ui/dom.js";
import { Popover } from "../ui/popover.js";
import { shownTime } from "./round_trip.js";

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
  /** Read out when it changes; the rest changes too often for that. */
  #text = element("span", { className: "link-text", text: "Connecting", attributes: { role: "status" } });
  #transport = element("span", { className: "link-transport" });
  #time = element("span", { className: "link-time" });
  #facts = element("dl", { className: "facts" });
  #note = element("p", { className: "hint" });
  #again = button("Connect anew", () => {
    this.#popover.close();
    this.onagain();
  });
  #popover;
  /** @type {keyof typeof TRANSPORTS | null} */
  #carrier = null;
  /** @type {number | null} */
  #roundTrip = null;
  #since = new Date();

  /** @type {() => void} the user wants another connection; without a listener the button is not there */
  onagain = () => {};
  /** @type {() => void} the user looks at the details */
  onlook = () => {};

  /** @param {HTMLElement} host */
  constructor(host) {
    const dot = element("span", { className: "link-dot", attributes: { "aria-hidden": "true" } });
    const opener = element(
      "button",
      { className: "link-button", title: "The connection", attributes: { type: "button" } },
      dot,
      this.#text,
      this.#transport,
      this.#time,
    );
    host.replaceChildren(opener);
    this.#popover = new Popover(opener, "The connection", this.#facts, this.#note, this.#again);
    this.#popover.onchange = () => {
      if (!this.#popover.isOpen) return;
      this.#showFacts();
      this.onlook();
    };
  }

  /**
   * @param {PageState} state
   * @param {string} text
   */
  show(state, text) {
    const { dataset } = document.documentElement;
    if (dataset["state"] !== state) this.#since = new Date();
    dataset["state"] = state;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#showFacts();
  }

  /** @param {keyof typeof TRANSPORTS | null} transport what carries the connection, if there is one */
  transport(transport) {
    this.#carrier = transport;
    const { name, title } = transport === null ? { name: "", title: "" } : TRANSPORTS[transport];
    if (this.#transport.textContent !== name) this.#transport.textContent = name;
    this.#transport.title = title;
    this.#note.textContent = title;
    this.#note.hidden = title === "";
    this.#showFacts();
  }

  /** @param {number | null} milliseconds that a message and its answer take; null: not known */
  roundTrip(milliseconds) {
    this.#roundTrip = milliseconds;
    const text = milliseconds === null ? "" : shownTime(milliseconds);
    if (this.#time.textContent !== text) this.#time.textContent = text;
    this.#showFacts();
  }

  #showFacts() {
    if (!this.#popover.isOpen) return;
    const since = this.#since.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    /** @type {[string, string][]} */
    const facts = [[this.#text.textContent ?? "", `since ${since}`]];
    if (this.#carrier !== null) facts.push(["Carried by", this.#carrier === "events" ? "SSE and POST" : "WebSocket"]);
    if (this.#roundTrip !== null) facts.push(["Round trip", shownTime(this.#roundTrip)]);
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]),
    );
    this.#again.hidden = this.#carrier === null;
  }
}
