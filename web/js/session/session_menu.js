/**
 * The session's name in the bar, which is a menu: what can be done with the session, and the others.
 */

import { ApiError } from "../api.js";
import { SessionApi } from "../home/session_api.js";
import { askDialog, confirmDialog } from "../ui/dialog.js";
import { element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */
/** @typedef {import("../ui/menu.js").Item} Item */

/** Sessions that the menu has; all are on the start page. */
const MOST = 12;

export class SessionMenu {
  #context;
  #api = new SessionApi();
  #name = element("span", { className: "bar-session" });
  #button;

  /** @param {SessionContext} context @param {HTMLElement} host */
  constructor(context, host) {
    this.#context = context;
    this.#button = element(
      "button",
      {
        className: "session-menu quiet",
        attributes: { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" },
        on: { click: () => void this.#open() },
      },
      this.#name,
      icon("down"),
    );
    host.replaceChildren(this.#button);
    context.model.changed.add(() => this.#show(), context.signal);
    context.commands.add(this.#commands(), context.signal);
    this.#show();
  }

  get #isOwner() {
    return this.#context.model.members.get(this.#context.user.id)?.role === "owner";
  }

  get #title() {
    return this.#context.model.title || this.#context.sessionID;
  }

  #show() {
    if (this.#name.textContent !== this.#title) this.#name.textContent = this.#title;
    this.#button.title = `Session ${this.#context.sessionID}`;
  }

  /** @returns {import("../page/commands.js").Command[]} */
  #commands() {
    const isPossible = () => this.#isOwner;
    return [
      { id: "session.rename", title: "Rename this session", icon: "edit", isPossible, run: () => void this.#rename() },
      { id: "session.close", title: "Close this session for good", icon: "trash", isPossible, run: () => void this.#close() },
      { id: "session.new", title: "New session", icon: "plus", run: () => void this.#make() },
    ];
  }

  async #rename() {
    const title = await askDialog("Rename the session", { label: "Name", value: this.#title, action: "Rename" });
    if (title !== null) await this.#try(() => this.#api.rename(this.#context.sessionID, title));
  }

  async #close() {
    const text = "Its terminals are ended, and everything in it goes, what was said included.";
    const isSure = await confirmDialog(`Close ${this.#title}?`, text, { text: "Close session", className: "danger" });
    if (!isSure) return;
    const { go, sessionID } = this.#context;
    await this.#try(async () => {
      await this.#api.remove(sessionID);
      go("#/");
    });
  }

  async #make() {
    const title = await askDialog("New session", { label: "Name", action: "Create" });
    if (title !== null) await this.#try(async () => this.#context.go(`#/s/${await this.#api.create(title)}`));
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#context.say(error.message);
    }
  }

  async #open() {
    const { commands, go, sessionID } = this.#context;
    /** @type {(Item | null)[]} */
    const items = ["session.rename", "session.share", "session.new", "session.close"].flatMap((id) => {
      const command = commands.possible.find((one) => one.id === id);
      if (command === undefined) return [];
      const { title, icon: mark } = command;
      const look = mark === undefined ? {} : { icon: mark };
      return [{ text: title, ...look, isDanger: id === "session.close", act: () => commands.run(id) }];
    });
    const all = await this.#api.list().catch(() => []);
    const others = all.slice(0, MOST).map(({ id, title }) => ({
      text: title || id,
      isChecked: id === sessionID,
      act: () => go(`#/s/${id}`),
    }));
    openMenu(this.#button, [...others, null, ...items], { label: "Session" });
  }
}
