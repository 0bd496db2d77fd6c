/** Time and sockets that do what a test says. */

export class ManualClock {
  #now = 0;
  #last = 0;
  /** @type {Map<number, { at: number, callback: () => void }>} */
  #timers = new Map();
  randomness = 1;

  now = () => this.#now;
  random = () => this.randomness;

  /**
   * @param {() => void} callback
   * @param {number} delay
   */
  setTimeout = (callback, delay) => {
    this.#timers.set(++this.#last, { at: this.#now + delay, callback });
    return this.#last;
  };

  /** @param {number} timer */
  clearTimeout = (timer) => {
    this.#timers.delete(timer);
  };

  /** @param {number} delay */
  advance(delay) {
    const until = this.#now + delay;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= until);
      const next = due.sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.#now = next[1].at;
      next[1].callback();
    }
    this.#now = until;
  }
}

export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  /** @type {BinaryType} */
  binaryType = "blob";
  /** @type {(string | Uint8Array)[]} */
  sent = [];
  /** @type {((event: any) => any) | null} */
  onopen = null;
  /** @type {((event: any) => any) | null} */
  onclose = null;
  /** @type {((event: any) => any) | null} */
  onmessage = null;
  /** @type {((event: any) => any) | null} */
  onerror = null;

  /** @param {any} data */
  send(data) {
    this.sent.push(data);
  }

  close() {
    this.readyState = 3;
  }

  opens() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** @param {string | ArrayBuffer | object} data */
  receives(data) {
    const isRaw = typeof data === "string" || data instanceof ArrayBuffer;
    this.onmessage?.({ data: isRaw ? data : JSON.stringify(data) });
  }

  /** @param {number} code */
  closes(code) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }

  /** JSON messages of one type that were sent. @param {string} type */
  messages(type) {
    return this.sent
      .filter((data) => typeof data === "string")
      .map((text) => JSON.parse(/** @type {string} */ (text)))
      .filter((message) => message.type === type);
  }
}

/** Lets all that is ready run. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The far end of an event stream: streams and answers what a test says. */
export class FakeServer {
  /** @type {string[]} */
  urls = [];
  /** The messages of each POST. @type {any[][]} */
  posts = [];
  isAborted = false;
  #status;
  /** @type {ReadableStreamDefaultController<Uint8Array> | null} */
  #stream = null;
  #fails = (/** @type {Error} */ _) => {};
  /** @type {((response: Response) => void)[]} */
  #waiting = [];

  /** @param {number} status of the stream */
  constructor(status = 200) {
    this.#status = status;
  }

  /** @param {URL} url @param {RequestInit} init @returns {Promise<Response>} */
  fetch = async (url, init) => {
    this.urls.push(url.href);
    if (init.method === "POST") {
      this.posts.push(JSON.parse(String(init.body)));
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    init.signal?.addEventListener("abort", () => (this.isAborted = true));
    /** @type {Promise<never>} */
    const failure = new Promise((_, reject) => (this.#fails = reject));
    const body = new ReadableStream({ start: (controller) => void (this.#stream = controller) });
    const headers = { "Content-Type": "text/event-stream; charset=utf-8" };
    await Promise.race([failure, turn()]);
    return new Response(body, { status: this.#status, headers });
  };

  /** @param {string} text */
  async streams(text) {
    await turn();
    this.#stream?.enqueue(new TextEncoder().encode(text));
    await turn();
    await turn();
  }

  async ends() {
    this.#stream?.close();
    await turn();
  }

  async fails() {
    this.#fails(new TypeError("network error"));
    await turn();
  }

  /** @param {object[]} replies to the POST under way */
  async answers(replies) {
    await turn();
    this.#waiting.shift()?.(new Response(JSON.stringify(replies)));
    await turn();
    await turn();
  }

  /** @param {number} status for the POST under way */
  async refuses(status) {
    await turn();
    this.#waiting.shift()?.(new Response("", { status }));
    await turn();
  }
}
