/**
 * What the server does with files, over HTTP: ``docs/operations.md``, "Files beside a terminal".
 */

/**
 * @typedef {{ id: string, name: string, path: string, size: number, offset: number,
 *   complete: boolean }} UploadState
 * @typedef {{ name: string, kind: "directory" | "file" | "link" | "other", size: number,
 *   modified: number }} Entry ``modified`` in milliseconds since the Unix epoch
 * @typedef {{ path: string, entries: Entry[], complete: boolean, maxBytes: number }} Folder
 *   ``complete`` is false when there are more entries
 * @typedef {{ name: string, size: number, directory: string, overwrite: boolean }} NewUpload
 * @typedef {object} Sending
 * @property {boolean} mayReplace whether it may replace a file of its name
 * @property {(loaded: number) => void} onprogress bytes of the piece that are on their way
 * @property {AbortSignal} signal
 */

/** The server does not do what it was asked for, or cannot be asked. */
export class FileError extends Error {
  /** @param {number} status of HTTP; 0: there was no answer @param {string} text for people */
  constructor(status, text) {
    super(text);
    this.status = status;
  }

  /** Whether it may be better later: no answer, a server that starts, too many at once. */
  get isPassing() {
    const { status } = this;
    return status === 0 || status === 429 || (status >= 500 && status !== 507);
  }
}

const NO_ANSWER = "The server cannot be reached.";

export class FileServer {
  #base;

  /** @param {string} base the page's own address, with a slash at its end */
  constructor(base) {
    this.#base = base;
  }

  /**
   * @param {string} terminalID
   * @param {string} [path] from the terminal's working directory on; without it, that itself
   */
  url(terminalID, path) {
    const url = new URL(`api/terminals/${encodeURIComponent(terminalID)}/files`, this.#base);
    if (path !== undefined) url.searchParams.set("path", path);
    return url.href;
  }

  /** @param {string} id */
  #upload(id) {
    return new URL(`api/uploads/${encodeURIComponent(id)}`, this.#base).href;
  }

  /**
   * @param {string} terminalID
   * @param {string} [path]
   * @returns {Promise<Folder>}
   * @throws {FileError} also when a file is there
   */
  async list(terminalID, path) {
    const response = await ask(this.url(terminalID, path), { headers: { Accept: "application/json" } });
    if (!response.headers.get("Content-Type")?.startsWith("application/json")) {
      void response.body?.cancel();
      throw new FileError(400, "That is a file, and no directory.");
    }
    return response.json();
  }

  /**
   * Makes sure that a file can be downloaded: a link says nothing when it cannot.
   * @param {string} terminalID
   * @param {string} path
   * @throws {FileError}
   */
  async check(terminalID, path) {
    const url = this.url(terminalID, path);
    const response = await fetch(url, { method: "HEAD" }).catch(() => null);
    if (response === null) throw new FileError(0, NO_ANSWER);
    if (response.ok) return;
    await ask(url, { headers: { Range: "bytes=0-0" } }); // which says why
    throw new FileError(response.status, "The file cannot be downloaded.");
  }

  /**
   * @param {string} terminalID
   * @param {NewUpload} upload
   * @returns {Promise<UploadState>}
   * @throws {FileError} 409 when something has the name
   */
  async begin(terminalID, upload) {
    const response = await ask(this.url(terminalID), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(upload),
    });
    return (await response.json()).upload;
  }

  /**
   * Sends a piece. By XMLHttpRequest: fetch does not tell how far an upload is.
   * @param {string} id
   * @param {number} offset
   * @param {Blob} piece
   * @param {Sending} how
   * @returns {Promise<UploadState>}
   * @throws {FileError} 409 when something took the name meanwhile
   */
  send(id, offset, piece, { mayReplace, onprogress, signal }) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PATCH", `${this.#upload(id)}${mayReplace ? "?overwrite=true" : ""}`);
      request.responseType = "text";
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Upload-Offset", String(offset));
      request.upload.onprogress = ({ loaded }) => onprogress(loaded);
      request.onload = () => {
        if (request.status === 200) resolve(JSON.parse(request.responseText).upload);
        else reject(errorOf(request.status, request.responseText));
      };
      request.onerror = () => reject(new FileError(0, NO_ANSWER));
      request.onabort = () => reject(new FileError(0, "It was cancelled."));
      signal.addEventListener("abort", () => request.abort(), { once: true });
      if (signal.aborted) reject(new FileError(0, "It was cancelled."));
      else request.send(piece);
    });
  }

  /** @param {string} id @returns {Promise<UploadState>} @throws {FileError} 404 when it was given up */
  async state(id) {
    return (await (await ask(this.#upload(id), {})).json()).upload;
  }

  /** @param {string} id @throws {FileError} */
  async giveUp(id) {
    await ask(this.#upload(id), { method: "DELETE" });
  }
}

/**
 * @param {string} url
 * @param {RequestInit} how
 * @returns {Promise<Response>} one that is no error
 */
async function ask(url, how) {
  const response = await fetch(url, how).catch(() => null);
  if (response === null) throw new FileError(0, NO_ANSWER);
  if (response.ok) return response;
  throw errorOf(response.status, await response.text().catch(() => ""));
}

/** @param {number} status @param {string} text the body */
function errorOf(status, text) {
  try {
    return new FileError(status, JSON.parse(text).error.message);
  } catch {
    return new FileError(status, `The server refuses (${status}).`);
  }
}
