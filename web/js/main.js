/**
 * The page's composition root: log in, then show the place that the address names.
 */

import { FAILURES, showFailure } from "./error_view.js";
import { RequestError } from "./client.js";
import { logIn, logInAs, logOut, newestTerminal } from "./login.js";
import { askForPassword } from "./login_form.js";
import { Commands } from "./page/commands.js";
import { Frame } from "./page/frame.js";
import { HomePage } from "./page/home_page.js";
import { LinkView } from "./page/link_view.js";
import { pageCommands } from "./page/palette.js";
import { Look } from "./page/look.js";
import { pageMenu } from "./page/page_menu.js";
import { Preferences } from "./page/preferences.js";
import { SessionPage } from "./page/session_page.js";
import { parsePlace } from "./place.js";
import { followVisualViewport } from "./touch/visual_viewport.js";
import { button } from "./ui/dom.js";
import { Notice } from "./ui/notice.js";

/** @typedef {import("./page/context.js").PageContext} PageContext */

class App {
  #frame = new Frame();
  #link = new LinkView(this.#frame.link);
  #storage = storage();
  #preferences = new Preferences(this.#storage);
  #look = new Look(this.#preferences);
  #commands = new Commands();
  #said = new Notice(this.#frame.notices, { name: "said" }).add(
    button("Close", () => this.#said.hide()),
  );
  /** @type {SessionPage | HomePage | null} */
  #shown = null;
  /** @type {import("./login.js").Login | null} */
  #login = null;
  /** Counts the places gone to: one that is slow to show must not show over the next. */
  #turn = 0;

  async start() {
    followVisualViewport();
    this.#frame.menu.append(pageMenu(this.#commands, () => void this.#logOut()));
    addEventListener("hashchange", () => void this.#go());
    this.#commands.add(pageCommands(this.#commands, (hash) => (location.hash = hash)));
    addEventListener("storage", () => this.#preferences.refresh());
    // Before the emulator sees it: a shortcut is not for the shell.
    addEventListener(
      "keydown",
      (event) => {
        if (document.querySelector("dialog:modal") !== null) return;
        if (!this.#commands.handle(event)) return;
        event.preventDefault();
        event.stopPropagation();
      },
      { capture: true },
    );
    await this.#go();
  }

  /** Shows what the address names, after a login if it holds the means for one. */
  async #go() {
    const place = parsePlace(location.hash);
    const turn = ++this.#turn;
    const isLogin = place.token !== null || place.share !== null;
    if (isLogin) history.replaceState(null, "", location.pathname + location.search);
    const isHere = !isLogin && this.#shown instanceof SessionPage && this.#shown.goTo(place);
    if (isHere) return;
    this.#shown?.dispose();
    this.#shown = null;
    this.#frame.clear();
    if (this.#login === null || isLogin) this.#login = await this.#logIn(place);
    const { home, user, first, state } = this.#login;
    if (state !== "ok" || user === null) {
      this.#login = null;
      return;
    }
    if (!place.isNamed && home !== null) place.session = home;
    if (place.share !== null) place.terminal = await newestTerminal(place.session);
    if (turn !== this.#turn) return;
    /** @type {PageContext} */
    const context = {
      preferences: this.#preferences,
      look: this.#look,
      commands: this.#commands,
      storage: this.#storage,
      user,
      say: (text) => this.#said.show(text),
      attempt: (work) => void work.catch((error) => this.#explain(error)),
      go: (hash) => {
        location.hash = hash;
      },
    };
    if (place.isHome) this.#shown = new HomePage(this.#frame, context);
    else this.#shown = new SessionPage(this.#frame, context, place, first);
    void this.#shown.start();
  }

  async #logOut() {
    await logOut();
    history.replaceState(null, "", document.baseURI);
    location.reload(); // it asks for a login now
  }

  /** @param {unknown} error */
  #explain(error) {
    if (!(error instanceof RequestError)) throw error;
    this.#said.show(error.message);
  }

  /**
   * @param {import("./login.js").Secrets} [secrets]
   * @returns {Promise<import("./login.js").Login>}
   */
  async #logIn(secrets) {
    this.#link.show("connecting", "Connecting");
    const login = await logIn(secrets);
    if (login.state === "password") {
      this.#link.show("failed", "Not logged in");
      await askForPassword(this.#frame.stage, logInAs);
      return this.#logIn();
    }
    if (login.state !== "ok") {
      this.#link.show("failed", "Not connected");
      this.#link.transport(null);
      showFailure(this.#frame.stage, FAILURES[login.state], () => location.reload());
    }
    return login;
  }
}

/** @returns {Storage | null} null where the browser forbids it */
function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

void new App().start();
