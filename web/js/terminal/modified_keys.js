/**
 * What Alt or Ctrl and a key type, where the emulator does not know. It goes by the number of the
 * key, which means another key in Firefox, and another character on keyboards that are not English.
 */

import { isMac } from "../page/commands.js";
import { withHeld } from "../touch/keys.js";

/** ASCII punctuation, or any one character beyond ASCII. */
const NO_LETTER = /^(?:[!-/:-@[-`{-~]|[^\0-\x7f])$/u;

/** Numbers that only Firefox gives: the key's character, and that with Shift. @type {Record<number, string>} */
const FIREFOX = { 59: ";:", 61: "=+", 173: "-_" };

/** Keys that type a control character in other terminals, and nothing in the emulator. */
const WITH_CTRL = new Set(["/", "2"]);

/**
 * @param {Pick<KeyboardEvent, "type" | "key" | "keyCode" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey">} event
 * @param {boolean} [onMac] where Option makes another character of the key
 * @returns {string | null} null: the emulator knows
 */
export function typedWithModifiers(event, onMac = isMac) {
  const { type, key, keyCode, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (type !== "keydown" || metaKey || altKey === ctrlKey) return null;
  if (ctrlKey) return WITH_CTRL.has(key) ? withHeld(key, { ctrl: true, alt: false }) : null;
  const typed = onMac ? FIREFOX[keyCode]?.[shiftKey ? 1 : 0] : NO_LETTER.exec(key)?.[0];
  return typed === undefined ? null : withHeld(typed, { ctrl: false, alt: true });
}
