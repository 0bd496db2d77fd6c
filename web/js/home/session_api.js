/**
 * The server's routes for sessions and their terminals, as a home page needs them. Draws nothing.
 */

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

export class SessionApiError extends Error {}

export class SessionApi {
  /** @returns {Promise<ListedSession[]>} */
  async list() {
    return (await this.#ask("GET", "sessions")).sessions;
  }

  /** @param {string} title @returns {Promise<string>} its name */
  async create(title) {
    const { session } = await this.#ask("POST", "sessions", {});
    if (title !== "") await this.rename(session.id, title);
    return session.id;
  }

  /** @param {string} id @param {string} title */
  async rename(id, title) {
    await this.#ask("PATCH", `sessions/${encodeURIComponent(id)}`, { title });
  }

  /** @param {string} id everything of it goes */
  async remove(id) {
    await this.#ask("DELETE", `sessions/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @param {string} title empty: what its program says */
  async renameTerminal(id, title) {
    await this.#ask("PATCH", `terminals/${encodeURIComponent(id)}`, { title });
  }

  /** @param {string} id */
  async closeTerminal(id) {
    await this.#ask("DELETE", `terminals/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<import("./screen_cells.js").Cells>} */
  screen(id) {
    return this.#ask("GET", `terminals/${encodeURIComponent(id)}/screen?format=cells`);
  }

  /**
   * @param {string} method
   * @param {string} path below ``api/``
   * @param {object} [body]
   * @returns {Promise<any>}
   * @throws {SessionApiError} why the server refused
   */
  async #ask(method, path, body) {
    const headers = { "content-type": "application/json" };
    const content = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(new URL(`api/${path}`, document.baseURI), { method, ...content });
    } catch {
      throw new SessionApiError("The server does not answer.");
    }
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const { error } = await answer.json().catch(() => ({}));
    throw new SessionApiError(error?.message ?? `The server refused (${answer.status}).`);
  }
}
