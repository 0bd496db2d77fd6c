/**
 * One terminal on the page: its emulator, its attachment, and what is typed and pasted into it.
 */

import { RequestError } from "../client.js";
import { Listeners } from "../listeners.js";
import { LARGE_BYTES, Paste } from "../paste.js";
import { button, element } from "../ui/dom.js";
import { openMenu } from "../ui/menu.js";
import { Notice } from "../ui/notice.js";
import { ring } from "./bell.js";
import { connectGestures } from "../touch/gestures.js";
import { Modifiers } from "../touch/modifiers.js";
import { connectSoftKeyboard } from "../touch/soft_keyboard.js";
import { connectClipboard } from "./clipboard.js";
import { MarkGutter } from "./mark_gutter.js";
import { SearchBar } from "./search_bar.js";
import { TerminalView } from "./view.js";

/** @typedef {import("../attachment.js").Attachment} Attachment */
/** @typedef {import("../client.js").BridgeClient} BridgeClient */
/** @typedef {import("../wire.js").Exit} Exit */
/** @typedef {import("../wire.js").Notice} ToldNotice */
/** @typedef {import("../wire.js").Viewer} Viewer */

const INTERRUPT = 0x03;

export class TerminalPane {
  /** @type {Attachment | null} */
  #attachment = null;
  /** @type {Paste | null} */
  #paste = null;
  /** Keys typed while the terminal is being opened; null when none is. @type {Uint8Array[] | null} */
  #early = null;
  #client;
  #notices;
  #hint;
  #ended;
  #isShown = true;
  #isDisposed = false;
  #abort = new AbortController();
  #preferences;
  #clipboardAsked;
  /** What a program wants to put into the clipboard, while the user is asked. */
  #clipboardText = "";

  /** Empty until the terminal has been opened. */
  terminalID = "";
  /** As the program says; any text. */
  title = "";
  /** @type {Exit | null} */
  exit = null;
  /** Who views the terminal, as the server tells all. @type {Viewer[]} */
  viewers = [];
  /** Whether there is output, or a bell, that was not on the screen yet. */
  hasNews = false;
  hasBell = false;
  /** How far the program says it is (OSC 9;4). @type {{ state: string, percent?: number } | null} */
  progress = null;

  /** @type {Listeners<[]>} something of the above has changed */
  changed = new Listeners();
  /** @type {Listeners<[ToldNotice]>} */
  told = new Listeners();
  /** @type {Listeners<[]>} the pane was clicked or focused */
  focused = new Listeners();
  /**
   * Something was typed that went nowhere, or, when the link broke, perhaps nowhere ("uncertain").
   * @type {Listeners<["offline" | "denied" | "uncertain"]>}
   */
  unheard = new Listeners();
  /** @type {() => void} the program has ended, and another is wanted in its place */
  onrunagain = () => {};

  /**
   * @param {BridgeClient} client
   * @param {import("../page/preferences.js").Preferences} preferences
   * @param {import("../page/look.js").Look} look
   * @param {Modifiers} [modifiers] held on the bar of keys
   */
  constructor(client, preferences, look, modifiers = new Modifiers()) {
    this.#client = client;
    this.host = element("div", { className: "pane-terminal" });
    this.#notices = element("div", { className: "notices" });
    this.element = element("section", { className: "pane" }, this.host, this.#notices);
    this.#preferences = preferences;
    this.view = new TerminalView(this.host, preferences, look);
    this.search = new SearchBar(this.element, this.view.search, () => this.focus());
    this.gutter = new MarkGutter(this.view.emulator, this.view.marks, {
      copy: (text) => void this.#copy(text),
      type: (text) => void this.paste(text),
    });
    this.gutter.isShown = preferences.get("hasCommandMarks");
    preferences.changed.add((name) => {
      if (name === "hasCommandMarks") this.gutter.isShown = preferences.get(name);
    }, this.#abort.signal);
    this.#clipboardAsked = new Notice(this.#notices, { name: "clipboard" }).add(
      button("Allow", () => this.#answerClipboard("once"), "primary"),
      button("Always", () => this.#answerClipboard("always")),
      button("Never", () => this.#answerClipboard("never")),
    );
    this.view.onclipboard = (text) => this.#wantsClipboard(text);
    this.#hint = new Notice(this.#notices, { name: "hint" }).add(
      button("Close", () => this.#hint.hide()),
    );
    this.#ended = new Notice(this.#notices, { name: "ended" }).add(
      button("Run again", () => this.onrunagain(), "primary"),
    );
    this.view.onkeys = (data) => this.type(data);
    this.view.onfit = () => this.tellSize();
    this.view.emulator.onResize(() => this.changed.tell()); // whose window rules may be another now
    this.view.ontitle = (title) => this.#titled(title);
    this.view.ontold = (notice) => this.#hear(notice);
    this.view.onexit = (exit) => this.#hasEnded(exit);
    this.view.onoutput = () => this.#hasPrinted();
    this.element.addEventListener("focusin", () => this.focused.tell());
    this.view.modify = (text) => modifiers.apply(text);
    this.#connectTouch(preferences);
    connectClipboard(
      this.host,
      this.view,
      (text) => void this.paste(text),
      (reason) => this.hint(reason),
      () => preferences.get("isCopyOnSelect"),
    );
  }

  /** @param {import("../page/preferences.js").Preferences} preferences */
  #connectTouch(preferences) {
    const { signal } = this.#abort;
    connectGestures(this.host, {
      onscroll: (pixels, x, y) => this.view.scrollBy(pixels, x, y),
      preferences,
      onpress: (x, y) => this.view.selectWordAt(x, y),
      onrelease: (x, y) => this.#openTouchMenu(x, y),
      signal,
    });
    const field = this.view.emulator.textarea;
    if (field === undefined) return;
    connectSoftKeyboard(field, (text) => this.type(new TextEncoder().encode(text)), signal);
  }

  /** @param {number} x @param {number} y */
  #openTouchMenu(x, y) {
    const { selection } = this.view;
    /** @type {import("../ui/menu.js").Item[]} */
    const items = [
      { text: "Paste", act: () => void this.pasteFromClipboard() },
      { text: "Select all", act: () => this.view.emulator.selectAll() },
      { text: "Search", icon: "search", act: () => this.search.open(selection) },
    ];
    if (selection !== "") items.unshift({ text: "Copy", icon: "copy", act: () => void this.#copy(selection) });
    openMenu(this.host, items, { label: "Terminal", at: { x, y }, onclose: () => this.focus() });
  }

  async pasteFromClipboard() {
    try {
      await this.paste(await navigator.clipboard.readText());
    } catch {
      this.hint("The browser does not let this page read the clipboard.");
    }
  }

  /** This viewer, as the server tells all; null before it has. */
  get own() {
    return this.#attachment?.own ?? null;
  }

  /** Whether what is typed reaches the server now. */
  get isLive() {
    return this.#attachment?.isLive ?? false;
  }

  /**
   * Starts a terminal and views it from its first byte. What is typed meanwhile is not lost.
   * @param {import("../wire.js").Program | Promise<import("../wire.js").Program>} [program]
   * @throws {RequestError}
   */
  async open(program) {
    this.#early = [];
    try {
      const { rows, cols } = this.view.own;
      await this.attach(await this.#client.open(rows, cols, await program), true);
    } finally {
      const early = this.#early ?? [];
      this.#early = null;
      for (const data of early) this.type(data);
    }
  }

  /**
   * Views a terminal, now and after every cut.
   * @param {string} terminalID
   * @param {boolean} [isFresh] it was just opened by this page
   * @throws {RequestError} ``not-found`` and what else the server says
   */
  async attach(terminalID, isFresh = false) {
    this.terminalID = terminalID;
    this.element.dataset["terminal"] = terminalID;
    this.#attachment = await this.#client.attach(terminalID, this.view, this.#window, isFresh);
    this.#attachment.onuncertain = () => this.unheard.tell("uncertain");
    this.tellSize();
    this.changed.tell();
  }

  get #window() {
    return { ...this.view.own, visible: this.#isShown && !document.hidden };
  }

  /** Whether it is on the page, and not behind another one. */
  get isShown() {
    return this.#isShown;
  }

  set isShown(isShown) {
    this.#isShown = isShown;
    if (isShown) this.#seen();
    this.tellSize();
  }

  #seen() {
    if (!this.hasNews && !this.hasBell) return;
    this.hasNews = this.hasBell = false;
    this.changed.tell();
  }

  /** Tells the server how large the window is and whether somebody may see it, if that has changed. */
  tellSize() {
    const attachment = this.#attachment;
    if (attachment === null) return;
    const view = this.#window;
    const { rows, cols, visible } = attachment.view;
    if (view.rows === rows && view.cols === cols && view.visible === visible) return;
    attachment.resize(view);
  }

  focus() {
    this.view.focus();
  }

  /** @param {string} text what the user should know; it can be closed */
  hint(text) {
    this.#hint.show(text);
  }

  // --- input

  /** @param {Uint8Array} data */
  type(data) {
    const attachment = this.#attachment;
    if (attachment === null || !attachment.isLive) {
      if (this.#early !== null) this.#early.push(data);
      else this.unheard.tell("offline");
      return;
    }
    if (!attachment.controls) {
      this.#paste?.cancel();
      this.unheard.tell("denied");
      return;
    }
    if (data[0] === INTERRUPT) this.#paste?.cancel();
    if (!attachment.input.write(data)) {
      this.hint("The program does not read what is typed; the last keys did not arrive.");
    }
  }

  /** @param {string} text */
  async paste(text) {
    const attachment = this.#attachment;
    if (text === "" || this.#paste !== null) return;
    if (attachment !== null && attachment.isLive && !attachment.controls) this.unheard.tell("denied");
    else if (!attachment?.isLive) this.unheard.tell("offline");
    if (attachment === null || !attachment.isLive || !attachment.controls) return;
    const paste = new Paste(attachment.input, text, this.view.isBracketed);
    this.#paste = paste;
    const bar = element("progress", { attributes: { "aria-label": "Pasting" } });
    const notice = new Notice(this.#notices, { name: "paste" }).add(
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
      this.hint("The connection broke during a paste: only its beginning arrived.");
    }
    this.view.focus();
  }

  /**
   * Asks for the keyboard, gives it back, hands it on, or takes it.
   * @param {"request" | "release" | "grant" | "revoke"} action
   * @param {string} [to] a viewer's id
   */
  async control(action, to) {
    this.view.focus(); // before the answer: keys until then would go nowhere
    try {
      await this.#attachment?.control(action, to);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.hint(error.message);
    }
  }

  // --- the clipboard

  /** @param {string} text of a program (OSC 52) */
  #wantsClipboard(text) {
    const rule = this.#preferences.get("clipboardWrites");
    if (rule === "never") return;
    this.#clipboardText = text;
    if (rule === "always") void this.#copy(text);
    else {
      this.#clipboardAsked.show(
        `The program wants to put ${text.length.toLocaleString()} characters into the clipboard.`,
      );
    }
  }

  /** @param {"once" | "always" | "never"} answer */
  #answerClipboard(answer) {
    this.#clipboardAsked.hide();
    if (answer !== "once") this.#preferences.set("clipboardWrites", answer);
    if (answer !== "never") void this.#copy(this.#clipboardText);
    this.#clipboardText = "";
    this.focus();
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.hint("The browser does not let this page fill the clipboard now.");
    }
  }

  // --- what the terminal tells

  /** @param {string} title */
  #titled(title) {
    if (this.title === title) return;
    this.title = title;
    this.element.setAttribute("aria-label", title === "" ? "Terminal" : `Terminal: ${title}`);
    this.changed.tell();
  }

  /** @param {ToldNotice} notice */
  #hear(notice) {
    switch (notice.type) {
      case "viewers":
        this.viewers = notice.data.viewers;
        if (this.own !== null && !this.own.controls) this.#paste?.cancel();
        this.changed.tell();
        break;
      case "bell":
        if (!this.#isShown || document.hidden) this.hasBell = true;
        ring(this.element, this.#preferences.get("bell"));
        this.changed.tell();
        break;
      case "progress": {
        const { state, percent } = notice.data;
        this.progress = state === "none" ? null : { state, ...(percent !== undefined && { percent }) };
        this.changed.tell();
        break;
      }
      case "notification":
        this.hint([notice.data.title, notice.data.body].filter(Boolean).join(": "));
        break;
    }
    this.told.tell(notice);
  }

  #hasPrinted() {
    if (this.#isShown || this.hasNews) return;
    this.hasNews = true;
    this.changed.tell();
  }

  /** @param {Exit} exit */
  #hasEnded(exit) {
    this.exit = exit;
    const how = exit.signal === undefined ? `with exit code ${exit.code}` : `by signal ${exit.signal}`;
    this.#ended.show(`The program ended ${how}.`);
    this.changed.tell();
  }

  /** The server knows the terminal no more, as after a restart: what it has shown stays to be read. */
  lose() {
    this.#attachment = null;
    this.exit = {};
    this.#ended.show("The server was started anew, and what ran here is gone. What it printed is still here.");
    this.changed.tell();
  }

  /** Leaves the terminal, which goes on without this page. */
  dispose() {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#abort.abort();
    this.#paste?.cancel();
    if (this.#attachment !== null) this.#client.forget(this.#attachment);
    this.#attachment = null;
    this.view.dispose();
    this.element.remove();
  }
}

/** @param {number} size */
function kilobytes(size) {
  return `${Math.round(size / 1024).toLocaleString()} KiB`;
}
