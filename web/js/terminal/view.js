/**
 * One emulator on the page; the only importer of xterm.js.
 */

import { ClipboardAddon } from "../../vendor/addon-clipboard/addon-clipboard.mjs";
import { FitAddon } from "../../vendor/addon-fit/addon-fit.mjs";
import { SearchAddon } from "../../vendor/addon-search/addon-search.mjs";
import { WebLinksAddon } from "../../vendor/addon-web-links/addon-web-links.mjs";
import { WebglAddon } from "../../vendor/addon-webgl/addon-webgl.mjs";
import { Terminal } from "../../vendor/xterm/xterm.mjs";
import { guardErase } from "../erase.js";
import { muteQueries } from "../queries.js";
import { themeFor } from "./themes.js";
import { Utf8Hold } from "../utf8.js";
import { VERSION, widthProvider } from "../widths.js";

/** The least time between two changes of size that the server is told of. */
const FIT_DELAY_MS = 50;

/** The most that a program may put into the clipboard at once. */
const CLIPBOARD_CHARACTERS = 1024 * 1024;

/** The smallest letters that a terminal larger than the window is shown in; then it is scrolled. */
const LEAST_FONT_SIZE = 6;

const FONT =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';

/** @typedef {import("../page/preferences.js").Preferences} Preferences */
/** @typedef {import("../wire.js").Attached} Attached */
/** @typedef {import("../wire.js").Exit} Exit */
/** @typedef {import("../wire.js").Notice} Notice */
/** @typedef {import("../wire.js").Viewer} Viewer */

/** The clipboard as programs see it (OSC 52): they may fill it, and never learn what is in it. */
const writeOnlyClipboard = {
  readText: () => "",
  /** @param {string} _ @param {string} text */
  writeText: async (_, text) => {
    if (text.length <= CLIPBOARD_CHARACTERS) await navigator.clipboard.writeText(text).catch(() => {});
  },
};

/** A terminal as it is seen: fulfils ``Screen`` of client.js. */
export class TerminalView {
  #host;
  #emulator;
  #fit = new FitAddon();
  #hold = new Utf8Hold();
  #abort = new AbortController();
  #fitTimer = 0;
  #own = { rows: 24, cols: 80 };
  #preferences;
  /** For each write that is not parsed yet, whether its queries are muted. @type {boolean[]} */
  #writing = [];
  #isAnswered = false;

  search = new SearchAddon();

  /** @type {(data: Uint8Array) => void} */
  onkeys = () => {};
  /** @type {(rows: number, cols: number) => void} */
  onfit = () => {};
  /** @type {(title: string) => void} */
  ontitle = () => {};
  /** @type {(exit: Exit) => void} */
  onexit = () => {};
  /** @type {(notice: Notice, own: Viewer | null) => void} */
  ontold = () => {};
  /** @type {() => void} new output was shown; not called for what is old */
  onoutput = () => {};

  /**
   * @param {HTMLElement} host
   * @param {Preferences} preferences
   */
  constructor(host, preferences) {
    this.#host = host;
    this.#preferences = preferences;
    const scheme = window.matchMedia("(prefers-color-scheme: light)");
    this.#emulator = new Terminal({
      allowProposedApi: true,
      cursorBlink: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: FONT,
      fontSize: preferences.get("fontSize"),
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      scrollback: 10_000,
      theme: themeFor(scheme.matches),
    });
    scheme.addEventListener(
      "change",
      () => (this.#emulator.options.theme = themeFor(scheme.matches)),
      { signal: this.#abort.signal },
    );
    preferences.changed.add((name) => this.#preferred(name), this.#abort.signal);
    this.#open();
    const isStale = muteQueries(
      this.#emulator,
      () => this.#writing[0] ?? false,
      () => this.#isAnswered,
    );
    const encoder = new TextEncoder();
    this.#emulator.onData((text) => {
      if (!isStale(text)) this.onkeys(encoder.encode(text));
    });
    this.#emulator.onBinary((text) =>
      this.onkeys(Uint8Array.from(text, (unit) => unit.charCodeAt(0))),
    );
    this.#emulator.onTitleChange((title) => this.ontitle(title));
    // How tests and scripts read what is on the screen, whichever renderer draws it.
    Object.defineProperty(host, "screenText", { get: () => this.text() });
    Object.defineProperty(host, "bufferText", { get: () => this.allText() });
  }

  #open() {
    const emulator = this.#emulator;
    emulator.loadAddon(this.#fit);
    emulator.loadAddon(this.search);
    emulator.loadAddon(new ClipboardAddon(undefined, writeOnlyClipboard));
    emulator.loadAddon(new WebLinksAddon());
    guardErase(emulator);
    emulator.unicode.register(widthProvider);
    emulator.unicode.activeVersion = VERSION;
    emulator.open(this.#host);
    try {
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => webgl.dispose()); // the DOM renderer takes over
      emulator.loadAddon(webgl);
    } catch {
      // No WebGL here: the DOM renderer stays.
    }
    const observer = new ResizeObserver(() => this.#fitSoon());
    observer.observe(this.#host);
    this.#abort.signal.addEventListener("abort", () => observer.disconnect());
    document.fonts.addEventListener("loadingdone", () => this.#fitSoon(), {
      signal: this.#abort.signal,
    });
    this.#measure();
    emulator.resize(this.#own.cols, this.#own.rows);
  }

  /** The page's own window in cells. */
  get own() {
    return this.#own;
  }

  get hasSelection() {
    return this.#emulator.hasSelection();
  }

  get selection() {
    return this.#emulator.getSelection();
  }

  get isBracketed() {
    return this.#emulator.modes.bracketedPasteMode;
  }

  get hasMouse() {
    return this.#emulator.modes.mouseTrackingMode !== "none";
  }

  /** @param {(event: KeyboardEvent) => boolean} handler false: the emulator does not see the key */
  onKey(handler) {
    this.#emulator.attachCustomKeyEventHandler(handler);
  }

  focus() {
    this.#emulator.focus();
  }

  clearSelection() {
    this.#emulator.clearSelection();
  }

  /** What is visible, a line a row, without trailing spaces. */
  text() {
    const buffer = this.#emulator.buffer.active;
    const lines = [];
    for (let row = 0; row < this.#emulator.rows; row++) {
      lines.push(buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? "");
    }
    return lines.join("\n");
  }

  /** Scrollback and screen, a line a row, without trailing spaces. */
  allText() {
    const buffer = this.#emulator.buffer.active;
    const lines = [];
    for (let row = 0; row < buffer.length; row++) {
      lines.push(buffer.getLine(row)?.translateToString(true) ?? "");
    }
    return lines.join("\n");
  }

  // --- Screen of client.js

  /**
   * @param {Attached} attached
   * @param {boolean} isResume
   */
  attached({ rows, cols, answers }, isResume) {
    this.#isAnswered = answers;
    if (!isResume) {
      this.#hold.flush();
      this.#inTurn(() => {
        this.#emulator.reset();
        this.ontitle("");
      });
    }
    this.resized(rows, cols);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {boolean} isOld
   * @param {() => void} rendered
   */
  output(bytes, isOld, rendered) {
    this.#write(this.#hold.take(bytes), isOld, rendered);
    if (!isOld && bytes.length > 0) this.onoutput();
  }

  /**
   * @param {number} rows
   * @param {number} cols
   * @param {Uint8Array} vt
   * @param {() => void} rendered
   */
  snapshot(rows, cols, vt, rendered) {
    this.#hold.flush();
    this.#inTurn(() => {
      this.#emulator.reset();
      this.#emulator.resize(cols, rows);
    });
    this.#write(this.#hold.take(vt), true, rendered);
  }

  /**
   * @param {number} rows
   * @param {number} cols
   */
  resized(rows, cols) {
    this.#inTurn(() => {
      if (rows !== this.#emulator.rows || cols !== this.#emulator.cols) {
        this.#emulator.resize(cols, rows);
      }
      this.#letterbox();
    });
  }

  /**
   * @param {Notice} notice
   * @param {Viewer | null} own
   */
  told(notice, own) {
    if (notice.type === "clipboard" && notice.data.selection === "clipboard") {
      void writeOnlyClipboard.writeText("c", notice.data.text);
    }
    this.ontold(notice, own);
  }

  /** @param {Exit} exit */
  exited(exit) {
    this.#write(this.#hold.flush(), true, () => this.onexit(exit));
  }

  /**
   * @param {Uint8Array} bytes
   * @param {boolean} isMuted
   * @param {() => void} done
   */
  #write(bytes, isMuted, done) {
    this.#writing.push(isMuted);
    this.#emulator.write(bytes, () => {
      this.#writing.shift();
      done();
    });
  }

  /**
   * Does something at its place in the stream: behind what was written, before what will be.
   * @param {() => void} act
   */
  #inTurn(act) {
    if (this.#writing.length === 0) act();
    else this.#write(new Uint8Array(0), true, act);
  }

  // --- size

  #fitSoon() {
    if (this.#fitTimer !== 0) return;
    this.#fitTimer = window.setTimeout(() => {
      this.#fitTimer = 0;
      if (!this.#measure()) return;
      this.#letterbox();
      this.onfit(this.#own.rows, this.#own.cols);
    }, FIT_DELAY_MS);
  }

  /** @param {keyof import("../page/preferences.js").Values} name */
  #preferred(name) {
    if (name !== "fontSize") return;
    this.#letterbox();
    this.#fitSoon();
  }

  /** Measures the window; whether it has changed. */
  #measure() {
    const fit = this.#fit.proposeDimensions();
    if (!fit || !Number.isFinite(fit.rows) || !Number.isFinite(fit.cols)) return false;
    // The window is measured in letters of the usual size, whatever size they are shown in.
    const usual = this.#preferences.get("fontSize");
    const scale = (this.#emulator.options.fontSize ?? usual) / usual;
    const rows = Math.min(500, Math.max(1, Math.floor(fit.rows * scale)));
    const cols = Math.min(1000, Math.max(1, Math.floor(fit.cols * scale)));
    if (rows === this.#own.rows && cols === this.#own.cols) return false;
    this.#own = { rows, cols };
    return true;
  }

  /** Shows the terminal at its true size: where it ends, or in smaller letters if it must be. */
  #letterbox() {
    const { rows, cols } = this.#emulator;
    const differs = rows !== this.#own.rows || cols !== this.#own.cols;
    const scale = Math.min(1, this.#own.rows / rows, this.#own.cols / cols);
    const usual = this.#preferences.get("fontSize");
    const fontSize = Math.max(LEAST_FONT_SIZE, Math.floor(usual * scale * 2) / 2);
    if (this.#emulator.options.fontSize !== fontSize) this.#emulator.options.fontSize = fontSize;
    this.#host.toggleAttribute("data-letterboxed", differs);
    this.#host.toggleAttribute("data-scrolled", usual * scale < LEAST_FONT_SIZE);
  }

  dispose() {
    this.#abort.abort();
    window.clearTimeout(this.#fitTimer);
    this.#emulator.dispose();
  }
}
