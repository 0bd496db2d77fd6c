/**
 * The panes that a page has of a session's terminals, each in its frame, and what is shown of them.
 */

import { TerminalPane } from "../terminal/pane.js";
import { heard } from "./heard.js";
import { PaneFrame } from "./pane_frame.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */
/** @typedef {import("./marks.js").Marks} Marks */
/** @typedef {import("./unseen.js").News} News */
/**
 * @typedef {object} PaneDeeds what is done about a pane
 * @property {(pane: TerminalPane) => void} changed something else is to be shown of it
 * @property {(notice: import("../wire.js").Notice, pane: TerminalPane) => void} told
 * @property {(terminal: string) => void} focused it was clicked, or got the focus
 * @property {(terminal: string) => void} zoom
 * @property {(terminal: string) => void} close
 * @property {(terminal: string) => void} again its program has ended, and is wanted once more
 * @property {(head: HTMLElement, nameOf: () => string) => void} made its head can be dragged
 */

export class OpenPanes {
  #context;
  #host;
  #deeds;
  #newsOf;
  /** By the terminal's name or, while it is being opened, a name that no terminal has. @type {Map<string, PaneFrame>} */
  #frames = new Map();

  /**
   * @param {SessionContext} context
   * @param {HTMLElement} host
   * @param {PaneDeeds} deeds
   * @param {(terminal: string) => News} newsOf of terminals without a pane
   */
  constructor(context, host, deeds, newsOf) {
    this.#context = context;
    this.#host = host;
    this.#deeds = deeds;
    this.#newsOf = newsOf;
  }

  get all() {
    return [...this.#frames.values()].map(({ pane }) => pane);
  }

  /** @param {string | null} name */
  get(name) {
    return this.#frames.get(name ?? "")?.pane ?? null;
  }

  /** @param {string} name */
  has(name) {
    return this.#frames.has(name);
  }

  /** @returns {Map<string, HTMLElement>} */
  get elements() {
    return new Map([...this.#frames].map(([name, { element }]) => [name, element]));
  }

  /** @param {string} name @returns {TerminalPane} */
  make(name) {
    const { client, preferences, look, modifiers, model } = this.#context;
    const deeds = this.#deeds;
    const pane = new TerminalPane(client, preferences, look, modifiers);
    const nameOf = () => pane.terminalID || name;
    const frame = new PaneFrame(pane, {
      zoom: () => deeds.zoom(nameOf()),
      close: () => deeds.close(nameOf()),
    });
    this.#frames.set(name, frame);
    pane.changed.add(() => deeds.changed(pane));
    pane.focused.add(() => deeds.focused(nameOf()));
    pane.told.add((notice) => {
      const news = heard(notice);
      if (news !== null) model.learn(pane.terminalID, news);
      deeds.told(notice, pane);
    });
    pane.onrunagain = () => deeds.again(pane.terminalID);
    deeds.made(frame.head, nameOf);
    this.#host.append(frame.element);
    return pane;
  }

  /** @param {string} from @param {string} to its name from now on */
  rename(from, to) {
    const frame = this.#frames.get(from);
    if (frame === undefined) return;
    this.#frames.delete(from);
    this.#frames.set(to, frame);
  }

  /** @param {string} name whose pane leaves the page */
  drop(name) {
    this.#frames.get(name)?.dispose();
    this.#frames.delete(name);
  }

  /** @param {string} name @returns {string} what it is called: by people, by its program, or by default */
  titleOf(name) {
    const state = this.#context.model.terminals.get(name);
    if (state?.renamed) return state.title;
    return this.get(name)?.title || state?.title || "Terminal";
  }

  /** @param {string} name @returns {Marks} */
  marksOf(name) {
    const pane = this.get(name);
    const state = this.#context.model.terminals.get(name);
    const { hasNews, hasBell } = pane ?? this.#newsOf(name);
    return { hasNews, hasBell, progress: state?.progress, exit: pane?.exit ?? state?.exit };
  }

  /** @param {string} name @returns {boolean} whether its program has ended */
  hasEnded(name) {
    return this.marksOf(name).exit != null;
  }

  /** @param {import("./arrangement.js").Arrangement} arrangement */
  show({ current, shown, active }) {
    for (const [name, frame] of this.#frames) {
      const isShown = shown.includes(name);
      if (frame.pane.isShown !== isShown) frame.pane.isShown = isShown;
      const isActive = name === active;
      frame.show({
        title: this.titleOf(name),
        marks: this.marksOf(name),
        isActive,
        isZoomed: isActive && current?.isZoomed === true,
      });
    }
  }

  dispose() {
    for (const name of [...this.#frames.keys()]) this.drop(name);
  }
}
