/**
 * Everything that can be done, by name: shortcuts, menus and the palette all choose from here.
 */

/**
 * @typedef {object} Command
 * @property {string} id such as "terminal.new"
 * @property {string} title as people read it
 * @property {() => void} run
 * @property {string} [keys] such as "Ctrl+Shift+K"; on a Mac Ctrl is the command key
 * @property {() => boolean} [isPossible] without it, always
 * @property {import("../ui/icons.js").IconName} [icon]
 */

export const isMac =
  typeof navigator === "object" && /Mac|iPhone|iPad/.test(navigator.platform ?? "");

export class Commands {
  /** @type {Map<string, Command>} */
  #all = new Map();

  /**
   * @param {Command[]} commands
   * @param {AbortSignal} [signal] takes them away again
   */
  add(commands, signal) {
    for (const command of commands) this.#all.set(command.id, command);
    signal?.addEventListener("abort", () => {
      for (const { id, run } of commands) if (this.#all.get(id)?.run === run) this.#all.delete(id);
    });
  }

  /** What can be done now, in the order in which it was added. */
  get possible() {
    return [...this.#all.values()].filter(({ isPossible }) => isPossible?.() ?? true);
  }

  /** @param {string} id */
  run(id) {
    const command = this.#all.get(id);
    if (command !== undefined && (command.isPossible?.() ?? true)) command.run();
  }

  /**
   * Does what a key stands for.
   * @param {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} event
   * @returns {boolean} whether it was a shortcut
   */
  handle(event) {
    const pressed = chordOf(event);
    if (pressed === null) return false;
    const command = this.possible.find(({ keys }) => keys === pressed);
    command?.run();
    return command !== undefined;
  }
}

/**
 * A key with its modifiers as ``Command.keys`` writes it.
 * @param {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} event
 * @param {boolean} [onMac]
 * @returns {string | null} null without Ctrl (or the command key) and Alt: such keys are the shell's
 */
export function chordOf(event, onMac = isMac) {
  const { code, key, shiftKey, altKey } = event;
  const isMain = onMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (!isMain && !altKey) return null;
  const name = /^(?:Key|Digit)(.)$/.exec(code)?.[1] ?? NAMES[code] ?? key;
  const parts = [isMain ? "Ctrl" : "", altKey ? "Alt" : "", shiftKey ? "Shift" : "", name];
  return parts.filter((part) => part !== "").join("+");
}

/** @type {Record<string, string>} */
const NAMES = {
  Equal: "=",
  Minus: "-",
  Comma: ",",
  Period: ".",
  Slash: "/",
  Backslash: "\\",
  BracketLeft: "[",
  BracketRight: "]",
  Backquote: "`",
  Space: "Space",
};

/**
 * Keys as people see them on their keyboard.
 * @param {string} keys
 * @param {boolean} [onMac]
 */
export function shownKeys(keys, onMac = isMac) {
  if (!onMac) return keys;
  const symbols = { Ctrl: "⌘", Alt: "⌥", Shift: "⇧" };
  return keys
    .split("+")
    .map((part) => symbols[/** @type {keyof typeof symbols} */ (part)] ?? part)
    .join("");
}
