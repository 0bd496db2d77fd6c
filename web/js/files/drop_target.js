/**
 * Files that are dropped onto the terminals.
 */

import { element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";

/**
 * @typedef {object} Uses
 * @property {(event: Event) => HTMLElement | null} place where files that are dropped there belong; null: nowhere
 * @property {(files: File[], place: HTMLElement) => void} drop
 * @property {(text: string) => void} complain
 */

/**
 * Takes files that are dropped onto an element, and shows on the place in it that it would.
 * @param {HTMLElement} host
 * @param {Uses} uses
 * @param {AbortSignal} signal
 */
export function takeDrops(host, { place, drop, complain }, signal) {
  const veil = element(
    "div",
    { className: "drop-veil" },
    element("p", {}, icon("upload"), "Drop files to upload them to where this terminal is"),
  );
  const hide = () => veil.remove();
  /** @param {DragEvent} event */
  const isFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;

  // Anywhere else a dropped file would replace the page.
  for (const type of /** @type {const} */ (["dragover", "drop"])) {
    addEventListener(
      type,
      (event) => {
        if (!isFiles(event) || event.defaultPrevented) return;
        event.preventDefault();
        if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "none";
      },
      { signal },
    );
  }
  host.addEventListener(
    "dragenter",
    (event) => {
      if (!isFiles(event) || veil.contains(/** @type {Node} */ (event.target))) return;
      const at = place(event);
      if (at === null) hide();
      else at.append(veil);
    },
    { signal, capture: true },
  );
  veil.addEventListener("dragover", (event) => {
    event.preventDefault();
    if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
  });
  veil.addEventListener("dragleave", hide);
  veil.addEventListener("drop", (event) => {
    event.preventDefault();
    const at = veil.parentElement;
    hide();
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
    const files = [...(event.dataTransfer?.files ?? [])].filter((_, at) => !entries[at]?.isDirectory);
    if (files.length < entries.length) complain("A folder cannot be uploaded: make an archive of it.");
    if (files.length > 0 && at !== null) drop(files, at);
  });
  addEventListener("dragend", hide, { signal });
  signal.addEventListener("abort", hide);
}

/**
 * Lets the user choose files.
 * @param {(files: File[]) => void} chosen
 */
export function chooseFiles(chosen) {
  const input = element("input", { attributes: { type: "file", multiple: true } });
  input.hidden = true;
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.remove();
    if (files.length > 0) chosen(files);
  });
  input.addEventListener("cancel", () => input.remove());
  document.body.append(input); // some browsers forget one that is nowhere
  input.click();
}
