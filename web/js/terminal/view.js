/**
 * One emulator on the page; the only importer of xterm.js.
 */

import { FitAddon } from "../../vendor/addon-fit/addon-fit.mjs";
import { SearchAddon } from "../../vendor/addon-search/addon-search.mjs";
import { WebLinksAddon } from "../../vendor/addon-web-links/addon-web-links.mjs";
import { WebglAddon } from "../../vendor/addon-webgl/addon-webgl.mjs";
import { Terminal } from "../../vendor/xterm/xterm.mjs";
import { APPEARANCE, optionsOf } from "./appearance.js";
import { fromBase64 } from "../base64.js";
import { CommandMarks } from "./command_marks.js";
import { holdPlace, restorePlace } from "./held_place.js";
import { ligaturesIn } from "./ligatures.js";
import { openHidden, openShown } from "./links.js";
import { typedWithModifiers } from "./modified_keys.js";
import { guardErase } from "../erase.js";
import { muteImages, muteQueries } from "../queries.js";
import { Utf8Hold } from "../utf8.js";
import { VERSION, widthProvider } from "../widths.js";

/** The least time between two changes of size that the server is told of. */
const FIT_DELAY_MS = 50;

/** What the decoder of an image may hold, in pixels and in MB, whatever a program prints. */
const IMAGE_LIMITS = { pixelLimit: 16_777_216, storageLimit: 64, enableSizeReports: false };

/** The smallest letters that a terminal larger than the window is shown in; then it is scrolled. */
const LEAST_FONT_SIZE = 6;

/** @typedef {import("../page/preferences.js").Preferences} Preferences */
/** @typedef {import("../wire.js").Attached} Attached */
/** @typedef {import("../wire.js").Exit} Exit */
/** @typedef {import("../wire.js").Notice} Notice */
/** @typedef {import("../wire.js").Viewer} Viewer */

/** A terminal as it is seen: fulfils ``Screen`` of client.js. */
export class TerminalView {
  #host;
  #emulator;
  #fit = new FitAddon();
  #hold = new Utf8Hold();
  /** Where the user was, while the screen is drawn anew. @type {import("./held_place.js").HeldPlace | null} */
  #held = null;
  #abort = new AbortController();
  #fitTimer = 0;
  #own = { rows: 24, cols: 80 };
  #preferences;
  #look;
  /** For each write that is not parsed yet, whether its queries are muted. @type {boolean[]} */
  #writing = [];
  #isAnswered = false;
  /** Of a line, what fingers have moved and was not scrolled yet. */
  #unscrolled = 0;
  /** @type {import("../../vendor/addon-image/addon-image.mjs").ImageAddon | null} */
  #images = null;
  /** @type {number | null} */
  #joiner = null;

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
  /** @type {(text: string) => string} what a key types, as if modifiers were held besides */
  modify = (text) => text;
  /** @type {(text: string) => void} a program wants to fill the clipboard (OSC 52) */
  onclipboard = () => {};
  /** @type {() => void} new output was shown; not called for what is old */
  onoutput = () => {};

  /**
   * @param {HTMLElement} host
   * @param {Preferences} preferences
   * @param {import("../page/look.js").Look} look
   */
  constructor(host, preferences, look) {
    this.#host = host;
    this.#preferences = preferences;
    this.#look = look;
    this.#emulator = new Terminal({
      allowProposedApi: true,
      fontSize: preferences.get("fontSize"),
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      linkHandler: { activate: (_, address) => void openHidden(address) },
      ...optionsOf(preferences, look.name),
    });
    this.marks = new CommandMarks(this.#emulator, () => this.#writing[0] ?? false);
    look.changed.add(() => this.#restyle(), this.#abort.signal);
    preferences.changed.add((name) => this.#preferred(name), this.#abort.signal);
    this.#open();
    const isStale = muteQueries(
      this.#emulator,
      () => this.#writing[0] ?? false,
      () => this.#isAnswered,
    );
    const encoder = new TextEncoder();
    this.#emulator.onData((text) => {
      if (!isStale(text)) this.onkeys(encoder.encode(this.modify(text)));
    });
    this.#emulator.onBinary((text) =>
      this.onkeys(Uint8Array.from(text, (unit) => unit.charCodeAt(0))),
    );
    this.#emulator.onTitleChange((title) => this.ontitle(title));
    // How tests and scripts read what is on the screen, whichever renderer draws it.
    Object.defineProperty(host, "screenText", { get: () => this.text() });
    Object.defineProperty(host, "bufferText", { get: () => this.allText() });
    Object.defineProperty(host, "selectedText", { get: () => this.selection });
  }

  #open() {
    const emulator = this.#emulator;
    emulator.loadAddon(this.#fit);
    emulator.loadAddon(this.search);
    emulator.loadAddon(new WebLinksAddon((_, address) => openShown(address)));
    emulator.parser.registerOscHandler(52, (text) => this.#fillsClipboard(text));
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
    this.#restyle();
    this.#joinLigatures();
    if (this.#preferences.get("hasImages")) void this.#showImages();
    this.#measure();
    emulator.resize(this.#own.cols, this.#own.rows);
  }

  /** OSC 52 where the server leaves it to the page. @param {string} text */
  #fillsClipboard(text) {
    const [, encoded = ""] = text.split(";");
    try {
      const decoded = new TextDecoder().decode(fromBase64(encoded));
      if (decoded !== "") this.onclipboard(decoded);
    } catch {
      // No base64, or "?", which asks what is in the clipboard: it is never told.
    }
    return true;
  }

  /** The add-on is fetched when it is wanted; it draws nothing that came before. */
  async #showImages() {
    if (this.#images !== null) return;
    const { ImageAddon } = await import("../../vendor/addon-image/addon-image.mjs");
    if (this.#abort.signal.aborted || this.#images !== null) return;
    this.#images = new ImageAddon(IMAGE_LIMITS);
    this.#emulator.loadAddon(this.#images);
    muteImages(this.#emulator, () => this.#isAnswered || (this.#writing[0] ?? false));
  }

  #joinLigatures() {
    const isWanted = this.#preferences.get("hasLigatures");
    if (isWanted && this.#joiner === null) {
      this.#joiner = this.#emulator.registerCharacterJoiner(ligaturesIn);
    } else if (!isWanted && this.#joiner !== null) {
      this.#emulator.deregisterCharacterJoiner(this.#joiner);
      this.#joiner = null;
    }
  }

  /** The emulator, for what draws over it. */
  get emulator() {
    return this.#emulator;
  }

  /** The page's own window in cells. */
  get own() {
    return this.#own;
  }

  /** The terminal's own size, whatever the window's. */
  get size() {
    const { rows, cols } = this.#emulator;
    return { rows, cols };
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

  get isApplicationCursor() {
    return this.#emulator.modes.applicationCursorKeysMode;
  }

  /**
   * Scrolls as a finger does.
   * @param {number} pixels down, in CSS pixels
   * @param {number} x where, in CSS pixels of the window
   * @param {number} y
   */
  scrollBy(pixels, x, y) {
    const screen = this.#host.querySelector(".xterm-screen");
    if (screen === null) return;
    if (this.#emulator.buffer.active.type === "alternate" || this.hasMouse) {
      const how = { deltaY: pixels, clientX: x, clientY: y, bubbles: true, cancelable: true };
      screen.dispatchEvent(new WheelEvent("wheel", how));
      return;
    }
    this.#unscrolled += pixels / (screen.clientHeight / this.#emulator.rows);
    const lines = Math.trunc(this.#unscrolled);
    this.#unscrolled -= lines;
    if (lines !== 0) this.#emulator.scrollLines(lines);
  }

  /**
   * Selects the word at a point of the window, in CSS pixels.
   * @param {number} x
   * @param {number} y
   */
  selectWordAt(x, y) {
    const { rows, cols, buffer } = this.#emulator;
    const box = this.#host.querySelector(".xterm-screen")?.getBoundingClientRect();
    if (box === undefined) return;
    const row = Math.floor(((y - box.top) / box.height) * rows);
    const col = Math.floor(((x - box.left) / box.width) * cols);
    const line = buffer.active.viewportY + row;
    const [start, end] = wordAt(buffer.active.getLine(line), col, cols);
    if (end > start) this.#emulator.select(start, line, end - start);
  }

  get hasMouse() {
    return this.#emulator.modes.mouseTrackingMode !== "none";
  }

  /** @param {(event: KeyboardEvent) => boolean} handler false: the emulator does not see the key */
  onKey(handler) {
    this.#emulator.attachCustomKeyEventHandler((event) => {
      if (!handler(event)) return false;
      const typed = typedWithModifiers(event);
      if (typed === null) return true;
      event.preventDefault();
      this.#emulator.input(typed);
      return false;
    });
  }

  focus() {
    this.#emulator.focus();
  }

  clearScrollback() {
    this.#emulator.clear();
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
        this.marks.clear();
        this.#held ??= holdPlace(this.#emulator);
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
      this.marks.keep();
      this.#held ??= holdPlace(this.#emulator);
      this.#emulator.reset();
      this.#emulator.resize(cols, rows);
    });
    this.#write(this.#hold.take(vt), true, () => {
      this.marks.restore();
      const held = this.#held;
      this.#held = null;
      if (held !== null) restorePlace(this.#emulator, held);
      rendered();
    });
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
      this.onclipboard(notice.data.text);
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
    if (APPEARANCE.has(name)) this.#restyle();
    if (name === "hasLigatures") this.#joinLigatures();
    if (name === "hasImages" && this.#preferences.get("hasImages")) void this.#showImages();
    if (name === "fontSize") this.#letterbox();
    if (name === "fontSize" || name === "fontFamily" || name === "lineHeight") this.#fitSoon();
  }

  #restyle() {
    Object.assign(this.#emulator.options, optionsOf(this.#preferences, this.#look.name));
    const { background } = this.#emulator.options.theme ?? {};
    this.#host.parentElement?.style.setProperty("--terminal-ground", background ?? "");
  }

  /** Measures the window; whether it has changed. */
  #measure() {
    const { options } = this.#emulator;
    const usual = this.#preferences.get("fontSize");
    const shown = options.fontSize ?? usual;
    // In letters of the usual size, whatever size they are shown in: a cell is of whole pixels, so
    // how many of the one fit says nothing exact of the other.
    options.fontSize = usual;
    const fit = this.#fit.proposeDimensions();
    options.fontSize = shown;
    if (!fit || !Number.isFinite(fit.rows) || !Number.isFinite(fit.cols)) return false;
    const rows = Math.min(500, Math.max(1, fit.rows));
    const cols = Math.min(1000, Math.max(1, fit.cols));
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

/**
 * @param {import("../../vendor/xterm/xterm.mjs").IBufferLine | undefined} line
 * @param {number} col
 * @param {number} cols
 * @returns {[number, number]} the first column of the word there, and the one behind its last
 */
function wordAt(line, col, cols) {
  const isWord = (/** @type {number} */ at) => /[^\s"'`()[\]{}<>|;,]/.test(line?.getCell(at)?.getChars() ?? "");
  let [start, end] = [col, col];
  while (start > 0 && isWord(start - 1)) start -= 1;
  while (end < cols && isWord(end)) end += 1;
  return isWord(col) ? [start, end] : [col, col];
}
