/**
 * Files that a terminal's program offers (``ptybridge download``): asked about, one after the other.
 */

import { button } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { formatSize } from "./sizes.js";

/** Offers that wait at most; a program that offers without end is heard no further. */
const MOST_WAITING = 20;

/** @typedef {{ terminalID: string, downloadID: string, path: string, size: number }} Offer */

export class OffersView {
  #notice;
  #take;
  #leave;
  /** @type {Offer[]} */
  #waiting = [];

  /**
   * @param {HTMLElement} host
   * @param {{ take: (offer: Offer) => void, leave: () => void }} uses the user wants it; the user has
   *   answered, and the focus goes elsewhere
   */
  constructor(host, { take, leave }) {
    this.#take = take;
    this.#leave = leave;
    this.#notice = new Notice(host, { name: "download", role: "alert" }).add(
      button("Download", () => this.#answer(true), "primary"),
      button("No", () => this.#answer(false)),
    );
  }

  /** @param {Offer} offer */
  add(offer) {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(offer);
    this.#show();
  }

  /** @param {boolean} isWanted */
  #answer(isWanted) {
    const offer = this.#waiting.shift();
    this.#show();
    if (!this.#notice.isShown) this.#leave();
    if (isWanted && offer !== undefined) this.#take(offer);
  }

  #show() {
    const [offer, ...more] = this.#waiting;
    if (offer === undefined) {
      this.#notice.hide();
      return;
    }
    const rest = more.length > 0 ? ` (${more.length} more after it)` : "";
    this.#notice.show(`The terminal offers a file: ${offer.path}, ${formatSize(offer.size)}.${rest}`);
  }
}
