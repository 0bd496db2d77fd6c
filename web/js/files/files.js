/**
 * Files to and from where a terminal is, as a part of the session's page: a button, drops, what
 * programs offer, and the list of uploads.
 */

import { systemClock } from "../socket.js";
import { element, iconButton } from "../ui/dom.js";
import { chooseFiles, takeDrops } from "./drop_target.js";
import { FileError, FileServer } from "./file_server.js";
import { FilesDialog } from "./files_dialog.js";
import { OffersView } from "./offers_view.js";
import { nameOf } from "./sizes.js";
import { UploadQueue } from "./uploads.js";
import { UploadsView } from "./uploads_view.js";

/** @typedef {import("../page/context.js").SessionContext} SessionContext */
/** @typedef {import("../session/workspace.js").Workspace} Workspace */
/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

export class Files {
  #context;
  #workspace;
  #server = new FileServer(document.baseURI);
  #queue = new UploadQueue(this.#server, systemClock());
  #button;

  /**
   * @param {SessionContext} context
   * @param {{ stage: HTMLElement, tools: HTMLElement, notices: HTMLElement }} hosts
   * @param {Workspace} workspace
   */
  constructor(context, { stage, tools, notices }, workspace) {
    this.#context = context;
    this.#workspace = workspace;
    const { signal } = context;
    this.#button = iconButton("folder", "Files", () => this.#open());
    tools.append(this.#button);
    new UploadsView(stage, this.#queue, signal);
    takeDrops(
      stage,
      {
        place: ({ target }) => this.#paneAt(target)?.element ?? null,
        drop: (files, place) => this.#upload(files, this.#paneAt(place)),
        complain: (text) => context.say(text),
      },
      signal,
    );
    const offers = new OffersView(notices, {
      take: ({ terminalID, path }) => this.#attempt(this.#download(terminalID, path)),
      leave: () => workspace.active?.focus(),
    });
    workspace.told.add((notice) => {
      if (notice.type === "download.offered" && context.client.movesFiles) offers.add(notice.data);
    }, signal);
    workspace.changed.add(() => this.#update(), signal);
    addEventListener("online", () => this.#queue.retryPaused(), { signal });
    addEventListener("beforeunload", (event) => this.#warn(event), { signal });
    signal.addEventListener("abort", () => this.#cancelAll());
    context.commands.add(
      [
        {
          id: "files.open",
          title: "Files beside this terminal",
          icon: "folder",
          isPossible: () => this.#isPossible,
          run: () => this.#open(),
        },
        {
          id: "files.upload",
          title: "Upload files",
          icon: "upload",
          isPossible: () => this.#isPossible,
          run: () => chooseFiles((files) => this.#upload(files)),
        },
      ],
      signal,
    );
    this.#update();
  }

  /** The server can be reached again. */
  reconnected() {
    this.#update(); // it may have been started anew, with other settings
    this.#queue.retryPaused();
  }

  /** @param {TerminalPane | null} pane */
  #mayMoveFiles(pane) {
    if (!this.#context.client.movesFiles) return false;
    return pane !== null && pane.terminalID !== "" && pane.own !== null && pane.own.role !== "watcher";
  }

  /** Whether there is a terminal in front, beside which the user may move files. */
  get #isPossible() {
    return this.#mayMoveFiles(this.#workspace.active);
  }

  /** The pane that holds an element, if the user may move files there. @param {EventTarget | null} target */
  #paneAt(target) {
    const pane = this.#workspace.panes.find(({ element }) => element.contains(/** @type {Node} */ (target)));
    return this.#mayMoveFiles(pane ?? null) ? pane : undefined;
  }

  #update() {
    this.#button.hidden = !this.#isPossible;
  }

  #open() {
    const terminalID = this.#workspace.active?.terminalID;
    if (terminalID === undefined) return;
    const dialog = new FilesDialog({
      server: this.#server,
      terminalID,
      download: (path) => this.#download(terminalID, path),
      upload: (directory) => chooseFiles((files) => this.#queue.add(files, { terminalID, directory })),
    });
    void dialog.open(this.#context.signal).then(() => this.#workspace.active?.focus());
  }

  /** @param {File[]} files go to where a terminal is now @param {TerminalPane | null} [pane] */
  #upload(files, pane = this.#workspace.active) {
    const terminalID = pane?.terminalID;
    if (terminalID !== undefined) this.#attempt(this.#uploadTo(terminalID, files));
  }

  /** Tells the user why the server refused, if it did. @param {Promise<void>} work */
  #attempt(work) {
    void work.catch((error) => {
      if (!(error instanceof FileError)) throw error;
      this.#context.say(error.message);
    });
  }

  /**
   * All of them go to one directory, also when the shell goes elsewhere meanwhile.
   * @param {string} terminalID
   * @param {File[]} files
   */
  async #uploadTo(terminalID, files) {
    const { path } = await this.#server.list(terminalID);
    this.#queue.add(files, { terminalID, directory: path });
  }

  /**
   * Has the browser download a file.
   * @param {string} terminalID
   * @param {string} path
   * @throws {FileError} it cannot be downloaded
   */
  async #download(terminalID, path) {
    await this.#server.check(terminalID, path);
    const link = element("a", {
      attributes: { href: this.#server.url(terminalID, path), download: nameOf(path) },
    });
    document.body.append(link);
    link.click();
    link.remove();
  }

  get #isUploading() {
    return this.#queue.all.some((upload) => !upload.isOver);
  }

  /** @param {BeforeUnloadEvent} event */
  #warn(event) {
    if (this.#isUploading) event.preventDefault();
  }

  #cancelAll() {
    for (const upload of this.#queue.all) this.#queue.cancel(upload);
  }
}
