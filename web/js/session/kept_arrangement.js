/**
 * Keeping a session's tabs in the browser, so that a page that comes back shows them as they were.
 */

import { Arrangement } from "./arrangement.js";

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem"> | null} Store null: nothing is kept */

/** @param {string} session */
const keyOf = (session) => `ptybridge.layout.${session}`;

/**
 * @param {Store} store
 * @param {string} session
 * @param {(terminal: string) => boolean} isThere which terminals there are still
 */
export function recall(store, session, isThere) {
  return Arrangement.fromText(store?.getItem(keyOf(session)) ?? null, isThere);
}

/**
 * @param {Store} store
 * @param {string} session
 * @param {Arrangement} arrangement
 */
export function keep(store, session, arrangement) {
  try {
    if (arrangement.tabs.length === 0) store?.removeItem(keyOf(session));
    else store?.setItem(keyOf(session), arrangement.toText());
  } catch {
    // Full, or forbidden: then it is as it was, or not kept.
  }
}
