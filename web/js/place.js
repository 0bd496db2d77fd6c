/**
 * Where the page is, in its address: ``#token=TOKEN`` once, then ``#/s/SESSION/t/TERMINAL``, so
 * that a reload or a bookmark comes back to the same terminal. Both, joined by ``&``, lead
 * somebody else there.
 */

export const DEFAULT_SESSION = "main";

/**
 * @typedef {{ token: string | null, session: string, terminal: string | null }} Place
 */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function parsePlace(hash) {
  const token = /[#&]token=([^&]+)$/.exec(hash)?.[1] ?? null;
  const place = hash.replace(/[#&]token=[^&]+$/, "");
  const [, session, terminal] = /^#\/s\/([\w.-]+)(?:\/t\/([\w.-]+))?$/.exec(place) ?? [];
  return { token, session: session ?? DEFAULT_SESSION, terminal: terminal ?? null };
}

/**
 * @param {string} session
 * @param {string | null} terminal
 */
export function formatPlace(session, terminal) {
  return terminal === null ? `#/s/${session}` : `#/s/${session}/t/${terminal}`;
}
