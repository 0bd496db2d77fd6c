/**
 * Dialogs: the browser's own ``dialog`` element, which keeps the focus inside, closes by Escape and
 * gives the focus back.
 */

import { element, iconButton } from "./dom.js";

/**
 * @typedef {object} Action
 * @property {string} text
 * @property {string} [className] "primary" or "danger"
 * @property {string} value what ``openDialog`` resolves to
 */

/**
 * Shows a dialog until it is closed.
 * @param {object} content
 * @param {string} content.title
 * @param {(Node | string)[]} content.body
 * @param {Action[]} [content.actions] buttons below; a click on one closes the dialog
 * @param {string} [content.className]
 * @param {AbortSignal} [content.signal] closes it
 * @returns {Promise<string>} the value of the action that closed it; empty when it was dismissed
 */
export function openDialog({ title, body, actions = [], className = "", signal }) {
  const heading = element("h2", { text: title, attributes: { id: `dialog-${++count}` } });
  const dialog = element("dialog", {
    className: `dialog ${className}`.trim(),
    attributes: { "aria-labelledby": heading.id },
  });
  const dismiss = iconButton("close", "Close", () => dialog.close(), "quiet");
  const form = element("form", { className: "dialog-body", attributes: { method: "dialog" } });
  form.append(...body);
  if (actions.length > 0) {
    const row = element("div", { className: "dialog-actions" });
    for (const { text, className: look = "", value } of actions) {
      row.append(element("button", { text, className: look, attributes: { type: "submit", value } }));
    }
    form.append(row);
  }
  dialog.append(element("header", { className: "dialog-head" }, heading, dismiss), form);
  document.body.append(dialog);
  dialog.showModal();
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  signal?.addEventListener("abort", () => dialog.close(), { once: true });
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        dialog.remove();
        resolve(dialog.returnValue);
      },
      { once: true },
    );
  });
}

let count = 0;

/**
 * Asks whether something should be done.
 * @param {string} title
 * @param {string} text
 * @param {{ text: string, className?: string }} yes
 * @returns {Promise<boolean>}
 */
export async function confirmDialog(title, text, { text: label, className = "primary" }) {
  const answer = await openDialog({
    title,
    body: [element("p", { text })],
    actions: [
      { text: "Cancel", value: "" },
      { text: label, className, value: "yes" },
    ],
  });
  return answer === "yes";
}

/**
 * Asks for a line of text.
 * @param {string} title
 * @param {{ label: string, value?: string, action: string, maxLength?: number, pattern?: string,
 *   hint?: string, isOptional?: boolean }} field optional: it may be left empty
 * @returns {Promise<string | null>} null when it was dismissed
 */
export async function askDialog(title, { label, value = "", action, maxLength = 256, pattern, hint, isOptional = false }) {
  const input = element("input", { attributes: { value, maxlength: String(maxLength) } });
  if (pattern !== undefined) input.pattern = pattern;
  input.required = !isOptional;
  const body = [element("label", { className: "field" }, element("span", { text: label }), input)];
  const note = hint === undefined ? [] : [element("p", { className: "hint", text: hint })];
  const opened = openDialog({
    title,
    body: [...body, ...note],
    actions: [{ text: action, className: "primary", value: "yes" }],
  });
  input.focus();
  input.select();
  return (await opened) === "yes" ? input.value : null;
}

