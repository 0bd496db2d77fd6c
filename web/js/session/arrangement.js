/**
 * The tabs of a session and what each shows: one terminal, or several beside each other. Pure, and
 * kept as text, so that a page that comes back finds its terminals where they were.
 */

import * as layouts from "./layout.js";

/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {import("./layout.js").Side} Side */
/** @typedef {{ tab: number } | { terminal: string }} Subject what is dragged */
/** @typedef {{ index: number } | { terminal: string, side: Side | null }} Target a place in the strip,
 *   or a terminal and the edge of it; without an edge they change places */
/**
 * @typedef {object} Tab
 * @property {number} id
 * @property {Layout} layout
 * @property {string} active the terminal of it that has the keyboard
 * @property {boolean} isZoomed whether that terminal alone is shown
 */

export class Arrangement {
  #lastID = 0;
  /** In the order of the strip. @type {Tab[]} */
  tabs = [];
  /** The tab in front; null only without tabs. @type {Tab | null} */
  current = null;

  /** The terminal that has the keyboard. */
  get active() {
    return this.current?.active ?? null;
  }

  get terminals() {
    return this.tabs.flatMap(({ layout }) => layouts.terminalsOf(layout));
  }

  /** The terminals that are to be seen now. */
  get shown() {
    if (this.current === null) return [];
    const { layout, active, isZoomed } = this.current;
    return isZoomed ? [active] : layouts.terminalsOf(layout);
  }

  /** @param {string | null} terminal @returns {Tab | null} */
  tabOf(terminal) {
    return this.tabs.find(({ layout }) => layouts.terminalsOf(layout).includes(terminal ?? "")) ?? null;
  }

  /**
   * Adds a terminal in a tab of its own.
   * @param {string} terminal
   * @param {number} [index] its place in the strip; the last
   */
  add(terminal, index = this.tabs.length) {
    return this.#insertTab({ layout: layouts.pane(terminal), active: terminal }, index);
  }

  /** @param {{ layout: Layout, active: string }} content @param {number} index */
  #insertTab(content, index) {
    const tab = { id: ++this.#lastID, isZoomed: false, ...content };
    this.tabs.splice(index, 0, tab);
    this.current ??= tab;
    return tab;
  }

  /** Brings a terminal to the front, and gives it the keyboard. @param {string} terminal */
  show(terminal) {
    const tab = this.tabOf(terminal);
    if (tab === null) return;
    this.current = tab;
    if (tab.active !== terminal) tab.isZoomed = false;
    tab.active = terminal;
  }

  /** @param {number} number of a tab in the strip, from 1; 9 is the last one */
  showNumber(number) {
    this.current = (number === 9 ? this.tabs.at(-1) : this.tabs[number - 1]) ?? this.current;
  }

  /** @param {number} by how many tabs to go on, to the right; from the last to the first */
  step(by) {
    const count = this.tabs.length;
    if (this.current === null) return;
    const at = this.tabs.indexOf(this.current);
    this.current = this.tabs[(at + by + count) % count] ?? this.current;
  }

  /** @param {number} by how many terminals of the tab in front to go on */
  stepPane(by) {
    if (this.current === null) return;
    const terminals = layouts.terminalsOf(this.current.layout);
    const at = terminals.indexOf(this.current.active);
    this.show(terminals.at((at + by) % terminals.length) ?? this.current.active);
  }

  /**
   * Adds a terminal beside another one.
   * @param {string} at
   * @param {Side} side
   * @param {string} terminal
   * @returns {boolean} false: there is no room for it in that tab
   */
  split(at, side, terminal) {
    const tab = this.tabOf(at);
    if (tab === null || layouts.terminalsOf(tab.layout).length >= layouts.MOST_PANES) return false;
    tab.layout = layouts.insert(tab.layout, at, side, layouts.pane(terminal));
    tab.active = terminal;
    tab.isZoomed = false;
    return true;
  }

  /**
   * Puts a new terminal to the front.
   * @param {string} terminal
   * @param {{ beside?: Side, replaces?: string }} where beside the active terminal, or in the place
   *   of another one; else in a tab of its own
   * @returns {boolean} false: there is no room for it
   */
  place(terminal, { beside, replaces }) {
    const { active } = this;
    if (replaces !== undefined && this.tabOf(replaces) !== null) this.replace(replaces, terminal);
    else if (beside === undefined || active === null) this.add(terminal);
    else if (!this.split(active, beside, terminal)) return false;
    this.show(terminal);
    return true;
  }

  /** @param {string} from @param {string} to takes its place */
  replace(from, to) {
    const tab = this.tabOf(from);
    if (tab === null) return;
    tab.layout = layouts.replace(tab.layout, from, to);
    if (tab.active === from) tab.active = to;
  }

  /** @param {string} terminal leaves; another one gets what it had */
  remove(terminal) {
    const tab = this.tabOf(terminal);
    if (tab === null) return;
    const before = layouts.terminalsOf(tab.layout);
    const layout = layouts.remove(tab.layout, terminal);
    if (layout === null) {
      this.#removeTab(tab);
      return;
    }
    tab.layout = layout;
    if (tab.active !== terminal) return;
    const rest = layouts.terminalsOf(layout);
    tab.active = rest[Math.max(0, before.indexOf(terminal) - 1)] ?? tab.active;
    tab.isZoomed = false;
  }

  /** @param {Tab} tab */
  #removeTab(tab) {
    const at = this.tabs.indexOf(tab);
    this.tabs.splice(at, 1);
    if (this.current === tab) this.current = this.tabs[at] ?? this.tabs[at - 1] ?? null;
  }

  /** @param {number} id of a tab @param {number} index before which of the present tabs it is put */
  moveTab(id, index) {
    const from = this.tabs.findIndex((tab) => tab.id === id);
    const [tab] = from < 0 ? [] : this.tabs.splice(from, 1);
    if (tab !== undefined) this.tabs.splice(index > from ? index - 1 : index, 0, tab);
  }

  /**
   * Puts a terminal that is here already beside another one.
   * @param {string} terminal
   * @param {string} at
   * @param {Side | null} side null: they change places
   */
  moveInto(terminal, at, side) {
    const source = this.tabOf(terminal);
    const target = this.tabOf(at);
    if (source === null || target === null || terminal === at) return;
    if (side === null) this.#swap(source, terminal, target, at);
    else if (source === target) target.layout = layouts.move(target.layout, terminal, at, side);
    else if (this.split(at, side, terminal)) this.#takeFrom(source, terminal);
    this.current = target;
    target.active = terminal;
    target.isZoomed = false;
  }

  /** @param {Tab} source @param {string} terminal @param {Tab} target @param {string} at */
  #swap(source, terminal, target, at) {
    if (source === target) {
      source.layout = layouts.swap(source.layout, terminal, at);
      return;
    }
    source.layout = layouts.replace(source.layout, terminal, at);
    target.layout = layouts.replace(target.layout, at, terminal);
    if (source.active === terminal) source.active = at;
  }

  /** @param {Tab} source which holds the terminal besides another tab @param {string} terminal */
  #takeFrom(source, terminal) {
    const rest = layouts.remove(source.layout, terminal);
    if (rest === null) {
      this.#removeTab(source);
      return;
    }
    source.layout = rest;
    if (source.active === terminal) source.active = layouts.terminalsOf(rest)[0] ?? terminal;
    source.isZoomed = false;
  }

  /**
   * Puts all of a tab beside a terminal of another one.
   * @param {number} id of the tab
   * @param {string} at
   * @param {Side} side
   */
  moveTabInto(id, at, side) {
    const source = this.tabs.find((tab) => tab.id === id);
    const target = this.tabOf(at);
    if (source === undefined || target === null || source === target) return;
    const count = [source, target].flatMap(({ layout }) => layouts.terminalsOf(layout)).length;
    if (count > layouts.MOST_PANES) return;
    this.#removeTab(source);
    target.layout = layouts.insert(target.layout, at, side, source.layout);
    target.active = source.active;
    target.isZoomed = false;
    this.current = target;
  }

  /** Gives a terminal a tab of its own. @param {string} terminal @param {number} index in the strip */
  moveOut(terminal, index) {
    const source = this.tabOf(terminal);
    if (source === null) return;
    if (layouts.terminalsOf(source.layout).length === 1) this.moveTab(source.id, index);
    else {
      this.#takeFrom(source, terminal);
      this.#insertTab({ layout: layouts.pane(terminal), active: terminal }, index);
    }
    this.show(terminal);
  }

  /** Moves the tab in front along the strip. @param {-1 | 1} by */
  shift(by) {
    const { current } = this;
    if (current === null) return;
    const at = this.tabs.indexOf(current);
    this.moveTab(current.id, Math.max(0, by > 0 ? at + 2 : at - 1));
  }

  /** @param {Subject} subject what was dragged @param {Target} target where it was dropped */
  drop(subject, target) {
    if ("tab" in subject) {
      if ("index" in target) this.moveTab(subject.tab, target.index);
      else if (target.side !== null) this.moveTabInto(subject.tab, target.terminal, target.side);
    } else if ("index" in target) this.moveOut(subject.terminal, target.index);
    else this.moveInto(subject.terminal, target.terminal, target.side);
  }

  /** @param {Side} side @returns {string | null} who is beside the active terminal */
  beside(side) {
    if (this.current === null) return null;
    return layouts.neighbour(this.current.layout, this.current.active, side);
  }

  /** @param {number[]} path @param {number} index @param {number} by see ``resize`` of layout.js */
  resize(path, index, by) {
    if (this.current !== null) this.current.layout = layouts.resize(this.current.layout, path, index, by);
  }

  /** Makes the active terminal larger or smaller. @param {Side} side @param {number} by */
  push(side, by) {
    const { current } = this;
    if (current !== null) current.layout = layouts.push(current.layout, current.active, side, by);
  }

  /** Gives all parts of the tab in front the same place. */
  even() {
    if (this.current !== null) this.current.layout = layouts.even(this.current.layout);
  }

  /** Shows the active terminal alone, or all of its tab again. */
  zoom() {
    const { current } = this;
    if (current !== null) current.isZoomed = !current.isZoomed && current.layout.kind === "split";
  }

  get isSplit() {
    return this.current?.layout.kind === "split";
  }

  // --- keeping it

  /** @returns {string} */
  toText() {
    const tabs = this.tabs.map(({ layout, active }) => ({ layout, active }));
    return JSON.stringify({ tabs, current: this.current === null ? -1 : this.tabs.indexOf(this.current) });
  }

  /**
   * @param {string | null} text as ``toText`` gave it once; whatever else it may be
   * @param {(terminal: string) => boolean} isThere which terminals there are still
   * @returns {Arrangement}
   */
  static fromText(text, isThere) {
    const made = new Arrangement();
    let kept;
    try {
      kept = JSON.parse(text ?? "null");
    } catch {
      return made;
    }
    const seen = new Set();
    /** @type {(terminal: string) => boolean} */
    const isNew = (terminal) => isThere(terminal) && !seen.has(terminal) && Boolean(seen.add(terminal));
    const tabs = Array.isArray(kept?.tabs) ? kept.tabs : [];
    tabs.forEach((/** @type {any} */ tab, /** @type {number} */ index) => {
      const parsed = layouts.parse(tab?.layout);
      const layout = parsed === null ? null : layouts.keep(parsed, isNew);
      if (layout === null) return;
      const terminals = layouts.terminalsOf(layout);
      const active = terminals.includes(tab.active) ? tab.active : (terminals[0] ?? "");
      const added = made.#insertTab({ layout, active }, made.tabs.length);
      if (index === kept.current) made.current = added;
    });
    return made;
  }
}
