/**
 * The page's composition root: address and login, then one terminal over one connection.
 */

import { RequestError } from "./client.js";
import { connectClipboard } from "./clipboard.js";
import { makeClient } from "./connect.js";
import { FAILURES, showFailure } from "./error_view.js";
import { logIn, logInAs, newestTerminal } from "./login.js";
import { askForPassword } from "./login_form.js";
import { LARGE_BYTES, Paste } from "./paste.js";
import { PeopleView } from "./people_view.js";
import { formatPlace, parsePlace } from "./place.js";
import { systemClock } from "./socket.js";
import { button, element, Notice, StatusView } from "./status_view.js";
import { TerminalView } from "./terminal_view.js";

/** @typedef {import("./client.js").Attachment} Attachment */
/** @typedef {import("./client.js").BridgeClient} BridgeClient */
/** @typedef {import("./wire.js").Exit} Exit */

const INTERRUPT = 0x03;

/** @param {string} id */
function find(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

class Page {
  #place = parsePlace(location.hash);
  #status = new StatusView(find("link"), find("title"));
  #clock = systemClock();
  #view = new TerminalView(find("terminal"));
  /** @type {Attachment | null} */
  #attachment = null;
  /** @type {BridgeClient | null} */
  #client = null;
  /** @type {Paste | null} */
  #paste = null;
  /** Keys typed while a new terminal is being opened; null when none is. @type {Uint8Array[] | null} */
  #early = null;
  #clearFailure = () => {};
  #countdown = 0;
  /** @type {string} */
  #link = "";
  #offline = new Notice(find("notices"), { name: "offline", role: "alert" }).add(
    button("Reconnect now", () => this.#client?.connect(), "primary"),
  );
  #ended = new Notice(find("notices"), { name: "ended" }).add(
    button("New terminal", () => void this.#openNew(), "primary"),
  );
  #people = new PeopleView(find("people"), (action, to) => void this.#control(action, to));
  #asks = "";
  #asked = new Notice(find("notices"), { name: "asked" }).add(
    button("Hand it over", () => void this.#control("grant", this.#asks), "primary"),
  );
  #hint = new Notice(find("notices"), { name: "hint" }).add(
    button("Close", () => this.#hint.hide()),
  );

  async start() {
    if (this.#place.token !== null || this.#place.share !== null) history.replaceState(null, "", location.pathname);
    this.#view.onkeys = (data) => this.#type(data);
    this.#view.onfit = () => this.#tellSize();
    this.#view.ontitle = (title) => this.#status.title(title);
    this.#view.ontold = (notice, own) => this.#told(notice, own);
    this.#view.onexit = (exit) => this.#showEnd(exit);
    document.addEventListener("visibilitychange", () => this.#seen());
    // Another address in this tab, such as the one that the server printed: begin anew there.
    addEventListener("hashchange", () => location.reload());
    addEventListener("online", () => this.#client?.connect());
    addEventListener("pageshow", (event) => event.persisted && this.#client?.connect());
    connectClipboard(
      find("terminal"),
      this.#view,
      (text) => void this.#pasteText(text),
      (reason) => this.#hint.show(reason),
    );
    this.#view.focus();
    await this.#logIn();
  }

  async #logIn() {
    this.#clearFailure();
    this.#status.show("connecting", "Connecting");
    const { state, home, first } = await logIn(this.#place);
    if (state === "password") {
      await this.#askForPassword();
      await this.#logIn();
      return;
    }
    if (state !== "ok") {
      this.#fail(FAILURES[state]);
      return;
    }
    if (!this.#place.isNamed && home !== null) this.#place.session = home;
    if (this.#place.share !== null) this.#place.terminal = await newestTerminal(this.#place.session);
    this.#connect(first);
  }

  async #askForPassword() {
    this.#status.show("failed", "Not logged in");
    await askForPassword(find("stage"), logInAs);
    this.#place.token = this.#place.share = null;
  }

  /**
   * @param {import("./error_view.js").Failure} failure
   * @param {string} [detail]
   */
  #fail(failure, detail) {
    this.#offline.hide();
    this.#status.show("failed", "Not connected");
    this.#status.transport(null);
    this.#clearFailure();
    this.#clearFailure = showFailure(find("stage"), failure, () => location.reload(), detail);
  }

  /** @param {import("./transports.js").Transport} [first] */
  #connect(first) {
    this.#client = makeClient(document.baseURI, this.#place.session, { first });
    this.#client.onstate = (state) => this.#linkChanged(state);
    this.#client.connect();
  }

  /** @param {import("./socket.js").SocketState | { name: "welcome" }} state */
  #linkChanged(state) {
    clearInterval(this.#countdown);
    this.#link = state.name;
    switch (state.name) {
      case "connecting":
        if (!this.#offline.isShown) this.#status.show("connecting", "Connecting");
        return;
      case "open":
      case "moving":
      case "moved":
      case "stayed":
        return;
      case "welcome":
        void this.#arrive();
        return;
      case "waiting":
        this.#showOffline(state.until);
        return;
      case "ended":
        void this.#explainEnd(state.code, state.reason);
    }
  }

  /** @param {number} until */
  #showOffline(until) {
    const update = () => {
      const seconds = Math.max(0, Math.ceil((until - this.#clock.now()) / 1000));
      const soon = seconds > 1 ? `in ${seconds} seconds` : "now";
      this.#offline.show("Offline: what you type does not arrive.", `Trying again ${soon}.`);
    };
    this.#status.show("offline", "Offline");
    this.#status.transport(null);
    update();
    this.#countdown = window.setInterval(update, 250);
  }

  /** The last attempt failed, or the server said not to come back: find out why. */
  async #explainEnd(/** @type {number} */ code, /** @type {string} */ reason) {
    if (code === 4001 || code === 4002 || code === 1008) this.#fail(FAILURES.refused, reason);
    else {
      const { state } = await logIn();
      if (this.#link !== "ended") return; // it has come back in the meantime
      const detail = reason || `It answers, but closed with code ${code}.`;
      if (state === "ok") this.#fail(FAILURES.refused, detail);
      else if (state === "password") location.reload(); // which asks for it
      else this.#fail(FAILURES[state]);
    }
  }

  /** There is a connection: go on where the last one broke, or begin. */
  async #arrive() {
    const client = this.#client;
    if (client === null) return;
    try {
      if (this.#attachment !== null) await client.resume();
      else if (this.#place.terminal !== null) await this.#attach(this.#place.terminal);
      else await this.#openNew();
      this.#online();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code === "not-found") await this.#replaceLost();
      else if (error.code !== "offline") this.#fail(FAILURES.refused, error.message);
    }
  }

  #online() {
    this.#clearFailure();
    this.#offline.hide();
    this.#status.show("online", "Connected");
    this.#status.transport(this.#client?.transport ?? null);
    this.#view.focus();
  }

  /** The terminal is gone, with its server or its time: say so, and begin anew. */
  async #replaceLost() {
    if (this.#attachment !== null) this.#client?.forget(this.#attachment);
    this.#attachment = null;
    this.#hint.show("The terminal that was here no longer exists; this is a new one.");
    await this.#openNew();
    this.#online();
  }

  async #openNew() {
    const client = this.#client;
    if (client === null) return;
    this.#early = [];
    this.#ended.hide();
    this.#view.focus();
    try {
      if (this.#attachment !== null) client.forget(this.#attachment);
      this.#attachment = null;
      const { rows, cols } = this.#view.own;
      const terminal = await client.open(rows, cols);
      await this.#attach(terminal, true);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== "offline") this.#fail(FAILURES.refused, error.message);
    } finally {
      const early = this.#early;
      this.#early = null;
      for (const data of early ?? []) this.#type(data);
    }
  }

  /** @param {string} terminal @param {boolean} [isFresh] */
  async #attach(terminal, isFresh = false) {
    const client = this.#client;
    if (client === null) return;
    const view = { ...this.#view.own, visible: !document.hidden };
    this.#attachment = await client.attach(terminal, this.#view, view, isFresh);
    this.#place.terminal = terminal;
    history.replaceState(null, "", formatPlace(this.#place.session, terminal));
    this.#tellSize();
    this.#view.focus();
  }

  #seen() {
    if (!document.hidden) this.#client?.connect();
    this.#tellSize();
  }

  #tellSize() {
    const attachment = this.#attachment;
    if (attachment === null) return;
    const view = { ...this.#view.own, visible: !document.hidden };
    const { rows, cols, visible } = attachment.view;
    if (view.rows === rows && view.cols === cols && view.visible === visible) return;
    attachment.resize(view);
  }

  // --- input

  /** @param {Uint8Array} data */
  #type(data) {
    const attachment = this.#attachment;
    if (attachment === null || !attachment.isLive) {
      this.#early?.push(data);
      return;
    }
    if (!attachment.controls) {
      this.#paste?.cancel();
      return;
    }
    if (data[0] === INTERRUPT) this.#paste?.cancel();
    if (!attachment.input.write(data)) {
      this.#hint.show("The program does not read what is typed; the last keys did not arrive.");
    }
  }

  // --- the others

  /**
   * @param {import("./wire.js").Notice} notice
   * @param {import("./wire.js").Viewer | null} own
   */
  #told(notice, own) {
    if (notice.type === "viewers") {
      this.#people.show(notice.data.viewers, own);
      this.#showTurn(notice.data.viewers, own);
      if (own !== null && !own.controls) this.#paste?.cancel();
    } else if (notice.type === "notification") {
      this.#hint.show([notice.data.title, notice.data.body].filter(Boolean).join(": "));
    }
  }

  /**
   * Says who has the keyboard where not everybody types, and what can be done about it.
   * @param {import("./wire.js").Viewer[]} viewers
   * @param {import("./wire.js").Viewer | null} own
   */
  #showTurn(viewers, own) {
    const asks = viewers.find(({ waits, id }) => waits && id !== own?.id);
    const holder = viewers.find(({ controls }) => controls);
    const bar = find("turn");
    const say = (/** @type {string} */ text, /** @type {HTMLElement[]} */ ...parts) => {
      bar.replaceChildren(element("span", { text }), ...parts);
    };
    bar.replaceChildren();
    this.#asked.hide();
    if (own === null || viewers.length < 2) return;
    if (own.role === "watcher") say("Watching");
    else if (!own.controls) {
      const who = holder === undefined ? "Nobody types" : `${holder.name} types`;
      const label = own.role === "owner" ? "Take the keyboard" : "Ask for the keyboard";
      if (own.waits) say(`${who}; you are next`);
      else say(who, button(label, () => void this.#control("request")));
    } else if (asks !== undefined) {
      this.#asks = asks.id;
      this.#asked.show(`${asks.name} asks for the keyboard.`);
    }
  }

  /**
   * @param {"request" | "release" | "grant" | "revoke"} action
   * @param {string} [to]
   */
  async #control(action, to) {
    try {
      await this.#attachment?.control(action, to);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#hint.show(error.message);
    }
    this.#view.focus();
  }

  /** @param {string} text */
  async #pasteText(text) {
    const attachment = this.#attachment;
    if (attachment !== null && !attachment.controls) return;
    if (attachment === null || !attachment.isLive || text === "" || this.#paste !== null) return;
    const paste = new Paste(attachment.input, text, this.#view.isBracketed);
    this.#paste = paste;
    const bar = /** @type {HTMLProgressElement} */ (element("progress"));
    bar.setAttribute("aria-label", "Pasting");
    const notice = new Notice(find("notices"), { name: "paste" }).add(
      bar,
      button("Cancel", () => paste.cancel()),
    );
    paste.onprogress = ({ done, total }) => {
      if (total <= LARGE_BYTES) return;
      bar.max = total;
      bar.value = done;
      notice.show(`Pasting ${kilobytes(done)} of ${kilobytes(total)}`);
    };
    const isWhole = await paste.run(() => attachment.isLive);
    this.#paste = null;
    notice.hide();
    if (!isWhole && !attachment.isLive) {
      this.#hint.show("The connection broke during a paste: only its beginning arrived.");
    }
    this.#view.focus();
  }

  /** @param {Exit} exit */
  #showEnd(exit) {
    const how = exit.signal === undefined ? `with exit code ${exit.code}` : `by signal ${exit.signal}`;
    this.#ended.show(`The program ended ${how}.`);
  }
}

/** @param {number} size */
function kilobytes(size) {
  return `${Math.round(size / 1024).toLocaleString()} KiB`;
}

void new Page().start();
