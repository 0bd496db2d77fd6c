/**
 * The settings of this browser: every preference, with what it does; a change is seen at once.
 */

import { SCHEMES } from "../terminal/schemes.js";
import { element } from "../ui/dom.js";
import { openDialog } from "../ui/dialog.js";

/** @typedef {import("./preferences.js").Preferences} Preferences */
/** @typedef {import("./preferences.js").Values} Values */
/**
 * @template {Values[keyof Values]} Kind
 * @typedef {{ [Name in keyof Values]: Values[Name] extends Kind ? Name : never }[keyof Values]} NamesOf
 */

/** @param {Preferences} preferences */
export async function openSettings(preferences) {
  const form = new SettingsForm(preferences);
  await openDialog({
    title: "Settings",
    className: "settings",
    body: [
      form.group(
        "Look",
        form.choice("look", "Page", { system: "As the system", dark: "Dark", light: "Light", contrast: "High contrast" }),
        form.choice("scheme", "Terminal colours", schemes()),
        form.number("minimumContrast", "Contrast of text, at least", { min: 1, max: 21, step: 0.5 }),
      ),
      form.group(
        "Letters",
        form.text("fontFamily", "Font", "the system's monospaced font"),
        form.number("fontSize", "Size in pixels", { min: 6, max: 40, step: 1 }),
        form.number("lineHeight", "Height of a row", { min: 1, max: 2, step: 0.05 }),
        form.check("hasLigatures", "Ligatures, where the font has them"),
      ),
      form.group(
        "Terminal",
        form.choice("cursorStyle", "Cursor", { block: "Block", bar: "Bar", underline: "Underline" }),
        form.check("cursorBlink", "Cursor blinks"),
        form.number("scrollback", "Lines kept above the screen", { min: 0, max: 200_000, step: 1000 }),
        form.choice("bell", "Bell", { mark: "Marks the tab", flash: "Flashes", sound: "Sounds" }),
        form.check("hasCommandMarks", "Marks beside commands, where the shell tells of them"),
        form.check("hasImages", "Images (sixel, iTerm2)"),
      ),
      form.group(
        "Clipboard and notifications",
        form.check("isCopyOnSelect", "Selecting copies"),
        form.choice("clipboardWrites", "Programs may fill the clipboard", {
          ask: "After a question",
          always: "Always",
          never: "Never",
        }),
        form.check("isNotifying", "Tell me when a long command ends while I look elsewhere", askToNotify),
      ),
      form.group(
        "Touch",
        form.choice("keyBar", "Bar of keys", { auto: "Where fingers type", always: "Always", never: "Never" }),
      ),
      form.group("Access", form.check("isScreenReader", "Screen reader mode: what is printed is read out")),
    ],
  });
}

function schemes() {
  const named = Object.entries(SCHEMES).map(([key, { name }]) => [key, name]);
  return { page: "Those of the page", .../** @type {Record<string, string>} */ (Object.fromEntries(named)) };
}

/** @returns {Promise<boolean>} whether the browser lets the page tell */
async function askToNotify() {
  if (!("Notification" in window)) return false;
  return (await Notification.requestPermission()) === "granted";
}

class SettingsForm {
  #preferences;

  /** @param {Preferences} preferences */
  constructor(preferences) {
    this.#preferences = preferences;
  }

  /** @param {string} title @param {...HTMLElement} rows */
  group(title, ...rows) {
    return element("fieldset", { className: "settings-group" }, element("legend", { text: title }), ...rows);
  }

  /**
   * @param {NamesOf<string>} name
   * @param {string} label
   * @param {Record<string, string>} choices
   */
  choice(name, label, choices) {
    const select = element("select");
    for (const [value, text] of Object.entries(choices)) {
      select.append(element("option", { text, attributes: { value } }));
    }
    select.value = this.#preferences.get(name);
    select.addEventListener("change", () => this.#preferences.set(name, select.value));
    return row(label, select);
  }

  /**
   * @param {NamesOf<number>} name
   * @param {string} label
   * @param {{ min: number, max: number, step: number }} range
   */
  number(name, label, range) {
    const attributes = Object.fromEntries(Object.entries(range).map(([key, value]) => [key, String(value)]));
    const input = element("input", { attributes: { type: "number", ...attributes } });
    input.value = String(this.#preferences.get(name));
    input.addEventListener("change", () => {
      const value = input.valueAsNumber;
      const isGood = Number.isFinite(value) && value >= range.min && value <= range.max;
      if (isGood) this.#preferences.set(name, value);
      else input.value = String(this.#preferences.get(name));
    });
    return row(label, input);
  }

  /**
   * @param {NamesOf<string>} name
   * @param {string} label
   * @param {string} placeholder
   */
  text(name, label, placeholder) {
    const input = element("input", { attributes: { placeholder, spellcheck: "false", maxlength: "200" } });
    input.value = this.#preferences.get(name);
    input.addEventListener("change", () => this.#preferences.set(name, input.value));
    return row(label, input);
  }

  /**
   * @param {NamesOf<boolean>} name
   * @param {string} label
   * @param {() => Promise<boolean>} [mayBeOn] asked before it is switched on
   */
  check(name, label, mayBeOn = async () => true) {
    const input = element("input", { attributes: { type: "checkbox" } });
    input.checked = this.#preferences.get(name);
    input.addEventListener("change", async () => {
      if (input.checked && !(await mayBeOn())) input.checked = false;
      this.#preferences.set(name, input.checked);
    });
    return element("label", { className: "settings-check" }, input, element("span", { text: label }));
  }
}

/** @param {string} label @param {HTMLElement} control */
function row(label, control) {
  control.id = `setting-${label.toLowerCase().replaceAll(/\W+/g, "-")}`;
  const name = element("label", { text: label, attributes: { for: control.id } });
  return element("div", { className: "settings-row" }, name, control);
}
