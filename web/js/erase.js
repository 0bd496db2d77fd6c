/**
 * A fault of xterm.js 6.0.0, kept away from the page: erasing up to the cursor (ED 1) throws in
 * the last column of a screen's last row, as long as there is nothing below it in the buffer, and
 * the emulator then shows nothing more, ever.
 */

/**
 * @typedef {object} Emulator what is needed of xterm.js's ``Terminal``
 * @property {number} rows
 * @property {number} cols
 * @property {{active: {cursorX: number, cursorY: number}}} buffer
 * @property {{registerCsiHandler(id: {prefix?: string, final: string}, handler: (parameters: (number | number[])[]) => boolean): unknown}} parser
 */

const UP_TO_CURSOR = 1;
const ALL = 2;

/**
 * Erases the whole screen where that is the same, and does not throw.
 * @param {Emulator} emulator
 */
export function guardErase(emulator) {
  /** @type {{eraseInDisplay(parameters: {params: number[]}, isSelective: boolean): boolean}} */
  const handlers = /** @type {any} */ (emulator)._core._inputHandler;
  for (const prefix of ["", "?"]) {
    emulator.parser.registerCsiHandler({ ...(prefix && { prefix }), final: "J" }, ([extent]) => {
      const { cursorX, cursorY } = emulator.buffer.active;
      const isAtEnd = cursorX >= emulator.cols - 1 && cursorY === emulator.rows - 1;
      if (extent !== UP_TO_CURSOR || !isAtEnd) return false;
      return handlers.eraseInDisplay({ params: [ALL] }, prefix === "?");
    });
  }
}
