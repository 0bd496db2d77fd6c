/**
 * Where the page is, in its address: ``#token=TOKEN`` or ``#share=TOKEN`` once, then
 * ``#/s/SESSION/t/TERMINAL``, so that a reload or a bookmark comes back to the same terminal; ``#/``
 * is the list of all sessions, and ``#/s/SESSION/new`` opens another terminal.
 * A secret and a place, joined by ``&``, lead somebody else there.
 */

export const DEFAULT_SESSION = "main";

/**
 * @typedef {{
 *   token: string | null, share: string | null,
 *   session: string, isNamed: boolean, terminal: string | null, isHome: boolean,
 *   isNew: boolean,
 * }} Place isNamed: the address says which session; otherwise it is where one is at home
 */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function parsePlace(hash) {
  const [secret, kind, value] = /[#&](token|share)=([^&]+)$/.exec(hash) ?? [];
  const place = secret === undefined ? hash : hash.slice(0, -secret.length);
  const [, session, terminal, isNew] =
    /^#\/s\/([\w.-]+)(?:\/t\/([\w.-]+)|(\/new))?$/.exec(place) ?? [];
  const token = kind === "token" ? value ?? null : null;
  const share = kind === "share" ? value ?? null : null;
  const isNamed = session !== undefined;
  return {
    token,
    share,
    session: session ?? DEFAULT_SESSION,
    isNamed,
    terminal: terminal ?? null,
    isHome: place === "#/",
    isNew: isNew !== undefined,
  };
}

/**
 * @param {string} session
 * @param {string | null} terminal
 */
export function formatPlace(session, terminal) {
  return terminal === null ? `#/s/${session}` : `#/s/${session}/t/${terminal}`;
}
