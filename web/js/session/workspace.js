/**
 * The terminals of a session as tabs, of which one is in front.
 */

import { RequestError } from "../client.js";
import { Listeners } from "../listeners.js";
import { TerminalPane } from "../terminal/pane.js";
import { element, iconButton } from "../ui/dom.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */

export class Workspace {
  #context;
  #stage;
  #strip;
  /** Terminals that have been in front, and are viewed. @type {Map<string, TerminalPane>} */
  #panes = new Map();
  /** Being opened, not named yet. @type {TerminalPane | null} */
  #opening = null;
  /** @type {TerminalPane | null} */
  #active = null;

  /** @type {Listeners<[TerminalPane | null]>} another terminal is in front, or what is said of it has changed */
  changed = new Listeners();
  /** @type {Listeners<[import("../wire.js").Notice, TerminalPane]>} what terminals are told beside their streams */
  told = new Listeners();

  /**
   * @param {SessionContext} context
   * @param {{ stage: HTMLElement, strip: HTMLElement }} hosts
   */
  constructor(context, { stage, strip }) {
    this.#context = context;
    this.#stage = stage;
    this.#strip = strip;
    strip.setAttribute("role", "tablist");
    strip.setAttribute("aria-label", "Terminals");
    context.model.changed.add((change) => {
      if (change.kind === "terminals" || change.kind === "reset") this.#drawTabs();
    }, context.signal);
    context.signal.addEventListener("abort", () => this.#dispose());
    document.addEventListener("visibilitychange", () => this.#tellVisible(), { signal: context.signal });
  }

  /** The terminal in front; null when there is none. */
  get active() {
    return this.#active;
  }

  get panes() {
    return [...this.#panes.values()];
  }

  /**
   * Brings a terminal of the session to the front, and views it.
   * @param {string} terminalID
   * @throws {RequestError}
   */
  async show(terminalID) {
    const known = this.#panes.get(terminalID);
    if (known !== undefined) {
      this.#front(known);
      return;
    }
    const pane = this.#makePane();
    this.#front(pane);
    this.#panes.set(terminalID, pane);
    try {
      await pane.attach(terminalID);
    } catch (error) {
      this.remove(pane);
      throw error;
    }
    this.#front(pane);
  }

  /**
   * Starts a terminal and brings it to the front.
   * @param {{ command?: string[], cwd?: string }} [program]
   * @throws {RequestError}
   */
  async open(program) {
    if (this.#opening !== null) return;
    const pane = this.#makePane();
    this.#opening = pane;
    this.#front(pane);
    try {
      await pane.open(program);
      this.#panes.set(pane.terminalID, pane);
    } catch (error) {
      this.remove(pane);
      throw error;
    } finally {
      this.#opening = null;
    }
    this.#front(pane);
  }

  /** @param {TerminalPane} pane leaves the page; the terminal goes on */
  remove(pane) {
    const isActive = pane === this.#active;
    pane.dispose();
    this.#panes.delete(pane.terminalID);
    if (!isActive) return;
    this.#active = null;
    const next = this.panes.at(-1) ?? null;
    if (next !== null) this.#front(next);
    else this.changed.tell(null);
  }

  /**
   * Ends a terminal.
   * @param {string} terminalID
   */
  async close(terminalID) {
    try {
      await this.#context.client.request("terminal.close", { terminalID });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "not-found") this.#context.say(error.message);
    }
    const pane = this.#panes.get(terminalID);
    if (pane !== undefined) this.remove(pane);
    this.#context.model.forget(terminalID);
  }

  #makePane() {
    const { client, preferences, look, modifiers } = this.#context;
    const pane = new TerminalPane(client, preferences, look, modifiers);
    pane.changed.add(() => {
      this.#drawTabs();
      if (pane === this.#active) this.changed.tell(pane);
    });
    pane.told.add((notice) => this.told.tell(notice, pane));
    pane.onrunagain = () => {
      void this.open().then(() => this.remove(pane));
    };
    this.#stage.append(pane.element);
    return pane;
  }

  /** @param {TerminalPane} pane */
  #front(pane) {
    if (this.#active !== null && this.#active !== pane) {
      delete this.#active.element.dataset["active"];
      this.#active.element.hidden = true;
      this.#active.isShown = false;
    }
    this.#active = pane;
    pane.element.hidden = false;
    pane.element.dataset["active"] = "";
    pane.isShown = true;
    pane.focus();
    this.#drawTabs();
    this.changed.tell(pane);
  }

  #tellVisible() {
    for (const pane of this.#panes.values()) pane.tellSize();
  }

  #drawTabs() {
    const running = [...this.#context.model.terminals.values()].filter(
      ({ id, exit }) => exit === undefined || this.#panes.has(id),
    );
    const tabs = running.map(({ id, title }) => this.#tab(id, this.#panes.get(id)?.title || title));
    this.#strip.replaceChildren(
      ...tabs,
      iconButton("plus", "New terminal", () => this.#context.commands.run("terminal.new"), "tab-new"),
    );
  }

  /** @param {string} id @param {string} title */
  #tab(id, title) {
    const pane = this.#panes.get(id);
    const isActive = pane !== undefined && pane === this.#active;
    const tab = element("button", {
      className: "tab",
      text: title,
      title,
      attributes: { type: "button", role: "tab", "aria-selected": String(isActive) },
      on: { click: () => this.#context.attempt(this.show(id)) },
    });
    tab.dataset["terminal"] = id;
    tab.toggleAttribute("data-news", pane?.hasNews ?? false);
    tab.toggleAttribute("data-bell", pane?.hasBell ?? false);
    return tab;
  }

  #dispose() {
    for (const pane of this.#panes.values()) pane.dispose();
    this.#opening?.dispose();
    this.#strip.replaceChildren();
  }
}
