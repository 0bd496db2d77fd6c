/**
 * Making elements. Text from others enters the page as text only, by ``textContent``.
 */

import { icon } from "./icons.js";

/**
 * @typedef {object} Content
 * @property {string} [text]
 * @property {string} [className]
 * @property {string} [title]
 * @property {Record<string, string | boolean>} [attributes] true: without a value; false: left out
 * @property {Record<string, (event: any) => void>} [on] listeners by type of event
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Content} [content]
 * @param {...(Node | string | null)} children null: none
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, content = {}, ...children) {
  const made = document.createElement(tag);
  const { text, className, title, attributes = {}, on = {} } = content;
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  if (title !== undefined) made.title = title;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  for (const [type, listener] of Object.entries(on)) made.addEventListener(type, listener);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * @param {string} text
 * @param {() => void} act
 * @param {string} [className] "primary" for what is most likely wanted, "quiet" without a border
 */
export function button(text, act, className = "") {
  return element("button", {
    text,
    className,
    attributes: { type: "button" },
    on: { click: () => act() },
  });
}

/**
 * A button that shows an icon; its label is read out and shown as a hint.
 * @param {import("./icons.js").IconName} name
 * @param {string} label
 * @param {() => void} act
 * @param {string} [className]
 */
export function iconButton(name, label, act, className = "") {
  const made = element(
    "button",
    {
      className: `icon-button ${className}`.trim(),
      title: label,
      attributes: { type: "button", "aria-label": label },
      on: { click: () => act() },
    },
    icon(name),
  );
  return made;
}

/** @param {string} id */
export function find(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}
