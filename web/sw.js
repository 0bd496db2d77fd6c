/**
 * The service worker: it shows a page that waits while the server cannot be reached, and else
 * leaves everything to the browser, whose own cache keeps the hashed files. It never sees what goes
 * to ``api``, ``ws`` and ``pty``: nothing that anybody typed or saw is in its cache.
 *
 * It does not take pages over from an older one: that one knows the files of the pages that it
 * has brought, and goes with the last of them.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const scope = worker.registration.scope;

/** The server puts in the hash of this version's files. */
const STATIC = "static/";
const OFFLINE = "offline.html";

/** All that the page without a server needs. */
const KEPT = [
  OFFLINE,
  `${STATIC}css/offline.css`,
  `${STATIC}js/offline.js`,
  `${STATIC}img/icon.svg`,
].map((path) => new URL(path, scope).href);

/** Several of these may serve one origin, below different paths. */
const CACHES = `ptybridge ${scope} `;
const CACHE = CACHES + STATIC;

/** What proxies answer when the server behind them does not. */
const UNREACHABLE = new Set([502, 503, 504]);

worker.addEventListener("install", (event) => {
  spare(event);
  event.waitUntil(install());
});
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (isPage(request.url)) event.respondWith(page(event));
  } else if (KEPT.includes(request.url)) {
    event.respondWith(kept(request));
  }
});

/**
 * Keeps what this worker has no part in from waiting for it, where the browser can: the page comes
 * from whoever has it first, the network or this worker, and all else from the network.
 * @param {any} event not in TypeScript's library: WICG's ServiceWorker Static Routing API
 */
function spare(event) {
  const ours = KEPT.map((url) => ({ urlPattern: url }));
  event.addRoutes?.([
    { condition: { or: ours }, source: "fetch-event" },
    { condition: { requestMode: "navigate" }, source: "race-network-and-fetch-handler" },
    { condition: { urlPattern: `${scope}*` }, source: "network" },
  ])?.catch?.(() => {});
}

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(KEPT.map((url) => new Request(url, { cache: "no-cache" })));
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(CACHES) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  // Where it fails, Firefox shows its own error whatever this worker answers; older ones enabled it.
  await worker.registration.navigationPreload?.disable();
}

/** @param {string} url */
function isPage(url) {
  if (!url.startsWith(scope)) return false;
  const path = url.slice(scope.length).replace(/[?#].*$/s, "");
  return path === "" || path.startsWith("s/");
}

/**
 * The page from the network; the one that waits if there is none.
 * @param {FetchEvent} event
 */
async function page(event) {
  try {
    const response = await fetch(event.request);
    if (!UNREACHABLE.has(response.status)) {
      // Another program answers here now: this one has no business any more.
      const isOurs = response.headers.has("Ptybridge-Page");
      if (response.ok && !isOurs) event.waitUntil(worker.registration.unregister());
      return response;
    }
  } catch {
    // No network, or no server.
  }
  return (await waiting()) ?? Response.error();
}

/** The page that waits, made to find its files from whatever address it stands for. */
async function waiting() {
  const cache = await caches.open(CACHE);
  const offline = await cache.match(new URL(OFFLINE, scope));
  if (offline === undefined) return null;
  const html = await offline.text();
  const headers = new Headers(offline.headers);
  for (const name of ["Content-Encoding", "Content-Length", "ETag"]) headers.delete(name);
  return new Response(html.replace("<head>", `<head>\n    <base href="${scope}">`), { headers });
}

/** @param {Request} request */
async function kept(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? fetch(request);
}
