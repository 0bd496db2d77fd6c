/**
 * How long a message to the server and its answer take: asked now and then, while somebody looks.
 */

import { RequestError } from "../client.js";

/** The time between two questions. */
export const PERIOD_MS = 5000;

/** How much a new answer counts. */
const WEIGHT = 0.3;

export class RoundTrip {
  #client;
  #clock;
  #isWanted;
  #timer = 0;
  #isOn = false;
  /** In milliseconds, smoothed; null before there is one. @type {number | null} */
  smoothed = null;
  /** @type {(milliseconds: number | null) => void} */
  onchange = () => {};

  /**
   * @param {Pick<import("../client.js").BridgeClient, "request">} client
   * @param {import("../socket.js").Clock} clock
   * @param {() => boolean} isWanted whether somebody may see it
   */
  constructor(client, clock, isWanted) {
    this.#client = client;
    this.#clock = clock;
    this.#isWanted = isWanted;
  }

  /** There is a connection, or another one: what was known of the last says nothing of it. */
  start() {
    this.stop();
    this.#isOn = true;
    void this.#measure();
  }

  stop() {
    this.#isOn = false;
    this.#clock.clearTimeout(this.#timer);
    this.smoothed = null;
    this.onchange(null);
  }

  /** Asks now: somebody has come to look. */
  now() {
    if (!this.#isOn) return;
    this.#clock.clearTimeout(this.#timer);
    void this.#measure();
  }

  async #measure() {
    if (this.#isWanted()) await this.#ask();
    if (!this.#isOn) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => void this.#measure(), PERIOD_MS);
  }

  async #ask() {
    const asked = this.#clock.now();
    try {
      await this.#client.request("ping");
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return; // the link broke: whoever stopped this knows
    }
    if (!this.#isOn) return;
    const took = this.#clock.now() - asked;
    this.smoothed = this.smoothed === null ? took : this.smoothed + WEIGHT * (took - this.smoothed);
    this.onchange(this.smoothed);
  }
}

/** @param {number} milliseconds */
export function shownTime(milliseconds) {
  if (milliseconds < 1) return "under 1 ms";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
