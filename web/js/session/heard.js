/**
 * What the notices of a terminal say of its state (docs/wire.md section 8). Pure.
 */

/** @typedef {import("../wire.js").Notice} Notice */
/** @typedef {import("../wire.js").TerminalState} TerminalState */

/**
 * @param {Notice} notice
 * @returns {Partial<TerminalState> | null} what is different now; null if it says nothing of the state
 */
export function heard(notice) {
  switch (notice.type) {
    case "title":
      return { title: notice.data.title };
    case "cwd":
      return { cwd: notice.data.cwd };
    case "progress": {
      const { state, percent } = notice.data;
      return { progress: percent === undefined ? { state } : { state, percent } };
    }
    case "command.started":
      return { command: notice.data.commandLine ?? "" };
    case "command.finished":
    case "prompt.mark":
      return { command: undefined };
    default:
      return null;
  }
}
