/**
 * The page when there is no terminal to show: what is wrong, and what to do.
 */

import { button, element } from "./ui/dom.js";

/**
 * @typedef {{ title: string, lines: string[], action?: string }} Failure
 */

/** @type {Record<"denied" | "expired" | "slow" | "gone" | "refused" | "ended" | "removed" | "left", Failure>} */
export const FAILURES = {
  denied: {
    title: "Log in to open a terminal",
    lines: [
      "This page needs the token of its server, or the one it had is no longer good.",
      "Open the URL that the server printed when it started; it ends in #token=…",
    ],
    action: "Try again",
  },
  expired: {
    title: "This link no longer opens anything",
    lines: ["It has been used up or revoked, or its time has passed.", "Ask whoever shared it for another."],
    action: "Try again",
  },
  slow: {
    title: "Too many wrong attempts",
    lines: ["From where you are, somebody has tried too many wrong logins. Wait a minute."],
    action: "Try again",
  },
  gone: {
    title: "The server does not answer",
    lines: [
      "It may have been stopped, or the network between here and there is down.",
      "Start it again with make run; if it still runs, your terminal does too.",
    ],
    action: "Try again",
  },
  ended: {
    title: "This session has ended",
    lines: ["Whoever owns it has closed it, with its terminals and what was said in it."],
    action: "All sessions",
  },
  removed: {
    title: "You were let in by a link that is no longer good",
    lines: ["It was revoked, or its time has passed. What you did here is still there.", "Ask whoever shared it for another."],
    action: "Try again",
  },
  left: {
    title: "You are not let in any more",
    lines: ["You were logged out, here or elsewhere, or this session is no longer open to you."],
    action: "Try again",
  },
  refused: {
    title: "The server ended this connection",
    lines: [],
    action: "Try again",
  },
};

/**
 * What a final close code tells the user (docs/wire.md section 6).
 * @param {number} code
 * @returns {Failure | null}
 */
export function failureOfCode(code) {
  return { 4001: FAILURES.ended, 4002: FAILURES.removed, 1008: FAILURES.left }[code] ?? null;
}

/**
 * @param {HTMLElement} stage
 * @param {Failure} failure
 * @param {() => void} retry
 * @param {string} [detail] what the server said
 * @returns {() => void} takes it away again
 */
export function showFailure(stage, failure, retry, detail = "") {
  const box = element("section", { className: "failure" });
  box.setAttribute("role", "alert");
  const lines = detail === "" ? failure.lines : [...failure.lines, detail];
  box.append(element("h2", { text: failure.title }));
  for (const text of lines) box.append(element("p", { text }));
  const again = button(failure.action ?? "Try again", retry, "primary");
  box.append(again);
  stage.append(box);
  again.focus();
  return () => box.remove();
}
