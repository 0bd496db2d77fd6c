/**
 * Files that are dropped onto the terminals.
 */

import { element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";

/**
 * @typedef {object} Uses
 * @property {() => boolean} mayDrop
 * @property {(files: File[]) => void} drop
 * @property {(text: string) => void} complain
 */

/**
 * Takes files that are dropped onto an element, and shows that it would.
 * @param {HTMLElement} host
 * @param {Uses} uses
 * @param {AbortSignal} signal
 */
export function takeDrops(host, { mayDrop, drop, complain }, signal) {
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
      if (isFiles(event) && mayDrop()) host.append(veil);
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
    hide();
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
    const files = [...(event.dataTransfer?.files ?? [])].filter((_, at) => !entries[at]?.isDirectory);
    if (files.length < entries.length) complain("A folder cannot be uploaded: make an archive of it.");
    if (files.length > 0) drop(files);
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
