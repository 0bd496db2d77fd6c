/**
 * The strip of tabs, as WAI-ARIA's tabs pattern says: arrow keys move between tabs, Enter or a click
 * shows one, Delete closes it. On a narrow page it is one button with a menu of all.
 */

import { element, iconButton } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";
import { MarksView } from "./marks.js";

/**
 * @typedef {object} TabState
 * @property {number} id
 * @property {string} terminal whose title it has
 * @property {string} title
 * @property {number} count of its terminals
 * @property {boolean} isCurrent
 * @property {import("./marks.js").Marks} marks
 *
 * @typedef {object} Deeds what a strip's user wants done
 * @property {(id: number) => void} show
 * @property {(id: number) => void} close
 * @property {(id: number) => void} rename
 * @property {(id: number) => (import("../ui/menu.js").Item | null)[]} menu what can be done with a tab
 * @property {() => void} open another terminal
 */

/** A tab's elements. */
class TabItem {
  marks = new MarksView();
  #title = element("span", { className: "tab-title" });
  #count = element("span", { className: "tab-count" });
  /** @type {TabState} */
  state;

  /** @param {TabState} state @param {Deeds} deeds @param {string} panel the id of what tabs show */
  constructor(state, deeds, panel) {
    this.state = state;
    const { id } = state;
    this.tab = element(
      "button",
      {
        className: "tab",
        attributes: { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel },
        on: { click: () => deeds.show(id), dblclick: () => deeds.rename(id) },
      },
      this.#title,
      this.#count,
      this.marks.element,
    );
    // For the mouse alone: Delete on the tab does the same, and a list of tabs holds nothing else.
    const close = element(
      "button",
      {
        className: "tab-close",
        title: "Close",
        attributes: { type: "button", tabindex: "-1", "aria-hidden": "true" },
        on: { click: () => deeds.close(id) },
      },
      icon("close"),
    );
    this.element = element("div", { className: "tab-item", attributes: { role: "presentation" } }, this.tab, close);
    this.element.addEventListener("auxclick", (event) => {
      if (event.button === 1) deeds.close(id);
    });
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
    });
    this.element.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      openMenu(this.tab, deeds.menu(id), { label: state.title });
    });
  }

  /** @param {TabState} state */
  show(state) {
    this.state = state;
    const { title, count, isCurrent, marks, terminal } = state;
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.tab.title = title;
    this.tab.dataset["terminal"] = terminal;
    this.#count.textContent = count > 1 ? String(count) : "";
    this.#count.title = count > 1 ? `${count} terminals` : "";
    this.tab.setAttribute("aria-selected", String(isCurrent));
    this.element.toggleAttribute("data-current", isCurrent);
    this.tab.tabIndex = isCurrent ? 0 : -1;
    this.tab.toggleAttribute("data-news", marks.hasNews ?? false);
    this.tab.toggleAttribute("data-bell", marks.hasBell ?? false);
    this.marks.show(marks);
  }
}

export class TabStrip {
  #host;
  #deeds;
  #panel;
  #list = element("div", {
    className: "tab-list",
    attributes: { role: "tablist", "aria-label": "Terminals" },
  });
  #insertion = element("div", { className: "tab-insertion" });
  /** @type {Map<number, TabItem>} */
  #items = new Map();
  #menu;
  #menuTitle = element("span", { className: "tab-title" });
  #menuMarks = new MarksView();
  #plus;

  /** @type {(element: HTMLElement, id: number) => void} a tab came to be, and can be dragged */
  onmade = () => {};

  /** @param {HTMLElement} host @param {Deeds} deeds @param {string} panel the id of what tabs show */
  constructor(host, deeds, panel) {
    this.#host = host;
    this.#deeds = deeds;
    this.#panel = panel;
    this.#plus = iconButton("plus", "New terminal", () => deeds.open(), "tab-new");
    this.#menu = element(
      "button",
      {
        className: "tab-menu quiet",
        attributes: { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" },
        on: { click: () => this.#openMenu() },
      },
      this.#menuTitle,
      this.#menuMarks.element,
      icon("down"),
    );
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("wheel", (event) => {
      if (event.deltaX === 0) this.#list.scrollLeft += event.deltaY;
    }, { passive: true });
    host.replaceChildren(this.#list, this.#menu, this.#plus);
  }

  /** @param {TabState[]} tabs @param {string} denied why no terminal can be opened; empty when it can */
  show(tabs, denied) {
    const before = this.#current?.state.id;
    for (const [id, item] of this.#items) {
      if (tabs.some((tab) => tab.id === id)) continue;
      const hadFocus = item.element.contains(document.activeElement);
      item.element.remove();
      this.#items.delete(id);
      if (hadFocus) queueMicrotask(() => this.focus());
    }
    tabs.forEach((tab, index) => {
      const item = this.#items.get(tab.id) ?? this.#make(tab);
      item.show(tab);
      if (this.#list.children[index] !== item.element) {
        this.#list.insertBefore(item.element, this.#list.children[index] ?? null);
      }
    });
    this.#plus.disabled = denied !== "";
    this.#plus.title = denied || "New terminal";
    const current = this.#current;
    this.#menuTitle.textContent = current?.state.title ?? "No terminal";
    const others = tabs.filter(({ isCurrent }) => !isCurrent);
    this.#menuMarks.show({
      ...current?.state.marks,
      hasNews: others.some(({ marks }) => marks.hasNews),
      hasBell: others.some(({ marks }) => marks.hasBell),
    });
    if (current !== undefined && current.state.id !== before) {
      current.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  /** @param {TabState} tab */
  #make(tab) {
    const item = new TabItem(tab, this.#deeds, this.#panel);
    this.#items.set(tab.id, item);
    this.onmade(item.element, tab.id);
    return item;
  }

  get #current() {
    return [...this.#items.values()].find(({ state }) => state.isCurrent);
  }

  /** Moves the keyboard's focus to the tab in front. */
  focus() {
    if (this.#menu.offsetParent !== null) this.#menu.focus();
    else (this.#current?.tab ?? this.#plus).focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const tabs = this.#ordered.map(({ tab }) => tab);
    const at = tabs.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const item = this.#ordered[at];
    if (item === undefined) return;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) tabs.at(next % tabs.length)?.focus();
    else if (event.key === "Delete") this.#deeds.close(item.state.id);
    else if (event.key === "F2") this.#deeds.rename(item.state.id);
    else return;
    event.preventDefault();
  }

  get #ordered() {
    return [...this.#list.children].flatMap((child) => {
      const item = [...this.#items.values()].find(({ element: own }) => own === child);
      return item === undefined ? [] : [item];
    });
  }

  #openMenu() {
    const tabs = this.#ordered.map(({ state: { id, title, isCurrent } }) => ({
      text: title,
      isChecked: isCurrent,
      act: () => this.#deeds.show(id),
    }));
    const current = this.#current;
    const own = current === undefined ? [] : [null, ...this.#deeds.menu(current.state.id)];
    const more = this.#plus.disabled
      ? []
      : [null, { text: "New terminal", icon: /** @type {const} */ ("plus"), act: () => this.#deeds.open() }];
    openMenu(this.#menu, [...tabs, ...more, ...own], { label: "Terminals" });
  }

  // --- dragging

  /**
   * @param {number} x @param {number} y in CSS pixels of the page
   * @returns {number | null} between which tabs that is; null where it is not in the strip's line
   */
  indexAt(x, y) {
    const { top, bottom } = this.#host.getBoundingClientRect();
    if (y < top - 8 || y > bottom) return null;
    const middles = this.#ordered.map(({ element: own }) => {
      const { left, width } = own.getBoundingClientRect();
      return left + width / 2;
    });
    const index = middles.findIndex((middle) => x < middle);
    return index < 0 ? middles.length : index;
  }

  /** @param {number | null} index where something would be put; null: nowhere */
  mark(index) {
    if (index === null) {
      this.#insertion.remove();
      return;
    }
    const boxes = this.#ordered.map(({ element: own }) => own.getBoundingClientRect());
    const box = this.#host.getBoundingClientRect();
    const at = boxes[index]?.left ?? boxes.at(-1)?.right ?? box.left;
    this.#insertion.style.left = `${at - box.left}px`;
    if (!this.#insertion.isConnected) this.#host.append(this.#insertion);
  }
}
