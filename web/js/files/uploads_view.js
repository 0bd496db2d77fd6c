/**
 * The uploads of this page, over the lower corner of the terminals: how far each is, and what can be
 * done about it.
 */

import { button, element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { formatDuration, formatSize, parentOf } from "./sizes.js";

/** How long the list stays when all went well. */
const STAY_MS = 5000;

/** @typedef {import("./uploads.js").Upload} Upload */
/** @typedef {import("./uploads.js").UploadQueue} UploadQueue */

export class UploadsView {
  #queue;
  #heading = element("h2");
  #list = element("ul", { className: "uploads-list" });
  #close;
  #replaceAll;
  /** @type {Map<Upload, UploadRow>} */
  #rows = new Map();
  #timer = 0;

  /**
   * @param {HTMLElement} host
   * @param {UploadQueue} queue
   * @param {AbortSignal} signal
   */
  constructor(host, queue, signal) {
    this.#queue = queue;
    this.#close = iconButton("close", "Close", () => this.#clear(), "quiet");
    this.#replaceAll = button("Replace all", () => this.#forAllAsking((upload) => queue.replace(upload)));
    this.#heading.setAttribute("aria-live", "polite");
    const head = element("header", { className: "uploads-head" }, this.#heading, this.#replaceAll, this.#close);
    this.element = element("section", { className: "uploads", attributes: { "aria-label": "Uploads" } }, head, this.#list);
    this.element.hidden = true;
    host.append(this.element);
    queue.changed.add((upload) => this.#show(upload), signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.element.remove();
    });
  }

  /** @param {Upload} upload */
  #show(upload) {
    let row = this.#rows.get(upload);
    if (row === undefined) {
      row = new UploadRow(this.#queue, upload);
      this.#rows.set(upload, row);
      this.#list.append(row.element);
      this.element.hidden = false;
    }
    row.update();
    this.#summarize();
  }

  #summarize() {
    const all = this.#queue.all;
    const count = (/** @type {Upload["state"][]} */ ...states) =>
      all.filter(({ state }) => states.includes(state)).length;
    const [asking, failed, running] = [count("asking"), count("failed"), count("waiting", "sending", "paused")];
    const files = (/** @type {number} */ n) => `${n} ${n === 1 ? "file" : "files"}`;
    let text = `Uploaded ${files(count("done"))}`;
    if (asking > 0) text = asking === 1 ? "Replace a file?" : `Replace ${asking} files?`;
    else if (running > 0) text = `Uploading ${files(running)}`;
    else if (failed > 0) text = `${files(failed)} not uploaded`;
    else if (count("done") === 0) text = "Cancelled";
    if (this.#heading.textContent !== text) this.#heading.textContent = text;
    this.#replaceAll.hidden = asking < 2;
    this.#close.hidden = running + asking > 0;
    clearTimeout(this.#timer);
    if (running + asking + failed === 0) this.#timer = window.setTimeout(() => this.#clear(), STAY_MS);
  }

  /** @param {(upload: Upload) => void} act */
  #forAllAsking(act) {
    for (const upload of this.#queue.all.filter(({ state }) => state === "asking")) act(upload);
  }

  #clear() {
    this.#queue.clear();
    for (const [upload, row] of this.#rows) {
      if (this.#queue.all.includes(upload)) continue;
      row.element.remove();
      this.#rows.delete(upload);
    }
    this.element.hidden = this.#rows.size === 0;
  }
}

class UploadRow {
  #upload;
  #text = element("span", { className: "upload-text" });
  #bar = element("progress", { attributes: { max: "1", value: "0" } });
  #mark = element("span", { className: "upload-mark" });
  #replace;
  #skip;
  #retry;
  #cancel;

  /** @param {UploadQueue} queue @param {Upload} upload */
  constructor(queue, upload) {
    this.#upload = upload;
    const { name } = upload.source;
    this.#replace = button("Replace", () => queue.replace(upload), "primary");
    this.#skip = button("Skip", () => queue.cancel(upload));
    this.#retry = button("Try again", () => queue.retry(upload));
    this.#cancel = iconButton("close", `Cancel the upload of ${name}`, () => queue.cancel(upload), "quiet");
    this.#bar.setAttribute("aria-label", `Upload of ${name}`);
    for (const [act, label] of /** @type {[HTMLElement, string][]} */ ([
      [this.#replace, `Replace ${name}`],
      [this.#skip, `Skip ${name}`],
      [this.#retry, `Try ${name} again`],
    ])) {
      act.setAttribute("aria-label", label);
    }
    const title = element("span", { className: "upload-name", text: name, title: name });
    this.element = element(
      "li",
      { className: "upload" },
      element("div", { className: "upload-line" }, this.#mark, title, this.#cancel),
      this.#bar,
      element("div", { className: "upload-line" }, this.#text, this.#retry, this.#skip, this.#replace),
    );
  }

  update() {
    const { state, sent, reason, path, source } = this.#upload;
    const isRunning = state === "sending" || state === "paused";
    this.element.dataset["state"] = state;
    this.#bar.hidden = !(isRunning || state === "waiting");
    this.#bar.value = source.size === 0 ? 0 : sent / source.size;
    this.#replace.hidden = this.#skip.hidden = state !== "asking";
    this.#retry.hidden = state !== "failed";
    this.#cancel.hidden = !(isRunning || state === "waiting");
    const mark = state === "done" ? "check" : state === "failed" ? "close" : "upload";
    if (this.#mark.dataset["icon"] !== mark) {
      this.#mark.dataset["icon"] = mark;
      this.#mark.replaceChildren(icon(mark));
    }
    const texts = {
      waiting: `${formatSize(source.size)}, waiting`,
      sending: this.#progress(),
      paused: `${reason} It goes on by itself.`,
      asking: "There is a file of that name.",
      done: `In ${parentOf(path)}`,
      failed: reason,
      cancelled: "Cancelled",
    };
    const text = texts[state];
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#text.title = state === "done" ? path : "";
  }

  #progress() {
    const { sent, rate, source } = this.#upload;
    if (sent === source.size) return "Finishing";
    const parts = [`${formatSize(sent)} of ${formatSize(source.size)}`];
    if (rate > 0) parts.push(`${formatSize(rate)}/s`, formatDuration((source.size - sent) / rate));
    return parts.join(" · ");
  }
}
