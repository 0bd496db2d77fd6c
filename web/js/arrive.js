/**
 * Runs before the page: its address takes the form that it keeps, what is there is shown, and it is
 * made installable.
 */

import { foldedAddress } from "./address.js";

const address = foldedAddress(location.href, document.baseURI);
if (address !== null) history.replaceState(null, "", address);

/** How long the page waits to be seen before it goes on: browsers do not draw what is covered. */
const UNSEEN_MS = 200;

// Some hundred kilobytes of modules keep the browser from drawing when they begin to run.
await new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, document.hidden ? 0 : UNSEEN_MS);
});
await import("./main.js");

function install() {
  const worker = new URL("sw.js", document.baseURI);
  // Not on plain HTTP from another machine; and with a certificate that is not trusted it fails.
  navigator.serviceWorker?.register(worker).catch(() => {});
}
if (document.readyState === "complete") install();
else addEventListener("load", install);
