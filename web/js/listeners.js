/**
 * Who wants to hear of something, in the order in which they came.
 */

/** @template {unknown[]} Facts */
export class Listeners {
  /** @type {Set<(...facts: Facts) => void>} */
  #all = new Set();

  /**
   * @param {(...facts: Facts) => void} listener
   * @param {AbortSignal} [signal] when it is aborted, the listener hears no more
   */
  add(listener, signal) {
    if (signal?.aborted) return;
    this.#all.add(listener);
    signal?.addEventListener("abort", () => this.#all.delete(listener), { once: true });
  }

  /** @param {Facts} facts */
  tell(...facts) {
    for (const listener of [...this.#all]) listener(...facts);
  }
}
