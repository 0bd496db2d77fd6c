/**
 * Telling somebody who looks elsewhere: the system's notifications, and the page's title.
 */

/** A command that took so long is worth a word when it ends. */
const LONG_SECONDS = 10;

/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */
/** @typedef {import("../wire.js").Notice} Notice */

/**
 * @typedef {object} Surroundings
 * @property {() => boolean} isSeen whether the page is looked at
 * @property {(title: string, body: string, act: () => void) => void} notify
 * @property {() => number} now milliseconds
 */

/** Watches terminals for what is worth a notification. */
export class Attention {
  #preferences;
  #surroundings;
  /** When the command that each terminal runs began, and its text. @type {Map<string, { text: string, at: number }>} */
  #running = new Map();

  /**
   * @param {import("./preferences.js").Preferences} preferences
   * @param {Surroundings} surroundings
   */
  constructor(preferences, surroundings = browser()) {
    this.#preferences = preferences;
    this.#surroundings = surroundings;
  }

  /**
   * @param {Notice} notice
   * @param {() => void} show brings the terminal to the front
   */
  hear(notice, show) {
    const { terminalID } = notice.data;
    if (notice.type === "command.started") {
      this.#running.set(terminalID, {
        text: notice.data.commandLine ?? "",
        at: this.#surroundings.now(),
      });
    } else if (notice.type === "command.finished") {
      const began = this.#running.get(terminalID);
      this.#running.delete(terminalID);
      const seconds = began === undefined ? 0 : (this.#surroundings.now() - began.at) / 1000;
      if (seconds < LONG_SECONDS) return;
      const { exitCode } = notice.data;
      const how = exitCode === undefined || exitCode === 0 ? "has ended" : `failed with exit code ${exitCode}`;
      this.#tell(began?.text.split("\n")[0] || "A command", `It ${how}.`, show);
    } else if (notice.type === "notification") {
      const { title, body } = notice.data;
      this.#tell(title || "Terminal", body, show);
    }
  }

  /** @param {string} title @param {string} body @param {() => void} show */
  #tell(title, body, show) {
    if (!this.#preferences.get("isNotifying") || this.#surroundings.isSeen()) return;
    this.#surroundings.notify(title, body, show);
  }
}

/** @returns {Surroundings} */
function browser() {
  return {
    isSeen: () => !document.hidden && document.hasFocus(),
    notify: (title, body, act) => {
      if (!("Notification" in window) || Notification.permission !== "granted") return;
      const shown = new Notification(title, { body, tag: `ptybridge-${title}` });
      shown.addEventListener("click", () => {
        window.focus();
        shown.close();
        act();
      });
    },
    now: () => performance.now(),
  };
}

/**
 * The browser tab's title.
 * @param {{ title: string, session: string, hasBell: boolean,
 *   progress: { state: string, percent?: number } | null }} what
 */
export function pageTitle({ title, session, hasBell, progress }) {
  const percent = progress?.percent === undefined ? "" : `${progress.percent}% `;
  const failed = progress?.state === "error" ? "! " : "";
  const bell = hasBell ? "\u{2022} " : "";
  return `${bell}${failed}${percent}${title === "" ? session : title} – ptybridge`;
}
