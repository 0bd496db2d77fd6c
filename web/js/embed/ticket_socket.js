/**
 * WebSockets for a login that is no cookie: each first gets a ticket, since a page cannot send
 * headers with one (docs/wire.md section 7).
 */

/** @typedef {import("../socket.js").SocketLike} SocketLike */
/** @typedef {new (url: URL, protocol: string) => SocketLike} MakeSocket */

const CONNECTING = 0;
const CLOSED = 3;
const DENIED = 1008;
const LOST = 1006;

/**
 * @param {() => Promise<string | null>} askTicket null: there is none to be had any more
 * @param {MakeSocket} WebSocket
 * @returns {MakeSocket}
 */
export function makeTicketSocket(askTicket, WebSocket) {
  /** Fulfils ``SocketLike``. */
  return class {
    /** @type {BinaryType} */
    binaryType = "arraybuffer";
    /** @type {((event: any) => any) | null} */
    onopen = null;
    /** @type {((event: any) => any) | null} */
    onclose = null;
    /** @type {((event: any) => any) | null} */
    onmessage = null;
    /** @type {((event: any) => any) | null} */
    onerror = null;
    /** @type {SocketLike | null} */
    #socket = null;
    #isClosed = false;

    /** @param {URL} url @param {string} protocol */
    constructor(url, protocol) {
      void this.#open(new URL(url), protocol);
    }

    get readyState() {
      if (this.#isClosed) return CLOSED;
      return this.#socket?.readyState ?? CONNECTING;
    }

    get bufferedAmount() {
      return this.#socket?.bufferedAmount ?? 0;
    }

    /** @param {string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>} data */
    send(data) {
      this.#socket?.send(data);
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code, reason) {
      this.#isClosed = true;
      this.#socket?.close(code, reason);
    }

    /** @param {URL} url @param {string} protocol */
    async #open(url, protocol) {
      try {
        const ticket = await askTicket();
        if (this.#isClosed) return;
        if (ticket === null) {
          this.#end(DENIED, "the login has ended");
          return;
        }
        url.searchParams.set("ticket", ticket);
      } catch {
        this.#end(LOST, "");
        return;
      }
      const socket = new WebSocket(url, protocol);
      this.#socket = socket;
      socket.binaryType = this.binaryType;
      socket.onopen = (event) => this.onopen?.(event);
      socket.onmessage = (event) => this.onmessage?.(event);
      socket.onerror = (event) => this.onerror?.(event);
      socket.onclose = (event) => this.onclose?.(event);
    }

    /** @param {number} code @param {string} reason */
    #end(code, reason) {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.onclose?.({ code, reason });
    }
  };
}
