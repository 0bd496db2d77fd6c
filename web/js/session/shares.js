/**
 * Share links of a session: the server's routes, and how a link is told of. Draws nothing.
 */

import { askApi } from "../api.js";

/** @typedef {{ id: string, role: "watcher" | "writer" | "owner", name: string, madeBy: string, created: number,
 *   expires: number | null, maxUses: number | null, uses: number }} Share times in milliseconds since the epoch */

/** @typedef {{ role: string, expiresIn: number | null, maxUses: number | null, name: string }} NewShare
 *   ``expiresIn`` in seconds; null: never, and any number of uses */

/** Each method throws ``ApiError`` where the server refuses. */
export class Shares {
  #path;

  /** @param {string} sessionID */
  constructor(sessionID) {
    this.#path = `sessions/${encodeURIComponent(sessionID)}/shares`;
  }

  /** @returns {Promise<Share[]>} newest last */
  async list() {
    return (await askApi("GET", this.#path)).shares;
  }

  /**
   * @param {NewShare} wanted
   * @returns {Promise<string>} the link, which is told this once
   */
  async create(wanted) {
    const { fragment } = await askApi("POST", this.#path, wanted);
    return new URL(fragment, document.baseURI).href;
  }

  /** @param {string} id whoever came by it is out */
  async revoke(id) {
    await askApi("DELETE", `${this.#path}/${encodeURIComponent(id)}`);
  }
}

/**
 * @param {Share} share
 * @param {number} now milliseconds since the epoch
 * @returns {{ text: string, isOver: boolean }} how often it was used, and until when it is good
 */
export function stateOfShare({ expires, maxUses, uses }, now) {
  const used = uses === 1 ? "used once" : uses === 0 ? "not used yet" : `used ${uses} times`;
  const count = maxUses === null ? used : `${uses} of ${maxUses} ${maxUses === 1 ? "use" : "uses"}`;
  if (expires !== null && expires <= now) return { text: `${count}, expired`, isOver: true };
  if (maxUses !== null && uses >= maxUses) return { text: `${count}, used up`, isOver: true };
  return { text: expires === null ? `${count}, never expires` : `${count}, ${until(expires - now)}`, isOver: false };
}

/** @param {number} left in milliseconds */
function until(left) {
  const minutes = Math.ceil(left / 60_000);
  if (minutes < 120) return `${minutes} min left`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours left` : `${Math.round(hours / 24)} days left`;
}
