/**
 * Who is here: their marks in the bar, and behind them a list with what one may do.
 */

import { button, element } from "../ui/dom.js";
import { Popover } from "../ui/popover.js";
import { avatar } from "./avatar.js";
import { elsewhere, isTurnTaking, peopleOf } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("../wire.js").Viewer} Viewer */
/** @typedef {import("../terminal/pane.js").TerminalPane} TerminalPane */

/** So many marks stand in the bar; whoever else is here is counted. */
const MOST_MARKS = 3;

const ACTIONS = Object.freeze({
  give: { text: "Hand over", action: /** @type {const} */ ("grant") },
  let: { text: "Let type", action: /** @type {const} */ ("grant") },
  silence: { text: "Only watch", action: /** @type {const} */ ("revoke") },
});

export class PeopleView {
  #host;
  /** @type {(action: "grant" | "revoke" | "request" | "release", to?: string) => void} */
  #act;
  #marks = element("span", { className: "people-marks", attributes: { "aria-hidden": "true" } });
  #button;
  #popover;
  #here = element("ul", { className: "people-list" });
  #others = element("ul", { className: "people-list" });
  #othersHead = element("h3", { text: "Elsewhere" });
  #keyboard = element("div", { className: "people-keyboard" });
  #shown = "";

  /**
   * @param {HTMLElement} host
   * @param {(action: "grant" | "revoke" | "request" | "release", to?: string) => void} act
   */
  constructor(host, act) {
    this.#host = host;
    this.#act = (action, to) => {
      this.#popover.close();
      act(action, to);
    };
    this.#button = element("button", { className: "people-button", attributes: { type: "button" } }, this.#marks);
    host.append(this.#button);
    this.#popover = new Popover(
      this.#button,
      "People",
      element("h3", { text: "At this terminal" }),
      this.#here,
      this.#othersHead,
      this.#others,
      this.#keyboard,
    );
  }

  /**
   * @param {TerminalPane | null} pane the one in front
   * @param {Iterable<import("../wire.js").Member>} members
   * @param {{ title: string, viewers: Viewer[] }[]} others other terminals of which it is known who views them
   */
  show(pane, members, others) {
    const viewers = pane?.viewers ?? [];
    const own = pane?.own ?? null;
    const here = peopleOf(viewers, own, pane?.view.size ?? null);
    const away = elsewhere(members, viewers, others);
    const isTurn = isTurnTaking(viewers);
    const key = JSON.stringify([here, away, own?.id, own?.waits]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#host.hidden = here.length < 2 && away.length === 0;
    if (this.#host.hidden) this.#popover.close();
    this.#showMarks([...here.filter(({ isOwn }) => !isOwn), ...away]);
    const names = [...here, ...away].map(({ name, isOwn }) => (isOwn ? "you" : name));
    const count = here.length === 1 ? "1 viewer" : `${here.length} viewers`;
    this.#button.setAttribute("aria-label", `${count}: ${names.join(", ")}`);
    this.#button.title = names.join(", ");
    this.#here.replaceChildren(...here.map((person) => this.#row(person)));
    this.#others.replaceChildren(...away.map((person) => this.#row(person)));
    this.#othersHead.hidden = this.#others.hidden = away.length === 0;
    this.#keyboard.replaceChildren();
    if (isTurn && own !== null && own.role !== "watcher") this.#keyboard.append(this.#ownAction(own));
    this.#popover.refit();
  }

  /** @param {Person[]} people without oneself */
  #showMarks(people) {
    const marks = people.slice(0, MOST_MARKS).map((person) => {
      const mark = avatar(person.name);
      mark.toggleAttribute("data-keyboard", person.hasKeyboard);
      mark.toggleAttribute("data-away", !person.isPresent);
      return mark;
    });
    const rest = people.length - marks.length;
    if (rest > 0) marks.push(element("span", { className: "avatar avatar-rest", text: `+${rest}` }));
    this.#marks.replaceChildren(...marks);
  }

  /** @param {Viewer} own */
  #ownAction(own) {
    if (own.controls) return button("Give the keyboard up", () => this.#act("release"));
    if (own.waits) return button("Ask no more", () => this.#act("release"));
    const text = own.role === "owner" ? "Take it" : "Ask for it";
    return button(text, () => this.#act("request"));
  }

  /** @param {Person} person */
  #row({ name, states, isOwn, hasKeyboard, viewer, actions }) {
    const mark = avatar(name);
    mark.toggleAttribute("data-keyboard", hasKeyboard);
    return element(
      "li",
      { className: "person" },
      mark,
      element(
        "span",
        { className: "person-words" },
        element("span", { className: "person-name", text: isOwn ? `${name} (you)` : name }),
        element("span", { className: "person-state", text: states.join(", ") }),
      ),
      ...actions.map((each) => {
        const { text, action } = ACTIONS[each];
        return button(text, () => this.#act(action, viewer?.id));
      }),
    );
  }
}
