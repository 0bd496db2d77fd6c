/**
 * Where the page is, in its address: ``#token=TOKEN`` once, then ``#/s/SESSION/t/TERMINAL``, so
 * that a reload or a bookmark comes back to the same terminal.
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
  const token = /^#token=(.+)$/.exec(hash)?.[1] ?? null;
  const [, session, terminal] = /^#\/s\/([\w.-]+)(?:\/t\/([\w.-]+))?$/.exec(hash) ?? [];
  return { token, session: session ?? DEFAULT_SESSION, terminal: terminal ?? null };
}

/**
 * @param {string} session
 * @param {string | null} terminal
 */
export function formatPlace(session, terminal) {
  return terminal === null ? `#/s/${session}` : `#/s/${session}/t/${terminal}`;
}
