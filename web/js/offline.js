/**
 * The page that the service worker shows while the server cannot be reached: it asks for the
 * server ever more rarely, at once when the network is back, and opens the page when it answers.
 */

const FIRST_SECONDS = 2;
const LAST_SECONDS = 30;
const PATIENCE_MS = 5000;

const now = /** @type {HTMLButtonElement} */ (document.getElementById("now"));
const when = /** @type {HTMLElement} */ (document.getElementById("when"));

let delay = FIRST_SECONDS;
let left = delay;
let isAsking = false;

async function ask() {
  if (isAsking) return;
  isAsking = now.disabled = true;
  when.textContent = "Trying …";
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(new URL("healthz", document.baseURI), { cache: "no-store", signal });
    if (answer.ok) {
      location.reload();
      return;
    }
  } catch {
    // Still not there.
  }
  isAsking = now.disabled = false;
  delay = Math.min(2 * delay, LAST_SECONDS);
  left = delay;
  show();
}

function show() {
  when.textContent = `Trying again in ${left} ${left === 1 ? "second" : "seconds"}`;
}

function tick() {
  if (isAsking || document.hidden) return;
  left -= 1;
  if (left <= 0) void ask();
  else show();
}

now.addEventListener("click", () => void ask());
addEventListener("online", () => void ask());
document.addEventListener("visibilitychange", () => !document.hidden && void ask());
setInterval(tick, 1000);
show();

export {};
