/**
 * Which sessions a home page shows, in which order, and what it says of them. Pure.
 */

/** @typedef {import("./session_api.js").ListedSession} ListedSession */
/** @typedef {import("./session_api.js").ListedTerminal} ListedTerminal */

/**
 * Those that somebody looks for, each with the terminals that fit; all of a session that fits itself.
 * @param {ListedSession[]} sessions
 * @param {string} query words, all of which must stand somewhere
 * @returns {ListedSession[]} where somebody is first, then what has been said or made last
 */
export function found(sessions, query) {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return sessions
    .map((session) => {
      const terminals = session.terminals.filter(({ exit }) => exit === undefined);
      const own = [session.id, session.title ?? "", ...session.members.map(({ name }) => name)];
      if (hasAll(own, words)) return { ...session, terminals };
      return { ...session, terminals: terminals.filter((terminal) => hasAll([...own, ...textsOf(terminal)], words)) };
    })
    .filter(
      (session) => words.length === 0 || session.terminals.length > 0 || hasAll([session.id, session.title ?? ""], words),
    )
    .sort((one, other) => newsOf(other) - newsOf(one));
}

/** @param {string[]} texts @param {string[]} words */
function hasAll(texts, words) {
  const all = texts.join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

/** @param {ListedTerminal} terminal */
function textsOf({ id, title, cwd = "", command = "" }) {
  return [id, title, cwd, command];
}

/** When something has happened last, as far as the list tells. @param {ListedSession} session */
function newsOf({ created, terminals, newest }) {
  return Math.max(created, newest?.time ?? 0, ...terminals.map((terminal) => terminal.created));
}

/**
 * A path as there is room for it: its last two parts, below ``~`` where it lies there.
 * @param {string} path
 */
export function shortPath(path) {
  const home = path.replace(/^\/(?:home\/[^/]+|root)(?=\/|$)/, "~");
  const parts = home.split("/").filter((part) => part !== "");
  if (home.startsWith("~")) return parts.length <= 3 ? parts.join("/") : `~/…/${parts.slice(-2).join("/")}`;
  return parts.length <= 3 ? `/${parts.join("/")}` : `/…/${parts.slice(-2).join("/")}`;
}

/**
 * @param {number} then milliseconds since the Unix epoch
 * @param {number} now
 * @param {string} [locale]
 */
export function ago(then, now, locale) {
  const seconds = Math.max(0, (now - then) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  if (seconds < 45) return format.format(0, "second");
  for (const [unit, length, limit] of UNITS) {
    if (seconds < limit) return format.format(-Math.round(seconds / length), unit);
  }
  return format.format(-Math.round(seconds / 31_557_600), "year");
}

/** @type {[Intl.RelativeTimeFormatUnit, number, number][]} */
const UNITS = [
  ["minute", 60, 2700],
  ["hour", 3600, 79_200],
  ["day", 86_400, 2_246_400],
  ["month", 2_629_800, 28_400_000],
];
