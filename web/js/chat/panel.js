/**
 * The channel beside the terminals: what is said, what is prompted, what comes of it.
 */

import { RequestError } from "../client.js";
import { button, element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { Composer } from "./composer.js";
import { Draft } from "./draft.js";
import { LogView } from "./log_view.js";
import { PanelPlace } from "./panel_place.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */

/** How many older messages are asked for at once. */
const PAGE = 50;

export class ChatPanel {
  #context;
  #log;
  #composer;
  #place;
  #toggle;
  #badge = element("span", { className: "chat-badge", attributes: { "aria-hidden": "true" } });
  #activity = element("div", { className: "chat-activity", attributes: { role: "status" } });
  /** What the user has read, by the message's number. */
  #readUpTo = 0;
  #toldUpTo = 0;

  /**
   * @param {SessionContext} context
   * @param {{ panel: HTMLElement, tools: HTMLElement }} hosts
   * @param {{ typeIn: (text: string) => void, leave: () => void }} terminal ``leave``: gives the focus back to it
   */
  constructor(context, { panel, tools }, { typeIn, leave }) {
    this.#context = context;
    const { model, commands, signal } = context;
    this.#log = new LogView(model, {
      copy: (text) => void navigator.clipboard.writeText(text).then(() => context.say("Copied.")),
      typeIn,
      approve: (callID, approved) => this.#ask("approve", { callID, approved }),
      withdraw: (messageID) => this.#ask("cancel", { messageID }),
      mayWrite: () => this.#mayWrite,
      own: context.user.name,
    }, () => this.#fetchOlder());
    this.#composer = new Composer(new Draft(context.sessionID, storage()), {
      send: (mode, text) => this.#send(mode, text),
      lines: () => this.#ownLines(),
      typing: (typing) => void context.client.request("typing", { typing }).catch(() => {}),
    });
    this.#place = new PanelPlace(panel, context.preferences, signal);
    this.#place.onchange = () => this.#opened(leave);
    this.#toggle = iconButton("chat", "Channel", () => this.#place.toggle(), "chat-toggle");
    this.#toggle.append(this.#badge);
    this.#toggle.setAttribute("aria-controls", panel.id);
    tools.append(this.#toggle);
    const head = element(
      "header",
      { className: "panel-head" },
      element("h2", { text: "Channel" }),
      iconButton("close", "Close the channel", () => this.#place.close()),
    );
    panel.append(head, this.#log.element, this.#activity, this.#composer.element);
    this.#log.onseen = () => this.#seen();
    model.changed.add((change) => this.#changed(change.kind), signal);
    document.addEventListener("visibilitychange", () => this.#seen(), { signal });
    commands.add(this.#commands(), signal);
    this.#showRights();
    this.#opened(() => {});
  }

  /** @returns {import("../page/commands.js").Command[]} */
  #commands() {
    return [
      {
        id: "chat.toggle",
        title: "Show or hide the channel",
        icon: "chat",
        keys: "Ctrl+Shift+L",
        run: () => this.#place.toggle(),
      },
      {
        id: "chat.mode",
        title: "Switch between saying and prompting",
        keys: "Ctrl+Shift+Enter",
        isPossible: () => this.#place.isOpen && this.#mayWrite,
        run: () => this.#composer.toggle(),
      },
      {
        id: "chat.stop",
        title: "Stop the answer",
        icon: "stop",
        isPossible: () => this.#mayWrite && this.#context.model.running.length > 0,
        run: () => this.#ask("cancel", {}),
      },
    ];
  }

  /** @param {import("../session/model.js").Change["kind"]} kind */
  #changed(kind) {
    if (kind === "reset") void this.#learnUnread();
    if (kind === "reset" || kind === "members") this.#showRights();
    if (kind !== "terminals") this.#showActivity();
    if (kind === "message") this.#countUnread();
  }

  // --- rights

  get #mayWrite() {
    const { model, user } = this.#context;
    return model.members.get(user.id)?.role !== "watcher";
  }

  #showRights() {
    this.#composer.disable(this.#mayWrite ? "" : "You watch this session: only who may type may write here.");
  }

  // --- requests

  /** @param {string} type @param {object} data */
  #ask(type, data) {
    this.#context.attempt(this.#context.client.request(type, data));
  }

  /** @param {import("./draft.js").Mode} mode @param {string} text */
  async #send(mode, text) {
    const data = mode === "say" ? { text } : { parts: [{ type: "text", text }] };
    try {
      await this.#context.client.request(mode, data);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const isOffline = error.code === "offline";
      this.#context.say(isOffline ? "There is no connection: this was not sent." : error.message);
      return false;
    }
    this.#log.toEnd();
    return true;
  }

  async #fetchOlder() {
    const { model, client } = this.#context;
    const before = [...model.messages.values()][0]?.number ?? 0;
    if (before <= 1) return;
    try {
      const reply = await client.request("history", { before, limit: PAGE });
      if (reply.type === "history") model.prepend(reply.data);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "offline") this.#context.say(error.message);
    }
  }

  #ownLines() {
    const { model, user } = this.#context;
    const own = [...model.messages.values()].filter(({ author, role }) => role === "user" && author === user.name);
    return own.map(({ blocks }) => (blocks[0]?.kind === "text" ? blocks[0].text : ""));
  }

  // --- who is at it

  #showActivity() {
    const { model, user } = this.#context;
    const [running] = model.running;
    const typists = model.typing.filter(({ id }) => id !== user.id).map(({ name }) => name);
    const key = JSON.stringify([running?.id, running?.author, typists, this.#mayWrite]);
    if (this.#activity.dataset["shown"] === key) return;
    this.#activity.dataset["shown"] = key;
    this.#activity.replaceChildren();
    if (running !== undefined) {
      this.#activity.append(element("span", { className: "working", text: `${running.author} is answering` }));
      if (this.#mayWrite) {
        const stop = button("Stop", () => this.#ask("cancel", { messageID: running.id }), "stop");
        stop.prepend(icon("stop"));
        this.#activity.append(stop);
      }
    } else if (typists.length > 0) {
      this.#activity.append(element("span", { text: typingOf(typists) }));
    }
  }

  // --- what has been read

  /** @param {() => void} leave */
  #opened(leave) {
    const { isOpen } = this.#place;
    this.#toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      this.#log.markAfter(this.#unread > 0 ? this.#readUpTo : null);
      this.#log.toEnd();
      if (this.#mayWrite && this.#place.isAsked) this.#composer.focus();
    } else leave();
  }

  /** How much has come since the user last read here, on any page. */
  async #learnUnread() {
    const { model, sessionID } = this.#context;
    const newest = model.newestNumber;
    try {
      const answer = await fetch(new URL(`api/sessions/${encodeURIComponent(sessionID)}`, document.baseURI));
      const { unread = 0 } = answer.ok ? (await answer.json()).session : {};
      this.#readUpTo = this.#toldUpTo = Math.max(this.#readUpTo, newest - unread);
      if (unread > 0 && this.#place.isOpen) this.#log.markAfter(this.#readUpTo);
    } catch {
      this.#readUpTo = newest; // no connection: it will be asked again with the next one
    }
    this.#countUnread();
    this.#seen();
  }

  get #unread() {
    const { model, user } = this.#context;
    const isNew = (/** @type {import("../session/model.js").ChatMessage} */ { number, author }) =>
      number > this.#readUpTo && author !== user.name;
    return [...model.messages.values()].filter(isNew).length;
  }

  #countUnread() {
    const count = this.#unread;
    this.#badge.textContent = count === 0 ? "" : count > 99 ? "99+" : String(count);
    const label = count === 0 ? "Channel" : `Channel, ${count} unread`;
    this.#toggle.setAttribute("aria-label", label);
    this.#toggle.title = label;
  }

  #seen() {
    if (!this.#place.isOpen || document.hidden || !this.#log.isAtEnd) return;
    this.#readUpTo = Math.max(this.#readUpTo, this.#context.model.newestNumber);
    this.#countUnread();
    if (this.#readUpTo <= this.#toldUpTo) return;
    this.#toldUpTo = this.#readUpTo;
    void this.#context.client.request("read", { number: this.#readUpTo }).catch(() => {});
  }
}

/** @param {string[]} names */
function typingOf(names) {
  if (names.length > 2) return `${names.length} people are writing`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are writing` : `${names[0]} is writing`;
}

/** @returns {Storage | null} null where the browser forbids it */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
