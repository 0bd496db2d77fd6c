/**
 * What Alt or Ctrl and a key type, where the emulator does not know. It goes by the number of the
 * key, which means another key in Firefox, and another character on keyboards that are not English.
 */

import { isMac } from "../page/commands.js";

/** ASCII punctuation, or any one character beyond ASCII. */
const NO_LETTER = /^(?:[!-/:-@[-`{-~]|[^\0-\x7f])$/u;

/** Numbers that only Firefox gives: the key's character, and that with Shift. @type {Record<number, string>} */
const FIREFOX = { 59: ";:", 61: "=+", 173: "-_" };

/** Control characters that the emulator has no key for, as in other terminals. @type {Record<string, string>} */
const CONTROLS = { "/": "\x1f", 2: "\0" };

/**
 * @param {Pick<KeyboardEvent, "type" | "key" | "keyCode" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey">} event
 * @param {boolean} [onMac] where Option makes another character of the key
 * @returns {string | null} null: the emulator knows
 */
export function typedWithModifiers(event, onMac = isMac) {
  const { type, key, keyCode, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (type !== "keydown" || metaKey || altKey === ctrlKey) return null;
  if (ctrlKey) return CONTROLS[key] ?? null;
  const typed = onMac ? FIREFOX[keyCode]?.[shiftKey ? 1 : 0] : NO_LETTER.exec(key)?.[0];
  return typed === undefined ? null : `\x1b${typed}`;
}
