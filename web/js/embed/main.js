/**
 * A terminal alone, in a frame of another site: the composition root of ``embed.html``.
 */

import { foldedAddress } from "../address.js";
import { RequestError } from "../client.js";
import { makeClient } from "../connect.js";
import { FAILURES, showFailure } from "../error_view.js";
import { Look } from "../page/look.js";
import { Preferences } from "../page/preferences.js";
import { parsePlace } from "../place.js";
import { systemClock } from "../socket.js";
import { TerminalPane } from "../terminal/pane.js";
import { button, find } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { Bearer } from "./bearer.js";
import { Embedder, originAround, readOrigins } from "./embedder.js";

/** @typedef {import("../client.js").BridgeClient} BridgeClient */
/** @typedef {import("../error_view.js").Failure} Failure */
/** @typedef {import("./bearer.js").Secret} Secret */

/** @type {Failure} */
const NO_LOGIN = {
  title: "Waiting for a login",
  lines: ["The page around this terminal has not said yet who you are."],
  action: "Ask again",
};

/** @type {Failure} */
const NO_TERMINAL = {
  title: "There is no terminal here",
  lines: ["It has ended, or it was never started."],
  action: "Look again",
};

class EmbeddedTerminal {
  #place = parsePlace(new URL(foldedAddress(location.href, document.baseURI) ?? location.href).hash);
  #stage = find("stage");
  #preferences = new Preferences(null); // nothing of what a site wants is kept
  #look = new Look(this.#preferences);
  #clock = systemClock();
  #bearer = new Bearer(
    document.baseURI,
    (url, init) => fetch(url, init),
    globalThis.WebSocket,
  );
  #embedder;
  /** @type {BridgeClient | null} */
  #client = null;
  /** @type {TerminalPane | null} */
  #pane = null;
  #offline = new Notice(find("notices"), { name: "offline", role: "alert" }).add(
    button("Reconnect now", () => this.#client?.connect(), "primary"),
  );
  #countdown = 0;
  #title = "";
  #clearFailure = () => {};

  constructor() {
    const allowed = readOrigins(document.documentElement.dataset["embed"] ?? "");
    const around = window.parent === window ? null : window.parent;
    const origin = originAround(allowed, location.ancestorOrigins, document.referrer);
    this.#embedder = new Embedder(around, allowed, origin);
  }

  async start() {
    const secret = secretOf(location.hash);
    // Once it is read nobody needs to find it in the address, or in a bookmark.
    if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
    addEventListener("message", (event) => this.#embedder.hear(event));
    addEventListener("online", () => this.#client?.connect());
    addEventListener("pageshow", (event) => event.persisted && this.#client?.connect());
    addEventListener("pagehide", (event) => event.persisted || this.#bearer.end());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#client?.connect();
      this.#pane?.tellSize();
    });
    this.#embedder.onasked = (asked) => {
      if (asked.type === "login") void this.#logIn(asked.secret);
      else if (asked.type === "focus") this.#pane?.focus();
      else this.#preferences.set("look", asked.theme);
    };
    if (secret === null) await this.#enter("missing");
    else await this.#logIn(secret);
  }

  // --- who one is

  /** @param {Secret} secret */
  async #logIn(secret) {
    this.#show("connecting");
    const state = await this.#bearer.redeem(secret);
    if (state === "ok") await this.#enter("refused");
    else if (state === "denied") this.#askForLogin("refused");
    else this.#fail(FAILURES[state], () => void this.#logIn(secret));
  }

  /**
   * Connects as whoever one is by now.
   * @param {"missing" | "refused"} reason what to say if that is nobody
   */
  async #enter(reason) {
    const { state, body } = await this.#bearer.get("api/whoami");
    if (state === "denied") this.#askForLogin(reason);
    else if (state !== "ok") this.#fail(FAILURES[state], () => void this.#enter(reason));
    else this.#connect(body);
  }

  /** @param {"missing" | "refused" | "ended"} reason */
  #askForLogin(reason) {
    const ask = () => this.#embedder.tell({ type: "login", reason });
    this.#fail(reason === "missing" ? NO_LOGIN : FAILURES.expired, ask);
    ask();
  }

  // --- the link

  /** @param {{ session: string | null, transport: string }} who */
  #connect({ session, transport }) {
    this.#leave();
    if (!this.#place.isNamed && session !== null) this.#place.session = session;
    this.#client = makeClient(document.baseURI, this.#place.session, {
      first: transport === "sse" ? "events" : "websocket",
      fetch: (url, init) => this.#bearer.fetch(url, init),
      WebSocket: this.#bearer.WebSocket,
    });
    this.#client.onstate = (state) => this.#linkChanged(state);
    this.#client.connect();
  }

  #leave() {
    clearInterval(this.#countdown);
    if (this.#client === null) return;
    this.#client.onstate = () => {};
    this.#pane?.dispose();
    this.#pane = null;
    this.#client.close();
    this.#client = null;
  }

  /** @param {import("../socket.js").SocketState | { name: "welcome" }} state */
  #linkChanged(state) {
    clearInterval(this.#countdown);
    switch (state.name) {
      case "connecting":
        if (!this.#offline.isShown) this.#show("connecting");
        return;
      case "welcome":
        void this.#arrive();
        return;
      case "waiting":
        this.#showOffline(state.until);
        return;
      case "ended":
        if (state.code === 1008 || state.code === 4002) this.#askForLogin("ended");
        else if (state.code === 4001) this.#fail(NO_TERMINAL, () => void this.#enter("missing"));
        else this.#fail(FAILURES.gone, () => void this.#enter("missing"));
    }
  }

  /** @param {number} until */
  #showOffline(until) {
    const update = () => {
      const seconds = Math.max(0, Math.ceil((until - this.#clock.now()) / 1000));
      const soon = seconds > 1 ? `in ${seconds} seconds` : "now";
      this.#offline.show("Offline: what you type does not arrive.", `Trying again ${soon}.`);
    };
    this.#show("offline");
    update();
    this.#countdown = window.setInterval(update, 250);
  }

  /**
   * @param {Failure} failure
   * @param {() => void} retry
   */
  #fail(failure, retry) {
    this.#offline.hide();
    this.#clearFailure();
    this.#show("failed");
    this.#clearFailure = showFailure(this.#stage, failure, retry);
  }

  /** @param {"connecting" | "online" | "offline" | "failed"} state */
  #show(state) {
    document.documentElement.dataset["state"] = state;
    this.#embedder.tell({ type: "state", state });
  }

  // --- the terminal

  async #arrive() {
    const client = this.#client;
    if (client === null) return;
    try {
      const lost = await client.resume();
      if (this.#pane === null || lost.length > 0) await this.#view();
      this.#clearFailure();
      this.#offline.hide();
      this.#show("online");
      if (document.hasFocus()) this.#pane?.focus();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code === "offline") return;
      const again = () => void this.#arrive();
      this.#fail(error.code === "not-found" ? NO_TERMINAL : { ...FAILURES.refused, lines: [error.message] }, again);
    }
  }

  /** Views the terminal of the address; else the session's newest, else a new one. */
  async #view() {
    const wanted = this.#place.terminal ?? (await this.#newest());
    const pane = this.#newPane();
    if (wanted === null) await pane.open();
    else await pane.attach(wanted);
    this.#tellReady(pane);
  }

  /** @param {TerminalPane} pane */
  #tellReady({ terminalID, view }) {
    const { rows, cols } = view.own;
    this.#embedder.tell({ type: "ready", session: this.#place.session, terminal: terminalID, rows, cols });
  }

  async #newest() {
    const { body } = await this.#bearer.get(`api/sessions/${this.#place.session}/terminals`);
    /** @type {{ id: string, exit?: object }[]} */
    const terminals = body?.terminals ?? [];
    return terminals.filter(({ exit }) => exit === undefined).at(-1)?.id ?? null;
  }

  /** A pane without a terminal, in the place of the one that was there. */
  #newPane() {
    this.#pane?.dispose();
    if (this.#client === null) throw new RequestError("offline", "there is no connection");
    const pane = new TerminalPane(this.#client, this.#preferences, this.#look);
    this.#pane = pane;
    this.#stage.append(pane.element);
    const fit = pane.view.onfit;
    pane.view.onfit = (rows, cols) => {
      fit(rows, cols);
      this.#embedder.tell({ type: "resize", rows, cols });
    };
    let hasEnded = false;
    pane.changed.add(() => {
      this.#titled(pane.title);
      if (pane.exit === null || hasEnded) return;
      hasEnded = true;
      const { code, signal } = pane.exit;
      this.#embedder.tell({ type: "exit", code: code ?? null, signal: signal ?? null });
    });
    pane.onrunagain = () => void this.#runAgain();
    return pane;
  }

  async #runAgain() {
    this.#place.terminal = null;
    try {
      const pane = this.#newPane();
      await pane.open();
      this.#tellReady(pane);
      pane.focus();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#fail({ ...FAILURES.refused, lines: [error.message] }, () => void this.#arrive());
    }
  }

  /** @param {string} title */
  #titled(title) {
    if (title === this.#title) return;
    this.#title = title;
    document.title = title || "ptybridge";
    this.#embedder.tell({ type: "title", title });
  }
}

/**
 * @param {string} hash
 * @returns {Secret | null}
 */
function secretOf(hash) {
  const [, kind, value] = /[#&](share|ticket)=([^&]+)$/.exec(hash) ?? [];
  if (value === undefined) return null;
  return kind === "ticket" ? { ticket: value } : { share: value };
}

void new EmbeddedTerminal().start();
