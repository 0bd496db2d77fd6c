/**
 * What stands over the terminals while there is no connection: how long until the next attempt, and
 * that what is typed does not arrive. And afterwards, what did not.
 */

import { button, element } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";

/** A cut that is over so soon is not spoken of, unless something was typed meanwhile. */
const CALM_MS = 400;

const STEP_MS = 200;

export class OfflineView {
  #stage;
  #clock;
  #box;
  #countdown = element("p", { className: "offline-countdown", attributes: { "aria-hidden": "true" } });
  #lost = element("p", { className: "offline-lost", attributes: { "aria-live": "off" } });
  #bar = element("span", { className: "offline-bar", attributes: { "aria-hidden": "true" } });
  #after;
  #timer = 0;
  #keys = 0;
  #isUncertain = false;
  /** When the next attempt is made, and when that was decided, in milliseconds of the clock. */
  #until = 0;
  #from = 0;
  #isTrying = false;

  /**
   * @param {{ stage: HTMLElement, notices: HTMLElement }} hosts
   * @param {Pick<import("../socket.js").Clock, "now">} clock
   * @param {() => void} connect
   */
  constructor({ stage, notices }, clock, connect) {
    this.#stage = stage;
    this.#clock = clock;
    this.#box = element(
      "div",
      { className: "offline", attributes: { role: "alert" } },
      element("p", { className: "offline-title", text: "Offline: what you type does not arrive." }),
      this.#countdown,
      this.#lost,
      button("Reconnect now", connect, "primary"),
      this.#bar,
    );
    this.#after = new Notice(notices, { name: "unsent" }).add(button("Close", () => this.#after.hide()));
  }

  get isShown() {
    return this.#box.isConnected;
  }

  /** @param {number} until when the next attempt is made, in milliseconds of the clock */
  wait(until) {
    this.#until = until;
    this.#from = this.#clock.now();
    this.#isTrying = false;
    if (!this.isShown) {
      this.#after.hide();
      this.#box.style.animationDelay = `${this.#keys > 0 ? 0 : CALM_MS}ms`;
      this.#stage.append(this.#box);
    }
    this.#update();
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => this.#update(), STEP_MS);
  }

  /** An attempt is being made. */
  trying() {
    this.#isTrying = true;
    this.#update();
  }

  /** A key was typed, and is lost. */
  lostKey() {
    this.#keys += 1;
    this.#box.style.animationDelay = "0ms";
    this.#update();
  }

  /** What had been typed just before may be lost. */
  uncertain() {
    this.#isUncertain = true;
  }

  /** @param {boolean} isBack there is a connection again, rather than no hope of one */
  hide(isBack) {
    clearInterval(this.#timer);
    this.#box.remove();
    const lost = unsent(this.#keys, this.#isUncertain);
    if (isBack && lost !== "") this.#after.show(lost);
    this.#keys = 0;
    this.#isUncertain = false;
  }

  #update() {
    const left = Math.max(0, this.#until - this.#clock.now());
    const text = this.#isTrying || left === 0 ? "Connecting…" : `Trying again in ${countedDown(left)}.`;
    if (this.#countdown.textContent !== text) this.#countdown.textContent = text;
    const lost = this.#keys === 0 ? "" : `${countOf(this.#keys)} so far did not arrive.`;
    if (this.#lost.textContent !== lost) this.#lost.textContent = lost;
    const whole = this.#until - this.#from;
    this.#bar.style.transform = `scaleX(${whole > 0 ? left / whole : 0})`;
  }
}

/** @param {number} milliseconds */
export function countedDown(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} minutes`;
}

/** @param {number} keys */
function countOf(keys) {
  return keys === 1 ? "1 key" : `${keys} keys`;
}

/**
 * What was typed around a cut and did not arrive, or perhaps not.
 * @param {number} keys typed during it
 * @param {boolean} isUncertain something typed before it had not been taken yet
 */
export function unsent(keys, isUncertain) {
  const before = "what you typed just before the cut may be lost too";
  if (keys === 0) return isUncertain ? "The connection was cut: what you typed just before may not have arrived." : "";
  return `While there was no connection ${countOf(keys)} did not arrive${isUncertain ? `; ${before}` : ""}.`;
}
