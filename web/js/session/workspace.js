/**
 * The terminals of a session as tabs, each of one terminal or of several beside each other.
 */

import { RequestError } from "../client.js";
import { Listeners } from "../listeners.js";
import { confirmDialog } from "../ui/dialog.js";
import { button, element } from "../ui/dom.js";
import { Arrangement } from "./arrangement.js";
import { keep, recall } from "./kept_arrangement.js";
import { terminalsOf } from "./layout.js";
import { OpenPanes } from "./open_panes.js";
import { PaneDrag } from "./pane_drag.js";
import { SplitView } from "./split_view.js";
import { TabStrip } from "./tab_strip.js";
import { Unseen } from "./unseen.js";
import { tabMenu } from "./workspace_commands.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */
/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */
/** @typedef {import("../wire.js").Program} Program */
/** @typedef {import("../wire.js").TerminalState} TerminalState */
/** @typedef {import("./layout.js").Side} Side */

export class Workspace {
  #context;
  #arrangement = new Arrangement();
  #isRestored = false;
  #openings = 0;
  #opened = 0;
  #strip;
  #splits = new SplitView();
  /** @type {OpenPanes} */
  #panes;
  /** @type {Unseen} */
  #unseen;
  #drag;
  #empty = element("div", { className: "workspace-empty", attributes: { hidden: true } });
  /** The pane that listeners were told of last. @type {TerminalPane | null} */
  #told = null;

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
    const { model, commands, signal } = context;
    stage.append(this.#splits.element, this.#empty);
    this.#strip = new TabStrip(
      strip,
      {
        show: (id) => this.#showTab(id),
        close: (id) => void this.#closeTab(id),
        rename: () => commands.run("terminal.rename"),
        menu: (id) => tabMenu(commands, () => this.#showTab(id), () => void this.#closeTab(id)),
        open: () => commands.run("terminal.new"),
      },
      this.#splits.element.id,
    );
    this.#drag = new PaneDrag(this.#strip, this.#splits, signal);
    this.#unseen = new Unseen(model, {
      look: () => this.#look(),
      isViewed: (terminal) => this.#panes.has(terminal),
    });
    this.#panes = new OpenPanes(
      context,
      this.#splits.element,
      {
        changed: (pane) => this.#draw(pane),
        told: (notice, pane) => this.told.tell(notice, pane),
        focused: (name) => {
          if (this.#arrangement.active !== name) this.arrange((all) => all.show(name));
        },
        zoom: (name) =>
          this.arrange((all) => {
            all.show(name);
            all.zoom();
          }),
        close: (name) => void this.close(name),
        again: (name) => context.attempt(this.again(name)),
        made: (head, nameOf) =>
          this.#drag.watch(head, () => ({ subject: { terminal: nameOf() }, title: this.titleOf(nameOf()) })),
      },
      (terminal) => this.#unseen.newsOf(terminal),
    );
    this.#listen();
  }

  #listen() {
    const { model, signal } = this.#context;
    this.#strip.onmade = (tab, id) =>
      this.#drag.watch(tab, () => {
        const active = this.#arrangement.tabs.find((one) => one.id === id)?.active ?? "";
        return { subject: { tab: id }, title: this.titleOf(active) };
      });
    this.#drag.mayDrop = (subject, { terminal }) =>
      "tab" in subject ? this.#arrangement.current?.id !== subject.tab : subject.terminal !== terminal;
    this.#drag.ondrop = (subject, target) => this.arrange((all) => all.drop(subject, target));
    this.#splits.onresize = ({ path, index }, by) => {
      this.#arrangement.resize(path, index, by);
      this.#draw();
    };
    this.#splits.oneven = () => this.arrange((all) => all.even());
    model.changed.add((change) => {
      if (change.kind === "terminals" || change.kind === "reset") this.#adopt();
      else if (change.kind === "members") this.#draw();
    }, signal);
    this.#unseen.changed.add(() => this.#draw(), signal);
    this.#unseen.start(signal);
    document.addEventListener("visibilitychange", () => this.#tellVisible(), { signal });
    signal.addEventListener("abort", () => this.#dispose());
  }

  // --- what there is

  /** The terminal that has the keyboard; null when there is none. */
  get active() {
    return this.#panes.get(this.#arrangement.active);
  }

  get panes() {
    return this.#panes.all;
  }

  /** The tabs in their order, as they are to be drawn. @returns {import("./tab_strip.js").TabState[]} */
  get tabs() {
    const { tabs, current } = this.#arrangement;
    return tabs.map(({ id, layout, active }) => {
      const terminals = terminalsOf(layout);
      const all = terminals.map((terminal) => this.#panes.marksOf(terminal));
      const marks = {
        ...this.#panes.marksOf(active),
        hasNews: all.some(({ hasNews }) => hasNews),
        hasBell: all.some(({ hasBell }) => hasBell),
      };
      const isCurrent = current?.id === id;
      return { id, terminal: active, title: this.titleOf(active), count: terminals.length, isCurrent, marks };
    });
  }

  get isSplit() {
    return this.#arrangement.isSplit;
  }

  /** Why this page may not open or close terminals; empty when it may. */
  get denied() {
    const { model, user } = this.#context;
    const isWatcher = model.members.get(user.id)?.role === "watcher";
    return isWatcher ? "You watch this session: only writers open and close terminals" : "";
  }

  /** @param {string} terminal */
  titleOf(terminal) {
    return this.#panes.titleOf(terminal);
  }

  // --- showing

  /**
   * Brings a terminal of the session to the front, and views it.
   * @param {string} terminal
   * @throws {RequestError}
   */
  async show(terminal) {
    if (this.#arrangement.tabOf(terminal) === null) this.#arrangement.add(terminal);
    this.#arrangement.show(terminal);
    await this.#viewShown(terminal);
  }

  /** @param {number} id of a tab */
  #showTab(id) {
    const tab = this.#arrangement.tabs.find((one) => one.id === id);
    if (tab !== undefined) this.#context.attempt(this.show(tab.active));
  }

  /** Views whatever can be seen. @param {string} wanted whose failure is the caller's @throws {RequestError} */
  async #viewShown(wanted) {
    const missing = this.#arrangement.shown.filter((terminal) => !this.#panes.has(terminal));
    const attached = missing.map(async (terminal) => {
      const pane = this.#panes.make(terminal);
      try {
        await pane.attach(terminal);
      } catch (error) {
        this.#forget(terminal);
        if (terminal === wanted || !(error instanceof RequestError)) throw error;
      }
    });
    this.#draw();
    this.active?.focus();
    await Promise.all(attached);
    if (missing.length > 0) this.#draw();
  }

  // --- opening and closing

  /**
   * Starts a terminal and brings it to the front.
   * @param {Program | Promise<Program>} [program]
   * @param {{ beside?: Side, replaces?: string }} [where] beside the active terminal, or in the
   *   place of another one; else in a tab of its own
   * @throws {RequestError}
   */
  async open(program, where = {}) {
    const name = `?${++this.#opened}`; // which no terminal can have
    if (!this.#arrangement.place(name, where)) {
      this.#context.say("This tab holds as many terminals as it can.");
      return;
    }
    const pane = this.#panes.make(name);
    this.#openings += 1;
    this.#draw();
    pane.focus();
    try {
      await pane.open(program);
      this.#panes.rename(name, pane.terminalID);
      this.#arrangement.replace(name, pane.terminalID);
      if (where.replaces !== undefined) this.#panes.drop(where.replaces);
    } catch (error) {
      if (where.replaces !== undefined) this.#arrangement.replace(name, where.replaces);
      this.#forget(name);
      throw error;
    } finally {
      this.#openings -= 1;
      this.#adopt();
    }
    this.changed.tell(this.active);
  }

  /** Opens a terminal beside the active one, in the same directory. @param {Side} beside */
  async split(beside) {
    const from = this.#arrangement.active ?? "";
    const inSamePlace = async () => {
      await this.#unseen.look(from);
      const cwd = this.#context.model.terminals.get(from)?.cwd;
      return cwd === undefined ? {} : { cwd };
    };
    try {
      await this.open(inSamePlace(), { beside });
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "unavailable") throw error;
      await this.open({}, { beside }); // no shell can be there: it is gone, or on another machine
    }
  }

  /** Starts what ran in a terminal again, in its place. @param {string} terminal */
  async again(terminal) {
    try {
      await this.open({ like: terminal }, { replaces: terminal });
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "not-found") throw error;
      await this.open({}, { replaces: terminal });
      this.active?.hint("The server no longer knows what ran here; this is a new shell.");
    }
  }

  /** @param {TerminalPane} pane leaves the page; the terminal goes on */
  remove(pane) {
    this.#forget(pane.terminalID);
  }

  /** @param {string} terminal leaves the page and the arrangement */
  #forget(terminal) {
    this.#panes.drop(terminal);
    this.arrange((all) => all.remove(terminal));
  }

  /**
   * Ends a terminal; asks first if it runs more than its shell.
   * @param {string} terminal
   * @returns {Promise<boolean>} whether it is closed
   */
  async close(terminal) {
    if (!this.#panes.hasEnded(terminal)) {
      if (this.denied !== "") {
        this.#context.say(`${this.denied}.`);
        return false;
      }
      await this.#unseen.look(terminal);
      const command = this.#context.model.terminals.get(terminal)?.command;
      if (command !== undefined && !(await mayEnd(command))) return false;
      await this.#end(terminal);
    }
    this.#forget(terminal);
    return true;
  }

  /** @param {string} terminal */
  async #end(terminal) {
    try {
      await this.#context.client.request("terminal.close", { terminalID: terminal });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "not-found") this.#context.say(error.message);
    }
    this.#context.model.forget(terminal);
  }

  /** @param {number} id */
  async #closeTab(id) {
    const tab = this.#arrangement.tabs.find((one) => one.id === id);
    for (const terminal of tab === undefined ? [] : terminalsOf(tab.layout)) {
      if (!(await this.close(terminal))) return;
    }
  }

  // --- arranging

  /** Puts terminals elsewhere, and views what can be seen then. @param {(arrangement: Arrangement) => void} change */
  arrange(change) {
    change(this.#arrangement);
    const { active } = this.#arrangement;
    if (active === null) this.#draw();
    else this.#context.attempt(this.#viewShown(active));
  }

  /** Moves the keyboard's focus to the strip. */
  focusStrip() {
    this.#strip.focus();
  }

  // --- following the session

  /** Takes in terminals that have come, and lets go of those that went without having been seen. */
  #adopt() {
    const { model, storage, sessionID } = this.#context;
    if (this.#openings > 0 || model.seq === null) return; // one may be that which is being opened
    const lives = (/** @type {string} */ name) => {
      const state = model.terminals.get(name);
      return state !== undefined && state.exit === undefined;
    };
    if (!this.#isRestored) this.#arrangement = recall(storage, sessionID, lives);
    this.#isRestored = true;
    for (const terminal of this.#arrangement.terminals) {
      if (!this.#panes.has(terminal) && !lives(terminal)) this.#arrangement.remove(terminal);
    }
    for (const { id } of model.terminals.values()) {
      if (lives(id) && this.#arrangement.tabOf(id) === null) this.#arrangement.add(id);
    }
    this.#draw();
  }

  /** @returns {Promise<TerminalState[]>} */
  async #look() {
    const path = `api/sessions/${this.#context.sessionID}/terminals`;
    const answer = await fetch(new URL(path, document.baseURI));
    return answer.ok ? (await answer.json()).terminals : [];
  }

  // --- drawing

  /** @param {TerminalPane} [changed] of which something else is to be shown */
  #draw(changed) {
    this.#splits.show(this.#arrangement.current, this.#panes.elements);
    this.#panes.show(this.#arrangement);
    this.#strip.show(this.tabs, this.denied);
    this.#drawEmpty();
    if (this.#isRestored) keep(this.#context.storage, this.#context.sessionID, this.#arrangement);
    const pane = this.active;
    if (pane === this.#told && pane !== changed) return;
    this.#told = pane;
    this.changed.tell(pane);
  }

  #drawEmpty() {
    const isEmpty = this.#isRestored && this.#openings === 0 && this.#arrangement.current === null;
    this.#empty.hidden = !isEmpty;
    if (!isEmpty) return;
    const start = button("New terminal", () => this.#context.commands.run("terminal.new"), "primary");
    const text = this.denied === "" ? "No terminal is open." : "Nobody has opened a terminal yet.";
    this.#empty.replaceChildren(element("p", { text }), ...(this.denied === "" ? [start] : []));
  }

  #tellVisible() {
    for (const pane of this.panes) pane.tellSize();
  }

  #dispose() {
    this.#panes.dispose();
    this.#splits.element.remove();
    this.#empty.remove();
  }
}

/** @param {string} command that runs @returns {Promise<boolean>} */
function mayEnd(command) {
  const what = command === "" ? "A program" : `“${command}”`;
  const end = { text: "Close", className: "danger" };
  return confirmDialog("Close this terminal?", `${what} still runs in it, and would be ended.`, end);
}
