/**
 * The files beside a terminal: look through directories, download, upload.
 */

import { openDialog } from "../ui/dialog.js";
import { button, element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { FileError } from "./file_server.js";
import { formatSize, joined, parentOf } from "./sizes.js";

/** @typedef {import("./file_server.js").Entry} Entry */
/** @typedef {import("./file_server.js").FileServer} FileServer */

/**
 * @typedef {object} Uses
 * @property {FileServer} server
 * @property {string} terminalID
 * @property {(path: string) => Promise<void>} download
 * @property {(directory: string) => void} upload asks for files, which go there
 */

export class FilesDialog {
  #uses;
  #abort = new AbortController();
  #path = element("input", { attributes: { "aria-label": "Directory", spellcheck: "false", autocapitalize: "off" } });
  #up = iconButton("up", "The directory above", () => void this.#go(parentOf(this.#folder ?? "/")), "quiet");
  #list = element("ul", { className: "files-list" });
  #status = element("p", { className: "hint", attributes: { role: "status" } });
  /** What is shown; null until something is. @type {string | null} */
  #folder = null;
  #asked = 0;
  #upload = button("Upload files here", () => {
    if (this.#folder === null) return;
    this.#abort.abort();
    this.#uses.upload(this.#folder);
  });

  /** @param {Uses} uses */
  constructor(uses) {
    this.#uses = uses;
    this.#upload.disabled = this.#up.disabled = true;
    this.#path.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // it would close the dialog
      void this.#go(this.#path.value);
    });
  }

  /** Shows it until it is closed. @param {AbortSignal} signal closes it */
  async open(signal) {
    signal.addEventListener("abort", () => this.#abort.abort(), { once: true });
    const opened = openDialog({
      title: "Files",
      className: "files",
      body: [element("div", { className: "files-where" }, this.#up, this.#path), this.#list, this.#status, this.#upload],
      signal: this.#abort.signal,
    });
    void this.#go();
    await opened;
  }

  /** @param {string} [path] without it, where the terminal is */
  async #go(path) {
    const asked = ++this.#asked;
    this.#status.textContent = "Looking …";
    try {
      const folder = await this.#uses.server.list(this.#uses.terminalID, path);
      if (asked !== this.#asked) return; // another one was asked for meanwhile
      this.#folder = this.#path.value = folder.path;
      this.#path.scrollLeft = this.#path.scrollWidth; // its end tells more
      this.#upload.disabled = false;
      this.#up.disabled = folder.path === "/";
      this.#list.replaceChildren(...folder.entries.map((entry) => this.#row(entry)));
      this.#list.scrollTop = 0;
      const count = folder.entries.length;
      this.#say(
        !folder.complete ? `The first ${count} of more entries.` : count === 0 ? "Nothing is here." : "",
      );
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (asked === this.#asked) this.#say(error.message, true);
    }
  }

  /** @param {string} text @param {boolean} [isBad] */
  #say(text, isBad = false) {
    this.#status.textContent = text;
    this.#status.hidden = text === "";
    this.#status.classList.toggle("bad", isBad);
  }

  /** @param {Entry} entry */
  #row({ name, kind, size, modified }) {
    const path = joined(this.#folder ?? "/", name);
    const when = new Date(modified);
    const act = kind === "file" ? () => this.#download(path) : () => this.#open(path);
    const row = element(
      "button",
      {
        className: "files-row",
        title: kind === "file" ? `Download ${name}` : name,
        attributes: { type: "button" },
        on: { click: () => void act() },
      },
      icon(kind === "directory" ? "folder" : kind === "link" ? "link" : "file"),
      element("span", { className: "files-name", text: name }),
      element("span", { className: "files-size", text: kind === "file" ? formatSize(size) : "" }),
      element("time", {
        className: "files-time",
        text: when.toLocaleDateString(undefined, { dateStyle: "medium" }),
        title: when.toLocaleString(),
        attributes: { datetime: when.toISOString() },
      }),
    );
    row.disabled = kind === "other";
    return element("li", {}, row);
  }

  /** Opens a directory; where a link leads is seen then. @param {string} path */
  async #open(path) {
    try {
      await this.#uses.server.check(this.#uses.terminalID, path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#say(error.message, true);
      return;
    }
    await this.#go(path);
  }

  /** @param {string} path */
  async #download(path) {
    try {
      await this.#uses.download(path);
      this.#say("");
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#say(error.message, true);
    }
  }
}
