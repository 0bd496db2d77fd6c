/**
 * Keyboards on glass: they tell what has changed in a text field, not which key was pressed.
 *
 * The emulator takes what they insert. What they take away it cannot see, because its field is
 * empty: so the field holds a blank for them to take, and each one taken is a Backspace.
 */

const BLANK = "\u00a0";

/** The key code of a key that a keyboard on glass does not tell (UI Events, section 7.3). */
const UNTOLD = 229;

/** What a keyboard wants, by ``InputEvent.inputType``. @type {Record<string, string>} */
const TYPED = {
  deleteContentBackward: "\x7f",
  deleteWordBackward: "\x17",
  deleteSoftLineBackward: "\x15",
  deleteContentForward: "\x1b[3~",
  insertLineBreak: "\r",
  insertParagraph: "\r",
};

/**
 * @param {HTMLTextAreaElement} field the emulator's
 * @param {(text: string) => void} type
 * @param {AbortSignal} signal
 */
export function connectSoftKeyboard(field, type, signal) {
  let isUntold = false;
  let isComposing = false;
  const refill = () => {
    if (!isComposing && isUntold && field.value === "") field.value = BLANK;
  };
  field.setAttribute("autocomplete", "off");
  field.setAttribute("enterkeyhint", "enter");
  // Above the field: the emulator, which listens there, must find it filled already.
  const above = field.parentElement ?? field;
  above.addEventListener(
    "keydown",
    (event) => {
      isUntold = event.keyCode === UNTOLD;
      refill();
    },
    { capture: true, signal },
  );
  field.addEventListener("compositionstart", () => (isComposing = true), { signal });
  field.addEventListener("compositionend", () => (isComposing = false), { signal });
  above.addEventListener(
    "beforeinput",
    (event) => {
      const typed = TYPED[event.inputType];
      if (typed === undefined || !isUntold || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      type(typed);
      refill();
    },
    { capture: true, signal },
  );
}
