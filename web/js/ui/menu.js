/**
 * Menus that open below a button: a popover with arrow keys, as WAI-ARIA's menu button pattern says.
 */

import { element } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Item
 * @property {string} text
 * @property {() => void} act
 * @property {import("./icons.js").IconName} [icon]
 * @property {string} [keys] the shortcut, to be shown
 * @property {boolean} [isDanger]
 * @property {boolean} [isChecked] makes it a checked or unchecked item
 */

/**
 * Opens a menu at an element until something is chosen or it is dismissed.
 * @param {HTMLElement} anchor gets the focus back
 * @param {(Item | null)[]} items null: a line between
 * @param {{ label?: string, at?: { x: number, y: number }, onclose?: () => void }} [how] ``at``: where
 *   to open it, in CSS pixels of the window; else below the anchor
 */
export function openMenu(
  anchor,
  items,
  { label = anchor.getAttribute("aria-label") ?? "Menu", at, onclose } = {},
) {
  const menu = element("div", {
    className: "menu",
    attributes: { role: "menu", popover: "auto", "aria-label": label },
  });
  for (const item of items) menu.append(item === null ? separator() : row(item, menu));
  document.body.append(menu);
  menu.addEventListener("keydown", (event) => moveFocus(menu, event));
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (hadFocus) anchor.focus();
    onclose?.();
  });
  menu.showPopover();
  place(menu, at === undefined ? anchor.getBoundingClientRect() : new DOMRect(at.x, at.y, 0, 0));
  anchor.setAttribute("aria-haspopup", "menu");
  anchor.setAttribute("aria-expanded", "true");
  rows(menu)[0]?.focus();
}

function separator() {
  return element("hr", { attributes: { role: "separator" } });
}

/** @param {Item} item @param {HTMLElement} menu */
function row({ text, act, icon: name, keys, isDanger = false, isChecked }, menu) {
  const role = isChecked === undefined ? "menuitem" : "menuitemcheckbox";
  const checked = isChecked === undefined ? {} : { "aria-checked": String(isChecked) };
  const mark = name === undefined ? (isChecked ? icon("check") : null) : icon(name);
  return element(
    "button",
    {
      className: isDanger ? "menu-item danger" : "menu-item",
      attributes: { type: "button", role, tabindex: "-1", ...checked },
      on: {
        click: () => {
          menu.hidePopover();
          act();
        },
      },
    },
    element("span", { className: "menu-mark" }, mark),
    element("span", { className: "menu-text", text }),
    keys === undefined ? null : element("kbd", { text: keys }),
  );
}

/** @param {HTMLElement} menu */
function rows(menu) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (menu.querySelectorAll(".menu-item"))];
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveFocus(menu, event) {
  const all = rows(menu);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  else if (next === undefined) return;
  else all.at(next % all.length)?.focus();
  event.preventDefault();
}

/** Puts it below a place, or where there is room. @param {HTMLElement} menu @param {DOMRect} box */
export function place(menu, box) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(box.left, innerWidth - width - 8));
  const below = box.bottom + 4;
  const top = below + height + 8 <= innerHeight ? below : Math.max(8, box.top - height - 4);
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}
