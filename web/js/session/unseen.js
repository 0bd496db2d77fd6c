/**
 * What happens in a session's terminals that this page does not view. Viewing them all would cost
 * their whole output; a look at the list every few seconds costs one small answer.
 */

import { Listeners } from "../listeners.js";

/** @typedef {import("../wire.js").TerminalState} TerminalState */
/** @typedef {{ hasNews: boolean, hasBell: boolean }} News */

/** How often the list is looked at, in milliseconds. */
const PAUSE_MS = 2000;

export class Unseen {
  #look;
  #model;
  #isViewed;
  /** What was printed and rung when the page last saw the terminal. @type {Map<string, { end: number, bells: number }>} */
  #seen = new Map();
  /** @type {Map<string, News>} */
  #news = new Map();

  /** @type {Listeners<[]>} something is new */
  changed = new Listeners();

  /**
   * @param {import("./model.js").SessionModel} model
   * @param {object} how
   * @param {() => Promise<TerminalState[]>} how.look the session's terminals as they are now
   * @param {(terminal: string) => boolean} how.isViewed whether the page views that one itself
   */
  constructor(model, { look, isViewed }) {
    this.#model = model;
    this.#look = look;
    this.#isViewed = isViewed;
  }

  /**
   * Looks again and again until the signal is aborted, but not while the page is hidden.
   * @param {AbortSignal} signal
   */
  start(signal) {
    const timer = window.setInterval(() => {
      if (!document.hidden) void this.look();
    }, PAUSE_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** @param {string} terminal @returns {News} */
  newsOf(terminal) {
    return this.#news.get(terminal) ?? { hasNews: false, hasBell: false };
  }

  /** Looks once, unless the page views all there is. @param {string} [wanted] of which more is asked now */
  async look(wanted) {
    const all = [...this.#model.terminals.values()];
    const isKnown = all.every(({ id, exit }) => exit !== undefined || this.#isViewed(id));
    if (isKnown && wanted === undefined) return;
    /** @type {TerminalState[]} */
    let states;
    try {
      states = await this.#look();
    } catch {
      return; // offline: the link says so
    }
    for (const state of states) this.#compare(state);
  }

  /** @param {TerminalState} state */
  #compare(state) {
    const { id, end = 0, bells = 0 } = state;
    const known = this.#model.terminals.get(id);
    if (known === undefined) return; // its event comes
    const { title, cwd, command, progress } = state;
    const isOther =
      title !== known.title ||
      cwd !== known.cwd ||
      command !== known.command ||
      JSON.stringify(progress) !== JSON.stringify(known.progress);
    if (this.#isViewed(id)) {
      this.#seen.set(id, { end, bells });
      this.#news.delete(id);
      if (cwd !== known.cwd || command !== known.command) this.#model.learn(id, { cwd, command });
      return;
    }
    if (isOther) this.#model.learn(id, { title, cwd, command, progress });
    const seen = this.#seen.get(id);
    if (seen === undefined) {
      this.#seen.set(id, { end, bells });
      return;
    }
    const before = this.newsOf(id);
    const news = { hasNews: end > seen.end, hasBell: bells > seen.bells };
    if (news.hasNews === before.hasNews && news.hasBell === before.hasBell) return;
    this.#news.set(id, news);
    this.changed.tell();
  }
}
