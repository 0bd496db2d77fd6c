/**
 * A login that the page keeps itself, in memory: in a frame of another site browsers send no
 * cookie of the server's, and the login that the same browser may have is none of that site's
 * business. It goes with the page.
 */

import { makeTicketSocket } from "./ticket_socket.js";

/**
 * @typedef {{ share: string } | { ticket: string }} Secret what the site around the frame gives
 * @typedef {"ok" | "denied" | "slow" | "gone"} BearerState
 */

export class Bearer {
  #base;
  #fetch;
  /** @type {string | null} */
  #value = null;
  /** @type {new (url: URL, protocol: string) => import("../socket.js").SocketLike} */
  WebSocket;

  /**
   * @param {string} base the page's own address, ending in a slash
   * @param {import("../event_stream.js").Fetch} fetch
   * @param {new (url: URL, protocol: string) => import("../socket.js").SocketLike} WebSocket
   */
  constructor(base, fetch, WebSocket) {
    this.#base = base;
    this.#fetch = fetch;
    this.WebSocket = makeTicketSocket(() => this.#ticket(), WebSocket);
  }

  /**
   * @param {Secret} secret
   * @returns {Promise<BearerState>}
   */
  async redeem(secret) {
    this.#value = null;
    const answer = await this.#ask("api/bearer", secret);
    const state = stateOf(answer);
    if (answer !== null && state === "ok") this.#value = (await answer.json()).bearer;
    return state;
  }

  /**
   * What the server answers this login; without one, what it answers anybody.
   * @param {string} path below the page's own address
   * @returns {Promise<{ state: BearerState, body: any }>} the body of what was "ok"
   */
  async get(path) {
    const answer = await this.#ask(path);
    const state = stateOf(answer);
    return { state, body: answer !== null && state === "ok" ? await answer.json() : null };
  }

  /**
   * ``fetch`` with this login, and never with a cookie.
   * @param {URL} url
   * @param {RequestInit} init
   */
  fetch(url, init) {
    const headers = new Headers(init.headers);
    if (this.#value !== null) headers.set("Authorization", `Bearer ${this.#value}`);
    return this.#fetch(url, { ...init, headers, credentials: "omit" });
  }

  /** Ends the login, also while the page goes. */
  end() {
    if (this.#value === null) return;
    void this.#ask("api/logout", {}, { keepalive: true });
    this.#value = null;
  }

  /** @returns {Promise<string | null>} null when the login has ended; throws when nobody answers */
  async #ticket() {
    const answer = await this.#ask("api/tickets", {});
    if (answer?.ok) return (await answer.json()).ticket;
    if (answer?.status === 401) return null;
    throw new Error("no ticket came");
  }

  /**
   * @param {string} path
   * @param {object} [body] makes it a POST of JSON
   * @param {RequestInit} [init]
   * @returns {Promise<Response | null>} null when the server does not answer
   */
  async #ask(path, body, init = {}) {
    const post = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    try {
      const url = new URL(path, this.#base);
      return await this.fetch(url, { ...init, ...(body === undefined ? {} : post) });
    } catch {
      return null;
    }
  }
}

/** @param {Response | null} answer @returns {BearerState} */
function stateOf(answer) {
  if (answer === null || answer.status >= 500) return "gone";
  if (answer.status === 429) return "slow";
  return answer.ok ? "ok" : "denied";
}
