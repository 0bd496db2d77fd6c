/**
 * Runs before the page: its address takes the form that it keeps, and it is made installable.
 */

import { foldedAddress } from "./address.js";

const address = foldedAddress(location.href, document.baseURI);
if (address !== null) history.replaceState(null, "", address);

// Not on plain HTTP from another machine; and with a certificate that is not trusted it fails.
addEventListener("load", () => {
  const worker = new URL("sw.js", document.baseURI);
  navigator.serviceWorker?.register(worker).catch(() => {});
});
