/**
 * The page around the frame: what it is told, and what it may ask for (docs/embedding.md). It is
 * one of the origins that the server allows, or it is told nothing and not heard.
 */

const PREFIX = "ptybridge:";

/**
 * @typedef {(
 *   | { type: "login", reason: "missing" | "refused" | "ended" }
 *   | { type: "ready", session: string, terminal: string, rows: number, cols: number }
 *   | { type: "state", state: "connecting" | "online" | "offline" | "failed" }
 *   | { type: "title", title: string }
 *   | { type: "resize", rows: number, cols: number }
 *   | { type: "exit", code: number | null, signal: number | null }
 * )} Told what the embedder is told; each type is sent with the prefix ``ptybridge:``
 *
 * @typedef {(
 *   | { type: "login", secret: import("./bearer.js").Secret }
 *   | { type: "focus" }
 *   | { type: "theme", theme: "system" | "light" | "dark" | "contrast" }
 * )} Asked what it asks for
 */

/**
 * The embedder's origin, as far as the browser tells; null when only its first message will.
 * @param {readonly string[]} allowed
 * @param {ArrayLike<string> | undefined} ancestors ``location.ancestorOrigins``, which some lack
 * @param {string} referrer
 */
export function originAround(allowed, ancestors, referrer) {
  if (allowed.length === 1) return allowed[0] ?? null;
  const told = ancestors?.[0] ?? (URL.canParse(referrer) ? new URL(referrer).origin : null);
  return told !== null && allowed.includes(told) ? told : null;
}

/**
 * @param {unknown} data of a message
 * @returns {Asked | null} null if it is none of ours, or makes no sense
 */
export function readAsked(data) {
  if (typeof data !== "object" || data === null) return null;
  const { type, share, ticket, theme } = /** @type {Record<string, unknown>} */ (data);
  switch (type) {
    case `${PREFIX}login`:
      if (typeof share === "string") return { type: "login", secret: { share } };
      if (typeof ticket === "string") return { type: "login", secret: { ticket } };
      return null;
    case `${PREFIX}focus`:
      return { type: "focus" };
    case `${PREFIX}theme`:
      if (theme !== "system" && theme !== "light" && theme !== "dark" && theme !== "contrast") return null;
      return { type: "theme", theme };
    default:
      return null;
  }
}

/**
 * Origins as browsers write them: in lower case, without the port that their scheme implies.
 * @param {string} text several, with spaces between
 */
export function readOrigins(text) {
  const origins = text.split(" ").filter((each) => URL.canParse(each));
  return origins.map((each) => new URL(each).origin);
}

export class Embedder {
  #window;
  #allowed;
  /** @type {string | null} */
  #origin;
  /** @type {Told[]} */
  #waiting = [];

  /** @type {(asked: Asked) => void} */
  onasked = () => {};

  /**
   * @param {Pick<Window, "postMessage"> | null} around null: the page is not in a frame
   * @param {readonly string[]} allowed
   * @param {string | null} origin what ``originAround`` knows
   */
  constructor(around, allowed, origin) {
    this.#window = around;
    this.#allowed = allowed;
    this.#origin = origin;
  }

  /** @param {Told} told */
  tell(told) {
    if (this.#window === null) return;
    if (this.#origin === null) this.#waiting.push(told);
    else this.#window.postMessage({ ...told, type: PREFIX + told.type }, this.#origin);
  }

  /** @param {Pick<MessageEvent, "source" | "origin" | "data">} event */
  hear({ source, origin, data }) {
    if (this.#window === null || source !== this.#window || !this.#allowed.includes(origin)) return;
    this.#origin = origin;
    for (const told of this.#waiting.splice(0)) this.tell(told);
    const asked = readAsked(data);
    if (asked !== null) this.onasked(asked);
  }
}
