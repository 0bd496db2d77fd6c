/**
 * All sessions and their terminals, as they are now, to choose from.
 */

import { found } from "../home/overview.js";
import { ApiError } from "../api.js";
import { SessionApi } from "../home/session_api.js";
import { SessionSection } from "../home/session_section.js";
import { Thumbnails } from "../home/thumbnails.js";
import { openShareDialog } from "../session/share_dialog.js";
import { schemeFor } from "../terminal/schemes.js";
import { askDialog, confirmDialog } from "../ui/dialog.js";
import { button, element } from "../ui/dom.js";
import { LinkView } from "./link_view.js";
import { openSettings } from "./settings_dialog.js";

/** @typedef {import("../home/session_api.js").ListedSession} ListedSession */
/** @typedef {import("../home/session_api.js").ListedTerminal} ListedTerminal */
/** @typedef {import("./context.js").PageContext} PageContext */
/** @typedef {import("./frame.js").Frame} Frame */

/** How often the list is looked at, in milliseconds. */
const PAUSE_MS = 1500;

export class HomePage {
  #frame;
  #page;
  #abort = new AbortController();
  #api = new SessionApi();
  #link;
  #thumbnails;
  #timer = 0;
  /** @type {ListedSession[]} */
  #sessions = [];
  /** @type {Map<string, SessionSection>} */
  #sections = new Map();
  #query = element("input", {
    attributes: { type: "search", placeholder: "Search sessions and terminals", "aria-label": "Search sessions and terminals" },
  });
  #list = element("div", { className: "home-list" });
  #empty = element("div", { className: "home-empty", attributes: { hidden: true } });

  /**
   * @param {Frame} frame
   * @param {PageContext} page
   */
  constructor(frame, page) {
    this.#frame = frame;
    this.#page = page;
    this.#link = new LinkView(frame.link);
    const themeOf = () => schemeFor(page.preferences.get("scheme"), page.look.name).theme;
    const { signal } = this.#abort;
    this.#thumbnails = new Thumbnails((id) => this.#api.screen(id), themeOf, signal);
    page.look.changed.add(() => this.#thumbnails.redraw(), signal);
    page.preferences.changed.add((name) => name === "scheme" && this.#thumbnails.redraw(), signal);
    addEventListener("resize", () => this.#thumbnails.redraw(), { signal });
    this.#query.addEventListener("input", () => this.#draw());
    document.addEventListener("visibilitychange", () => void this.#look(), { signal });
    page.commands.add(this.#commands(), signal);
    const bar = element(
      "div",
      { className: "home-bar" },
      element("h1", { text: "Sessions" }),
      this.#query,
      button("New session", () => void this.#make(), "primary"),
    );
    frame.stage.append(element("div", { className: "home" }, bar, this.#list, this.#empty));
    document.title = "ptybridge";
  }

  async start() {
    this.#link.show("connecting", "Connecting");
    await this.#look();
  }

  /** @returns {import("./commands.js").Command[]} */
  #commands() {
    return [
      { id: "session.new", title: "New session", icon: "plus", run: () => void this.#make() },
      {
        id: "home.search",
        title: "Search sessions and terminals",
        keys: "Ctrl+Shift+F",
        icon: "search",
        run: () => this.#query.focus(),
      },
      {
        id: "page.settings",
        title: "Settings",
        keys: "Ctrl+,",
        icon: "settings",
        run: () => void openSettings(this.#page.preferences),
      },
    ];
  }

  /** Looks at the list now, and again after a while for as long as the page is seen. */
  async #look() {
    clearTimeout(this.#timer);
    if (this.#abort.signal.aborted || document.hidden) return;
    try {
      this.#sessions = await this.#api.list();
      if (this.#abort.signal.aborted) return;
      this.#link.show("online", "Connected");
      this.#draw();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#abort.signal.aborted) return;
      this.#link.show("offline", "Offline");
    }
    this.#timer = window.setTimeout(() => void this.#look(), PAUSE_MS);
  }

  #draw() {
    const query = this.#query.value;
    const shown = found(this.#sessions, query);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, section] of this.#sections) {
      if (wanted.has(id)) continue;
      section.dispose();
      this.#sections.delete(id);
    }
    for (const [at, session] of shown.entries()) {
      const known = this.#sections.get(session.id);
      const section = known ?? new SessionSection(session, this.#actions(), this.#thumbnails);
      if (known === undefined) this.#sections.set(session.id, section);
      else known.update(session);
      if (this.#list.children[at] !== section.element) {
        this.#list.insertBefore(section.element, this.#list.children[at] ?? null);
      }
    }
    this.#drawEmpty(shown.length === 0, query);
  }

  /** @param {boolean} isEmpty @param {string} query */
  #drawEmpty(isEmpty, query) {
    this.#empty.hidden = !isEmpty;
    if (!isEmpty) return;
    if (query !== "") {
      this.#empty.replaceChildren(element("p", { text: `Nothing here is called “${query}”.` }));
      return;
    }
    this.#empty.replaceChildren(
      element("h2", { text: "No terminal is open yet" }),
      element("p", { text: "A session holds terminals and a channel beside them, and can be shared by a link." }),
      button("Open a terminal", () => this.#page.go("#/s/main"), "primary"),
    );
  }

  /** @returns {import("../home/session_section.js").SectionActions} */
  #actions() {
    return {
      rename: (session) => void this.#rename(session),
      share: ({ id }) => void openShareDialog({ sessionID: id }),
      close: (session) => void this.#close(session),
      terminal: {
        rename: (terminal) => void this.#renameTerminal(terminal),
        close: (terminal) => void this.#closeTerminal(terminal),
      },
    };
  }

  async #make() {
    const title = await askDialog("New session", { label: "Name", action: "Create" });
    if (title === null) return;
    await this.#try(async () => this.#page.go(`#/s/${await this.#api.create(title)}`));
  }

  /** @param {ListedSession} session */
  async #rename({ id, title = id }) {
    const renamed = await askDialog("Rename the session", { label: "Name", value: title, action: "Rename" });
    if (renamed !== null) await this.#try(() => this.#api.rename(id, renamed));
  }

  /** @param {ListedSession} session */
  async #close({ id, title = id, terminals }) {
    const count = terminals.filter(({ exit }) => exit === undefined).length;
    const running = count === 0 ? "" : count === 1 ? " Its terminal is ended." : ` Its ${count} terminals are ended.`;
    const text = `Everything in it goes, what was said included.${running}`;
    const isSure = await confirmDialog(`Close ${title}?`, text, { text: "Close session", className: "danger" });
    if (isSure) await this.#try(() => this.#api.remove(id));
  }

  /** @param {ListedTerminal} terminal */
  async #renameTerminal({ id, title }) {
    const renamed = await askDialog("Rename the terminal", { label: "Name", value: title, action: "Rename" });
    if (renamed !== null) await this.#try(() => this.#api.renameTerminal(id, renamed));
  }

  /** @param {ListedTerminal} terminal */
  async #closeTerminal({ id, title, command }) {
    if (command !== undefined) {
      const text = `${command.split("\n")[0] || "A program"} runs in it, and is ended.`;
      if (!(await confirmDialog(`Close ${title}?`, text, { text: "Close", className: "danger" }))) return;
    }
    await this.#try(() => this.#api.closeTerminal(id));
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#page.say(error.message);
    }
    await this.#look();
  }

  dispose() {
    clearTimeout(this.#timer);
    this.#abort.abort();
    for (const section of this.#sections.values()) section.dispose();
    this.#frame.clear();
  }
}
