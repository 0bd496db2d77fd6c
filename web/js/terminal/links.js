/**
 * Links in a terminal: addresses that stand in its text, and those that programs put behind text
 * (OSC 8). The second may lead elsewhere than the text says, so where it leads is shown first.
 */

import { element } from "../ui/dom.js";
import { openDialog } from "../ui/dialog.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * @param {string} text
 * @returns {URL | null} null for what is no address, or of a kind that does something else than lead somewhere
 */
export function safeAddress(text) {
  let address;
  try {
    address = new URL(text);
  } catch {
    return null;
  }
  return SCHEMES.has(address.protocol) ? address : null;
}

/** @param {string} text an address that stands in the terminal as it is */
export function openShown(text) {
  const address = safeAddress(text);
  if (address !== null) leave(address);
}

/** @param {URL} address */
function leave(address) {
  window.open(address, "_blank", "noopener,noreferrer");
}

/** @param {string} text where a piece of text leads that may say something else */
export async function openHidden(text) {
  const address = safeAddress(text);
  if (address === null) return;
  const answer = await openDialog({
    title: "Open this link?",
    body: [element("p", { className: "link-target", text: address.href })],
    actions: [
      { text: "Cancel", value: "" },
      { text: "Open", className: "primary", value: "open" },
    ],
  });
  if (answer === "open") leave(address);
}
