/**
 * The channel's messages, newest last: it stays at the end unless somebody has scrolled up, fetches
 * older ones when they come to the top, and marks where what is new begins.
 */

import { button, element } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { MessageView } from "./message_view.js";

/** @typedef {import("../session/model.js").SessionModel} SessionModel */
/** @typedef {import("../session/model.js").ChatMessage} ChatMessage */
/** @typedef {import("./message_view.js").Actions} Actions */

/** How near to the end still counts as at the end, and how near to the top calls for more. */
const NEAR_PX = 48;
const TOP_PX = 240;

/** Within that time, what the same person says goes on below the same name. */
const TOGETHER_MS = 5 * 60_000;

export class LogView {
  #model;
  #actions;
  #older;
  #list = element("div", {
    className: "log",
    attributes: { role: "log", "aria-label": "Messages", tabindex: "0" },
  });
  #top = element("p", { className: "log-top" });
  #mark = element("p", { className: "log-mark", text: "New", attributes: { role: "separator" } });
  #pill = button("", () => this.toEnd(), "log-pill");
  /** @type {Map<string, MessageView>} */
  #views = new Map();
  /** What has to be shown again at the next frame. @type {Set<string>} */
  #changed = new Set();
  #frame = 0;
  #hasNew = false;
  #isAtEnd = true;
  #isFetching = false;
  #unseen = 0;
  /** Messages with a greater number are new; null: nothing is marked. @type {number | null} */
  #markedAfter = null;

  /** @type {() => void} the newest message can be seen, or no more */
  onseen = () => {};

  /**
   * @param {SessionModel} model
   * @param {Actions} actions
   * @param {() => Promise<void>} older fetches older messages into the model
   */
  constructor(model, actions, older) {
    this.#model = model;
    this.#actions = actions;
    this.#older = older;
    this.#pill.hidden = true;
    this.element = element("div", { className: "log-host" }, this.#list, this.#pill);
    this.#list.append(this.#top);
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#isAtEnd && this.#jump()).observe(this.#list);
    model.changed.add((change) => {
      if (change.kind === "reset") this.#drawAll();
      else if (change.kind === "older") this.#drawOlder();
      else if (change.kind === "message") this.#touch(change.message, change.isNew);
      else if (change.kind === "members") this.#drawLater([...this.#views.keys()]); // one's role may differ
    });
    this.#drawAll();
  }

  get isAtEnd() {
    return this.#isAtEnd;
  }

  /** @param {number | null} number messages behind it are marked as new */
  markAfter(number) {
    this.#markedAfter = number;
    this.#placeMark();
  }

  toEnd() {
    this.#isAtEnd = true;
    this.#jump();
    this.#countUnseen(0);
    this.onseen();
  }

  #jump() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    if (clientHeight === 0) return; // it cannot be seen
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#isAtEnd) {
      this.#countUnseen(0);
      this.onseen();
    }
    if (scrollTop < TOP_PX) void this.#fetch();
  }

  async #fetch() {
    if (!this.#model.hasOlder || this.#isFetching) return;
    this.#isFetching = true;
    this.#top.textContent = "Loading older messages…";
    try {
      await this.#older();
    } finally {
      this.#isFetching = false;
      this.#showTop();
    }
  }

  #showTop() {
    this.#top.textContent = this.#model.hasOlder || this.#views.size === 0 ? "" : "The channel begins here.";
    this.#list.toggleAttribute("data-empty", this.#views.size === 0);
  }

  // --- drawing

  #drawAll() {
    this.#views.clear();
    this.#changed.clear();
    const made = [...this.#model.messages.values()].map((message) => this.#make(message));
    this.#list.replaceChildren(this.#top, ...made);
    this.#join();
    this.#showTop();
    this.toEnd();
  }

  #drawOlder() {
    const before = this.#list.scrollHeight - this.#list.scrollTop;
    const made = [];
    for (const message of this.#model.messages.values()) {
      if (this.#views.has(message.id)) break;
      made.push(this.#make(message));
    }
    this.#top.after(...made);
    this.#join();
    this.#showTop();
    this.#list.scrollTop = this.#list.scrollHeight - before;
  }

  /** @param {ChatMessage} message */
  #make(message) {
    const view = new MessageView(message, this.#actions);
    this.#views.set(message.id, view);
    return view.element;
  }

  /** @param {ChatMessage} message @param {boolean} isNew */
  #touch(message, isNew) {
    if (isNew) {
      this.#list.append(this.#make(message));
      this.#hasNew = true;
      if (!this.#isAtEnd) this.#countUnseen(this.#unseen + 1);
    }
    this.#drawLater([message.id]);
  }

  #arrange() {
    this.#hasNew = false;
    this.#dropForgotten();
    this.#join();
    this.#showTop();
  }

  /** Messages that the model keeps no more. */
  #dropForgotten() {
    for (const [id, view] of this.#views) {
      if (this.#model.messages.has(id)) break;
      view.element.remove();
      this.#views.delete(id);
    }
  }

  /** @param {string[]} ids however often they change, they are shown once a frame */
  #drawLater(ids) {
    for (const id of ids) this.#changed.add(id);
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#hasNew) this.#arrange();
      for (const id of this.#changed) this.#views.get(id)?.show();
      this.#changed.clear();
      if (this.#isAtEnd) this.#jump();
      this.onseen();
    });
  }

  /** What one person says in a row stands below one name; a new day has its own line. */
  #join() {
    let day = new Date().toDateString();
    /** @type {ChatMessage | null} */
    let before = null;
    for (const { message, element: article } of this.#views.values()) {
      const its = new Date(message.time).toDateString();
      article.toggleAttribute("data-joined", before !== null && its === day && isSameVoice(before, message));
      if (its !== day) article.dataset["day"] = dayOf(message.time);
      else delete article.dataset["day"];
      day = its;
      before = message;
    }
    this.#placeMark();
  }

  #placeMark() {
    const after = this.#markedAfter;
    const own = this.#actions.own;
    const isNew = (/** @type {MessageView} */ { message }) => message.number > (after ?? 0) && message.author !== own;
    const first = after === null ? undefined : [...this.#views.values()].find(isNew);
    if (first === undefined) this.#mark.remove();
    else if (this.#mark.nextElementSibling !== first.element) first.element.before(this.#mark);
  }

  /** @param {number} count */
  #countUnseen(count) {
    this.#unseen = count;
    this.#pill.hidden = count === 0;
    if (count > 0) this.#pill.replaceChildren(`${count} new`, icon("down"));
  }
}

/** @param {ChatMessage} first @param {ChatMessage} next */
function isSameVoice(first, next) {
  return (
    first.author === next.author &&
    first.role === next.role &&
    first.isPrompt === next.isPrompt &&
    next.role === "user" &&
    next.time - first.time < TOGETHER_MS
  );
}

/** @param {number} time */
function dayOf(time) {
  return new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}
