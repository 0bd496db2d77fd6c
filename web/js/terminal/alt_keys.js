/**
 * What Alt and a key that is no letter type. The emulator goes by the number of the key, which
 * means another key in Firefox, and another character on keyboards that are not English.
 */

import { isMac } from "../page/commands.js";

const PUNCTUATION = /^[!-/:-@[-`{-~]$/;

/** Numbers that only Firefox gives: the key's character, and that with Shift. @type {Record<number, string>} */
const FIREFOX = { 59: ";:", 61: "=+", 173: "-_" };

/**
 * @param {Pick<KeyboardEvent, "type" | "key" | "keyCode" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey">} event
 * @param {boolean} [onMac] where Option makes another character of the key
 * @returns {string | null} null: the emulator knows
 */
export function typedWithAlt(event, onMac = isMac) {
  const { type, key, keyCode, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (type !== "keydown" || !altKey || ctrlKey || metaKey) return null;
  const typed = onMac ? FIREFOX[keyCode]?.[shiftKey ? 1 : 0] : PUNCTUATION.exec(key)?.[0];
  return typed === undefined ? null : `\x1b${typed}`;
}
