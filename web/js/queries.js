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

/** OSC 52 puts text into the clipboard: once, and where the server offers it, not here. */
const OSC_CLIPBOARD = 52;

/** DEC private mode: focus gained and lost is typed. */
const FOCUS_REPORTS = 1004;

/**
 * The add-on for images answers two queries by itself, and is asked before what was there when it
 * came: so it is muted by what comes after it.
 * @param {Emulator} emulator
 * @param {() => boolean} isSilent
 */
export function muteImages(emulator, isSilent) {
  emulator.parser.registerCsiHandler({ final: "c" }, isSilent); // DA1
  emulator.parser.registerCsiHandler({ prefix: "?", final: "S" }, isSilent); // XTSMGRAPHICS
}

/**
 * Swallows queries, and what acts beyond the screen, for as long as ``isMuted`` says so: old output
 * that is shown again must not be answered again.
 *
 * Switching focus reports on (DECSET 1004) must take effect, but makes the emulator type a report
 * at once; in old output nobody waits for it, and a shell would take it for keys.
 * @param {Emulator} emulator
 * @param {() => boolean} isMuted
 * @param {() => boolean} isAnswered somebody else answers all queries, those in new output too
 * @returns {(text: string) => boolean} asked for all that the emulator types: whether it is such
 *   a report
 */
export function muteQueries(emulator, isMuted, isAnswered) {
  const isSilent = () => isAnswered() || isMuted();
  for (const id of CSI_QUERIES) emulator.parser.registerCsiHandler(id, isSilent);
  emulator.parser.registerDcsHandler({ intermediates: "$", final: "q" }, isSilent);
  for (const number of OSC_QUERIES) {
    emulator.parser.registerOscHandler(number, (text) => isSilent() && text.includes("?"));
  }
  emulator.parser.registerOscHandler(OSC_CLIPBOARD, isSilent);

  let isReportDue = false;
  emulator.parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => {
    if (isMuted() && modes.includes(FOCUS_REPORTS)) isReportDue = true;
    return false;
  });
  return (text) => {
    if (!isReportDue || (text !== "\x1b[I" && text !== "\x1b[O")) return false;
    isReportDue = false;
    return true;
  };
}
