/**
 * Thumbnails that follow their terminals: only what is in view, only what has changed, one at a time.
 */

import { drawCells } from "./screen_cells.js";

/** @typedef {import("./screen_cells.js").Cells} Cells */

export class Thumbnails {
  #fetch;
  #themeOf;
  /** @type {Map<HTMLCanvasElement, { id: string, end: number, drawn: number, cells: Cells | null, isSeen: boolean }>} */
  #all = new Map();
  #isBusy = false;
  #observer;

  /**
   * @param {(id: string) => Promise<Cells>} fetch
   * @param {() => import("../../vendor/xterm/xterm.mjs").ITheme} themeOf
   * @param {AbortSignal} signal
   */
  constructor(fetch, themeOf, signal) {
    this.#fetch = fetch;
    this.#themeOf = themeOf;
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const known = this.#all.get(/** @type {HTMLCanvasElement} */ (target));
        if (known !== undefined) known.isSeen = isIntersecting;
      }
      void this.#drawNext();
    });
    signal.addEventListener("abort", () => {
      this.#observer.disconnect();
      this.#all.clear();
    });
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string} id the terminal's
   * @param {number} end bytes that it has printed; another number means another screen
   */
  follow(canvas, id, end) {
    const known = this.#all.get(canvas);
    if (known !== undefined) known.end = end;
    else {
      this.#all.set(canvas, { id, end, drawn: -1, cells: null, isSeen: false });
      this.#observer.observe(canvas);
    }
    void this.#drawNext();
  }

  /** @param {HTMLCanvasElement} canvas */
  leave(canvas) {
    this.#observer.unobserve(canvas);
    this.#all.delete(canvas);
  }

  /** Draws all again, in other colours or another size. */
  redraw() {
    for (const [canvas, { cells }] of this.#all) if (cells !== null) drawCells(canvas, cells, this.#themeOf());
  }

  /** One request at a time: a wall of terminals must not crowd the server. */
  async #drawNext() {
    if (this.#isBusy || document.hidden) return;
    const next = [...this.#all].find(([, { isSeen, end, drawn }]) => isSeen && end !== drawn);
    if (next === undefined) return;
    const [canvas, known] = next;
    const { end } = known;
    this.#isBusy = true;
    try {
      known.cells = await this.#fetch(known.id);
      drawCells(canvas, known.cells, this.#themeOf());
      canvas.dataset["drawn"] = String(end);
    } catch {
      // Gone, or offline: the list will say so.
    } finally {
      known.drawn = end;
      this.#isBusy = false;
    }
    void this.#drawNext();
  }
}
