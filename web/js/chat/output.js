/**
 * What programs print, as text to read: a chat is no terminal. Pure.
 */

/** Control sequences (ECMA-48: CSI, OSC and other strings, two-byte escapes). */
const SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]{0,4}[0-~]/g;

/** Other control characters than the end of a line and tab. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/**
 * @param {string} text
 * @returns {string} its words: no colours, and of a line that was written over again its last state
 */
export function readable(text) {
  const plain = text.replace(SEQUENCES, "").replaceAll("\r\n", "\n");
  const lines = plain.includes("\r") ? plain.split("\n").map(lastState) : null;
  return (lines === null ? plain : lines.join("\n")).replace(CONTROLS, "");
}

/** @param {string} line with carriage returns, as progress bars write them */
function lastState(line) {
  return line.split("\r").findLast((state) => state !== "") ?? "";
}

/**
 * How a tool's command ended, and what it printed.
 * @param {string} output as a ``tool-result`` has it
 * @returns {{ outcome: string, text: string }} an empty ``outcome``: it does not say
 */
export function resultOf(output) {
  const found = /^(exit code \d+|signal \d+)(?:\n|$)/.exec(output);
  if (found === null) return { outcome: "", text: readable(output) };
  return { outcome: found[1] ?? "", text: readable(output.slice(found[0].length)) };
}
