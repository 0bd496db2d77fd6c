/**
 * A session as it is offered: its name, who is there, what was said last, its terminals.
 */

import { avatar } from "../session/avatar.js";
import { element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";
import { ago } from "./overview.js";
import { TerminalCard, write } from "./terminal_card.js";

/** @typedef {import("./session_api.js").ListedSession} ListedSession */
/** @typedef {import("./session_api.js").ListedTerminal} ListedTerminal */

/**
 * @typedef {object} SectionActions
 * @property {(session: ListedSession) => void} rename
 * @property {(session: ListedSession) => void} share
 * @property {(session: ListedSession) => void} close
 * @property {import("./terminal_card.js").CardActions} terminal
 */

/** Faces that are shown of those who are there. */
const MOST_FACES = 5;

export class SessionSection {
  #actions;
  #thumbnails;
  /** @type {ListedSession} */
  #session;
  #name;
  #people = element("span", { className: "home-people" });
  #news = element("span", { className: "home-news" });
  #grid = element("ul", { className: "cards" });
  #more;
  #new;
  /** @type {Map<string, TerminalCard>} */
  #cards = new Map();

  /**
   * @param {ListedSession} session
   * @param {SectionActions} actions
   * @param {import("./thumbnails.js").Thumbnails} thumbnails
   */
  constructor(session, actions, thumbnails) {
    this.#session = session;
    this.#actions = actions;
    this.#thumbnails = thumbnails;
    const href = `#/s/${session.id}`;
    this.#name = element("a", { className: "home-name", attributes: { href } });
    this.#more = iconButton("more", "What to do with this session", () => this.#openMenu(), "quiet");
    this.#new = element(
      "li",
      { className: "card card-new" },
      element("a", { attributes: { href: `${href}/new` } }, icon("plus"), "New terminal"),
    );
    const head = element(
      "header",
      { className: "home-head" },
      element("h2", {}, this.#name),
      this.#people,
      this.#news,
      this.#more,
    );
    this.element = element("section", { className: "home-session" }, head, this.#grid);
    this.element.dataset["session"] = session.id;
    this.update(session);
  }

  /** @param {ListedSession} session */
  update(session) {
    this.#session = session;
    const { id, title = "", members, unread, answering, newest, role } = session;
    write(this.#name, title || id);
    this.element.setAttribute("aria-label", title || id);
    this.#people.replaceChildren(...members.slice(0, MOST_FACES).map(({ name }) => avatar(name)));
    this.#people.title = members.map(({ name }) => name).join(", ");
    this.#news.replaceChildren(...this.#newsOf(unread, answering, newest));
    this.#more.hidden = role !== "owner";
    this.#drawCards(session, role !== "watcher");
  }

  /**
   * @param {number} unread
   * @param {boolean} answering
   * @param {ListedSession["newest"]} newest
   */
  *#newsOf(unread, answering, newest) {
    if (unread > 0) yield element("span", { className: "badge", text: `${unread} unread` });
    if (answering) yield element("span", { text: "answering" });
    if (newest === undefined) return;
    const text = newest.parts.map((part) => part.text).join("").split("\n")[0] ?? "";
    yield element("span", { className: "home-newest", text: `${newest.author}: ${text}` });
    const time = new Date(newest.time);
    yield element("time", { text: ago(newest.time, Date.now()), title: time.toLocaleString(), attributes: { datetime: time.toISOString() } });
  }

  /** @param {ListedSession} session @param {boolean} mayWrite */
  #drawCards({ id, terminals }, mayWrite) {
    const wanted = new Set(terminals.map((terminal) => terminal.id));
    for (const [name, card] of this.#cards) if (!wanted.has(name)) this.#drop(name, card);
    for (const terminal of terminals) {
      const known = this.#cards.get(terminal.id);
      if (known !== undefined) known.update(terminal);
      else this.#cards.set(terminal.id, new TerminalCard(id, terminal, mayWrite, this.#actions.terminal));
    }
    const cards = terminals.map((terminal) => /** @type {TerminalCard} */ (this.#cards.get(terminal.id)));
    const shown = [...cards.map((card) => card.element), ...(mayWrite ? [this.#new] : [])];
    // Only what is elsewhere is moved: a move takes the focus away.
    for (const [at, child] of shown.entries()) {
      if (this.#grid.children[at] !== child) this.#grid.insertBefore(child, this.#grid.children[at] ?? null);
    }
    for (const [at, terminal] of terminals.entries()) {
      const { canvas } = /** @type {TerminalCard} */ (cards[at]);
      this.#thumbnails.follow(canvas, terminal.id, terminal.end ?? Math.floor(Date.now() / 5000));
    }
  }

  /** @param {string} name @param {TerminalCard} card */
  #drop(name, card) {
    this.#thumbnails.leave(card.canvas);
    card.element.remove();
    this.#cards.delete(name);
  }

  #openMenu() {
    const session = this.#session;
    openMenu(this.#more, [
      { text: "Rename", icon: "edit", act: () => this.#actions.rename(session) },
      { text: "Share", icon: "share", act: () => this.#actions.share(session) },
      null,
      { text: "Close session", icon: "trash", isDanger: true, act: () => this.#actions.close(session) },
    ]);
  }

  dispose() {
    for (const [name, card] of this.#cards) this.#drop(name, card);
    this.element.remove();
  }
}
