/**
 * A session on the page: one connection, its terminals, its channel, and what the link does.
 */

import { ChatPanel } from "../chat/panel.js";
import { RequestError } from "../client.js";
import { makeClient } from "../connect.js";
import { FAILURES, failureOfCode, showFailure } from "../error_view.js";
import { Files } from "../files/files.js";
import { logIn, newestTerminal } from "../login.js";
import { formatPlace } from "../place.js";
import { openShareDialog } from "../session/share_dialog.js";
import { SessionModel } from "../session/model.js";
import { PeopleView } from "../session/people_view.js";
import { TurnView } from "../session/turn_view.js";
import { SessionMenu } from "../session/session_menu.js";
import { Workspace } from "../session/workspace.js";
import { workspaceCommands } from "../session/workspace_commands.js";
import { systemClock } from "../socket.js";
import { KeyBar } from "../touch/key_bar.js";
import { Modifiers } from "../touch/modifiers.js";
import { iconButton } from "../ui/dom.js";
import { terminalCommands } from "../terminal/terminal_commands.js";
import { Attention, pageTitle } from "./attention.js";
import { LinkView } from "./link_view.js";
import { OfflineView } from "./offline_view.js";
import { RoundTrip } from "./round_trip.js";

/** @typedef {import("../place.js").Place} Place */
/** @typedef {import("./context.js").PageContext} PageContext */
/** @typedef {import("./context.js").SessionContext} SessionContext */
/** @typedef {import("./frame.js").Frame} Frame */

export class SessionPage {
  #abort = new AbortController();
  #clock = systemClock();
  #frame;
  #page;
  #place;
  #client;
  #model;
  #workspace;
  #link;
  #people;
  #turn;
  #attention;
  #files;
  #offline;
  #roundTrip;
  /** @type {string} */
  #state = "";
  #hasBegun = false;
  /** Panes whose listeners this page is among. @type {WeakSet<import("../terminal/pane.js").TerminalPane>} */
  #heard = new WeakSet();
  #clearFailure = () => {};

  /**
   * @param {Frame} frame
   * @param {PageContext} page
   * @param {Place} place
   * @param {import("../transports.js").Transport} [first]
   */
  constructor(frame, page, place, first) {
    this.#frame = frame;
    this.#page = page;
    this.#place = place;
    this.#client = makeClient(document.baseURI, place.session, { first });
    this.#model = new SessionModel(place.session);
    /** @type {SessionContext} */
    const context = {
      ...page,
      sessionID: place.session,
      client: this.#client,
      model: this.#model,
      modifiers: new Modifiers(),
      signal: this.#abort.signal,
    };
    this.#workspace = new Workspace(context, { stage: frame.stage, strip: frame.tabs });
    this.#attention = new Attention(page.preferences);
    this.#link = new LinkView(frame.link);
    this.#turn = new TurnView(frame.turn, frame.notices);
    this.#people = new PeopleView(frame.people, (action, to) => {
      void this.#workspace.active?.control(action, to);
    });
    this.#offline = new OfflineView(frame, this.#clock, () => this.#client.connect());
    this.#roundTrip = new RoundTrip(this.#client, this.#clock, () => !document.hidden);
    this.#roundTrip.onchange = (milliseconds) => this.#link.roundTrip(milliseconds);
    this.#link.onlook = () => this.#roundTrip.now();
    this.#link.onagain = () => this.#client.drop();
    const share = iconButton("share", "Share this session", () => page.commands.run("session.share"), "share-button");
    frame.tools.append(share);
    this.#model.changed.add(() => (share.hidden = !this.#isOwner(context)), context.signal);
    new ChatPanel(context, frame, {
      typeIn: (text) => void this.#workspace.active?.paste(text),
      leave: () => this.#workspace.active?.focus(),
    });
    this.#files = new Files(context, frame, this.#workspace);
    new SessionMenu(context, frame.place);
    page.commands.add(workspaceCommands(this.#workspace, context), context.signal);
    page.commands.add(this.#commands(context), context.signal);
    const active = () => this.#workspace.active;
    new KeyBar(frame.foot, { ...context, active });
    page.commands.add(terminalCommands({ active, preferences: page.preferences }), context.signal);
    this.#listen();
  }

  /** @param {SessionContext} context @returns {import("./commands.js").Command[]} */
  #commands(context) {
    return [
      {
        id: "session.share",
        title: "Share this session",
        icon: "share",
        isPossible: () => this.#isOwner(context),
        run: () => void openShareDialog(context),
      },
    ];
  }

  /** @param {SessionContext} context */
  #isOwner({ user }) {
    return this.#model.members.get(user.id)?.role === "owner";
  }

  #listen() {
    const { signal } = this.#abort;
    this.#client.onstate = (state) => this.#linkChanged(state);
    this.#client.onevent = (event) => {
      if (!this.#model.apply(event)) void this.#follow(true);
    };
    this.#client.ontyping = ({ data }) => this.#model.nowTyping(data.members);
    this.#workspace.changed.add((pane) => this.#showActive(pane), signal);
    this.#model.changed.add(({ kind }) => {
      if (kind === "members" || kind === "reset") this.#showPeople();
    }, signal);
    this.#workspace.told.add((notice, pane) => {
      this.#attention.hear(notice, () => void this.#workspace.show(pane.terminalID));
    }, signal);
    document.addEventListener("visibilitychange", () => document.hidden || this.#client.connect(), { signal });
    addEventListener("online", () => this.#client.connect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#client.connect(), { signal });
  }

  /**
   * @param {Place} place
   * @returns {boolean} whether that is in this session, and is shown
   */
  goTo({ session, isNamed, isHome, isNew, terminal }) {
    if (isHome || !isNamed || session !== this.#place.session || !this.#hasBegun) return false;
    if (isNew) this.#page.attempt(this.#workspace.open());
    else if (terminal !== null) this.#page.attempt(this.#workspace.show(terminal));
    return true;
  }

  start() {
    this.#link.show("connecting", "Connecting");
    this.#client.connect();
  }

  dispose() {
    this.#offline.hide(false);
    this.#roundTrip.stop();
    this.#client.onstate = () => {};
    this.#client.close();
    this.#abort.abort();
    this.#clearFailure();
    this.#frame.clear();
  }

  /** @param {import("../terminal/pane.js").TerminalPane | null} pane */
  #showActive(pane) {
    const known = this.#model.terminals.get(pane?.terminalID ?? "");
    const title = known?.renamed ? known.title : (pane?.title ?? "");
    const progress = pane?.progress ?? null;
    const hasBell = this.#workspace.panes.some((each) => each.hasBell);
    document.title = pageTitle({ title, session: this.#place.session, hasBell, progress });
    this.#showPeople();
    this.#turn.show(pane);
    if (pane !== null) this.#listenTo(pane);
    if (pane === null || pane.terminalID === "") return;
    this.#place.terminal = pane.terminalID;
    history.replaceState(null, "", formatPlace(this.#place.session, pane.terminalID));
  }

  #showPeople() {
    const { active, panes } = this.#workspace;
    const others = panes.filter((pane) => pane !== active);
    this.#people.show(active, this.#model.members.values(), others);
  }

  /** @param {import("../terminal/pane.js").TerminalPane} pane */
  #listenTo(pane) {
    if (this.#heard.has(pane)) return;
    this.#heard.add(pane);
    pane.unheard.add((why) => {
      if (why === "denied") this.#turn.ignored();
      else if (why === "uncertain") this.#offline.uncertain();
      else this.#offline.lostKey();
    }, this.#abort.signal);
  }

  // --- the link

  /** @param {import("../socket.js").SocketState | { name: "welcome" }} state */
  #linkChanged(state) {
    this.#state = state.name;
    switch (state.name) {
      case "connecting":
        if (this.#offline.isShown) this.#offline.trying();
        else this.#link.show("connecting", "Connecting");
        return;
      case "welcome":
        void this.#arrive();
        return;
      case "waiting":
        this.#showOffline(state.until);
        return;
      case "moving":
        this.#roundTrip.stop(); // what is under way would hold the move up
        return;
      case "stayed":
        this.#roundTrip.start();
        return;
      case "ended":
        void this.#explainEnd(state.code, state.reason);
    }
  }

  /** @param {number} until */
  #showOffline(until) {
    this.#link.show("offline", "Offline");
    this.#link.transport(null);
    this.#roundTrip.stop();
    this.#offline.wait(until);
  }

  /**
   * The last attempt failed, or the server said not to come back: find out why.
   * @param {number} code
   * @param {string} reason
   */
  async #explainEnd(code, reason) {
    const told = failureOfCode(code);
    if (told !== null) {
      this.#fail(told, "", told === FAILURES.ended ? () => this.#page.go("#/") : undefined);
      return;
    }
    const { state } = await logIn();
    if (this.#state !== "ended") return; // it has come back in the meantime
    const detail = reason || `It answers, but closed with code ${code}.`;
    if (state === "ok") this.#fail(FAILURES.refused, detail);
    else if (state === "password") location.reload(); // which asks for it
    else this.#fail(FAILURES[state]);
  }

  /**
   * @param {import("../error_view.js").Failure} failure
   * @param {string} [detail]
   * @param {() => void} [act] instead of trying again
   */
  #fail(failure, detail, act = () => location.reload()) {
    this.#offline.hide(false);
    this.#roundTrip.stop();
    this.#turn.show(null);
    this.#link.show("failed", "Not connected");
    this.#link.transport(null);
    this.#clearFailure();
    this.#clearFailure = showFailure(this.#frame.stage, failure, act, detail);
  }

  // --- arriving

  /** There is a connection: go on where the last one broke, or begin. */
  async #arrive() {
    try {
      const lost = await this.#client.resume();
      await this.#follow(false);
      if (this.#hasBegun) this.#lose(lost.map(({ terminalID }) => terminalID));
      else await this.#begin();
      this.#hasBegun = true;
      this.#online();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "offline") this.#fail(FAILURES.refused, error.message);
    }
  }

  async #begin() {
    const { isNamed, isNew, terminal, session } = this.#place;
    const wanted = terminal ?? (isNamed && !isNew ? await newestTerminal(session) : null);
    if (wanted === null) {
      await this.#workspace.open();
      return;
    }
    try {
      await this.#workspace.show(wanted);
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "not-found") throw error;
      await this.#openAnother();
    }
  }

  /** @param {string[]} lost terminals that are gone, with their server or their time */
  #lose(lost) {
    for (const pane of this.#workspace.panes) if (lost.includes(pane.terminalID)) pane.lose();
  }

  /** A new terminal in the place of one that is gone. */
  async #openAnother() {
    await this.#workspace.open();
    this.#workspace.active?.hint("The terminal that was here no longer exists; this is a new one.");
  }

  /** @param {boolean} isAnew events are missing: ask for all */
  async #follow(isAnew) {
    const since = isAnew ? undefined : (this.#model.seq ?? undefined);
    const subscribed = await this.#client.subscribe(since);
    if (since === undefined || subscribed.seq < since) this.#model.reset(subscribed);
    else this.#model.refresh(subscribed);
  }

  #online() {
    this.#clearFailure();
    this.#offline.hide(true);
    this.#link.show("online", "Connected");
    this.#files.reconnected();
    this.#link.transport(this.#client.transport);
    this.#roundTrip.start();
    this.#workspace.active?.focus();
  }
}
