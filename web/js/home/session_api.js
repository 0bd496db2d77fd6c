/**
 * The server's routes for sessions and their terminals, as a home page needs them. Draws nothing.
 */

import { askApi } from "../api.js";

/** @typedef {import("../wire.js").Member} Member */
/** @typedef {import("../wire.js").TerminalState & { end?: number, renamed?: boolean }} ListedTerminal */
/**
 * @typedef {object} ListedSession as ``GET /api/sessions`` tells it
 * @property {string} id
 * @property {number} created milliseconds since the Unix epoch
 * @property {string} [title]
 * @property {ListedTerminal[]} terminals
 * @property {Member[]} members
 * @property {"watcher" | "writer" | "owner"} role one's own
 * @property {number} unread messages
 * @property {boolean} answering whether a prompt is being answered
 * @property {import("../wire.js").Message} [newest]
 */

/** Each method throws ``ApiError`` where the server refuses. */
export class SessionApi {
  /** @returns {Promise<ListedSession[]>} */
  async list() {
    return (await askApi("GET", "sessions")).sessions;
  }

  /** @param {string} title @returns {Promise<string>} its name */
  async create(title) {
    const { session } = await askApi("POST", "sessions", {});
    if (title !== "") await this.rename(session.id, title);
    return session.id;
  }

  /** @param {string} id @param {string} title */
  async rename(id, title) {
    await askApi("PATCH", `sessions/${encodeURIComponent(id)}`, { title });
  }

  /** @param {string} id everything of it goes */
  async remove(id) {
    await askApi("DELETE", `sessions/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @param {string} title empty: what its program says */
  async renameTerminal(id, title) {
    await askApi("PATCH", `terminals/${encodeURIComponent(id)}`, { title });
  }

  /** @param {string} id */
  async closeTerminal(id) {
    await askApi("DELETE", `terminals/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<import("./screen_cells.js").Cells>} */
  screen(id) {
    return askApi("GET", `terminals/${encodeURIComponent(id)}/screen?format=cells`);
  }
}
