/**
 * The sequences by which programs ask a terminal something, and which an emulator answers by
 * typing: the one place that decides whether this page's emulator may.
 */

/** @typedef {import("../vendor/xterm/xterm.mjs").Terminal} Emulator */

/** @type {import("../vendor/xterm/xterm.mjs").IFunctionIdentifier[]} */
const CSI_QUERIES = [
  { final: "c" }, // DA1
  { prefix: ">", final: "c" }, // DA2
  { prefix: "=", final: "c" }, // DA3
  { final: "n" }, // DSR, CPR
  { prefix: "?", final: "n" }, // DECXCPR and others
  { intermediates: "$", final: "p" }, // DECRQM
  { prefix: "?", intermediates: "$", final: "p" },
  { prefix: ">", final: "q" }, // XTVERSION
];

/** OSC numbers that ask when their text holds a question mark: colours. */
const OSC_QUERIES = [4, 10, 11, 12];

/** OSC 52 puts text into the clipboard: once, not each time that it is shown. */
const OSC_CLIPBOARD = 52;

/**
 * Swallows queries, and what acts beyond the screen, for as long as ``isMuted`` says so: old output that is shown again must not be
 * answered again.
 * @param {Emulator} emulator
 * @param {() => boolean} isMuted
 */
export function muteQueries(emulator, isMuted) {
  for (const id of CSI_QUERIES) emulator.parser.registerCsiHandler(id, () => isMuted());
  emulator.parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => isMuted());
  for (const number of OSC_QUERIES) {
    emulator.parser.registerOscHandler(number, (text) => isMuted() && text.includes("?"));
  }
  emulator.parser.registerOscHandler(OSC_CLIPBOARD, () => isMuted());
}
