/**
 * Who views the terminal: a count in the bar, and behind it a list with what one may do.
 */

import { button, element } from "../ui/dom.js";

/** @typedef {import("../wire.js").Viewer} Viewer */

/**
 * @param {Viewer} viewer
 * @param {boolean} isTurn whether the keyboard is handed from one to the other
 * @returns {string} what is worth saying of it
 */
export function stateOf(viewer, isTurn) {
  const states = [];
  if (viewer.role === "watcher") states.push("watches");
  else if (isTurn && viewer.controls) states.push("has the keyboard");
  else if (viewer.waits) states.push("asks for the keyboard");
  if (!viewer.visible) states.push("away");
  if (viewer.lagging) states.push("is behind");
  return states.join(", ");
}

/**
 * @param {Viewer[]} viewers
 * @returns {boolean} whether one holds the keyboard: somebody may write, and cannot now
 */
export function isTurnTaking(viewers) {
  return viewers.some(({ role, controls }) => role !== "watcher" && !controls);
}

export class PeopleView {
  #host;
  #act;
  #count = element("summary");
  #list = element("ul", { className: "people-list" });

  /**
   * @param {HTMLElement} host a ``details`` element
   * @param {(action: "grant" | "revoke", to: string) => void} act
   */
  constructor(host, act) {
    this.#host = host;
    this.#act = act;
    host.append(this.#count, this.#list);
    const close = () => host.removeAttribute("open");
    document.addEventListener("pointerdown", (event) => {
      if (!host.contains(/** @type {Node} */ (event.target))) close();
    });
    host.addEventListener("keydown", (event) => event.key === "Escape" && close());
  }

  /**
   * @param {Viewer[]} viewers
   * @param {Viewer | null} own
   */
  show(viewers, own) {
    const others = viewers.length > 1;
    this.#host.hidden = !others;
    if (!others) this.#host.removeAttribute("open");
    this.#count.textContent = `${viewers.length} viewers`;
    const isTurn = isTurnTaking(viewers);
    this.#list.replaceChildren(...viewers.map((viewer) => this.#person(viewer, own, isTurn)));
  }

  /**
   * @param {Viewer} viewer
   * @param {Viewer | null} own
   * @param {boolean} isTurn
   */
  #person(viewer, own, isTurn) {
    const isOwn = viewer.id === own?.id;
    const row = element("li", { className: "person" });
    const name = isOwn ? `${viewer.name} (you)` : viewer.name;
    row.append(
      element("span", { className: "person-name", text: name }),
      element("span", { className: "person-state", text: stateOf(viewer, isTurn) }),
    );
    if (isOwn || own === null) return row;
    const mayGive = own.role === "owner" || (isTurn && own.controls);
    const mayHave = viewer.role !== "watcher" || own.role === "owner";
    if (mayGive && mayHave && !viewer.controls) {
      row.append(button(isTurn ? "Hand over" : "Let type", () => this.#act("grant", viewer.id)));
    }
    if (own.role === "owner" && viewer.role !== "watcher") {
      row.append(button("Only watch", () => this.#act("revoke", viewer.id)));
    }
    return row;
  }
}
