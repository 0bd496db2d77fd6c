/**
 * A round mark that stands for somebody.
 */

import { element } from "../ui/dom.js";
import { colourOf, initialsOf } from "./colours.js";

/**
 * @param {string} name
 * @returns {HTMLSpanElement} hidden from screen readers: the name stands beside it
 */
export function avatar(name) {
  const made = element("span", {
    className: "avatar",
    text: initialsOf(name),
    attributes: { "aria-hidden": "true" },
  });
  made.dataset["who"] = String(colourOf(name));
  return made;
}
