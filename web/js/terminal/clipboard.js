/**
 * Copy and paste as people expect, without taking a key from the shell.
 *
 * Ctrl-Shift-C and Ctrl-Shift-V (Cmd-C and Cmd-V on a Mac); right click copies the selection, or
 * pastes when there is none; middle click pastes what was selected last. Ctrl-C is the program's.
 * With Shift, a right click opens the browser's own menu; a program that uses the mouse gets it.
 */

import { isMac } from "../page/commands.js";

/** @typedef {import("./view.js").TerminalView} TerminalView */

/** Of ``MouseEvent.button``. */
const MIDDLE = 1;
const RIGHT = 2;

/**
 * @param {HTMLElement} host
 * @param {TerminalView} view
 * @param {(text: string) => void} paste
 * @param {(reason: string) => void} complain tells the user why it did not work
 * @param {() => boolean} isCopyOnSelect
 */
export function connectClipboard(host, view, paste, complain, isCopyOnSelect) {
  let selected = "";
  /** The right button was pressed here, not dragged in from elsewhere. */
  let isPressed = false;

  /** Whether the clipboard has it. */
  const copy = async () => {
    const text = view.selection;
    if (text === "") return false;
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      complain("The browser does not let this page copy. Use its own menu: Shift and right click.");
      return false;
    }
  };

  const pasteFromClipboard = async () => {
    try {
      paste(await navigator.clipboard.readText());
    } catch {
      complain("The browser does not let this page read the clipboard. Press Ctrl-Shift-V.");
    }
  };

  const copyOrPaste = async () => {
    if (!view.hasSelection) await pasteFromClipboard();
    else if (await copy()) view.clearSelection();
  };

  view.onKey((event) => {
    if (event.type !== "keydown") return true;
    const isChord = isMac
      ? event.metaKey && !event.ctrlKey
      : event.ctrlKey && event.shiftKey && !event.altKey;
    if (isChord && event.code === "KeyC") {
      event.preventDefault();
      void copy();
      return false;
    }
    // The browser's own paste event follows, which needs no permission.
    return !(isChord && event.code === "KeyV");
  });

  host.addEventListener(
    "paste",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      paste(event.clipboardData?.getData("text/plain") ?? "");
    },
    { capture: true },
  );

  host.addEventListener("mouseup", () => {
    if (!view.hasSelection) return;
    selected = view.selection;
    if (isCopyOnSelect()) void copy();
  });

  host.addEventListener(
    "contextmenu",
    (event) => {
      if (event.shiftKey) return;
      event.preventDefault();
      // A button acts when it is let go; a long press has a menu of its own.
      if (event.button === RIGHT || view.hasMouse) return;
      if (/** @type {PointerEvent} */ (event).pointerType !== "touch") void copyOrPaste();
    },
    { capture: true },
  );

  host.addEventListener(
    "mousedown",
    (event) => {
      isPressed = event.button === RIGHT;
    },
    { capture: true },
  );

  host.addEventListener(
    "mouseup",
    (event) => {
      // Or WebKit pastes, too, what was selected last.
      if (event.button === MIDDLE) event.preventDefault();
      // Not as the menu would open, when WebKit lets no page use the clipboard.
      const isClick = event.button === RIGHT && isPressed;
      if (event.button === RIGHT) isPressed = false;
      if (isClick && !event.shiftKey && !view.hasMouse) void copyOrPaste();
    },
    { capture: true },
  );

  host.addEventListener(
    "auxclick",
    (event) => {
      if (event.button !== MIDDLE) return;
      event.preventDefault(); // or Firefox pastes, even where the program has been told of the click
      if (selected !== "" && !view.hasMouse) paste(selected);
    },
    { capture: true },
  );
}
