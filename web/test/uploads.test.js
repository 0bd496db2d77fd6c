/** Uploads go on after every cut, a few at a time, and ask before they replace anything. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FileError } from "../js/files/file_server.js";
import { PIECE_BYTES, UploadQueue } from "../js/files/uploads.js";
import { ManualClock } from "./fakes.js";

/** Lets everything run that waits for a promise only. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A server that keeps files in memory, and does what a test says. */
class FakeServer {
  /** @type {Map<string, { name: string, size: number, data: number[], complete: boolean }>} */
  uploads = new Map();
  /** Names that are taken. */
  taken = new Set();
  /** Errors for the next requests; null: it is served. @type {(FileError | null)[]} */
  errors = [];
  /** How many bytes of a piece get through when it breaks. */
  through = 0;
  /** @type {(() => void)[] | null} null: pieces are taken at once */
  held = null;
  /** @type {string[]} */
  log = [];
  running = 0;
  most = 0;
  #last = 0;

  #fail() {
    const error = this.errors.shift();
    if (error) throw error;
  }

  /** @param {string} id */
  #state(id) {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new FileError(404, "gone");
    const { name, size, data, complete } = upload;
    return { id, name, path: `/there/${name}`, size, offset: data.length, complete };
  }

  /** @param {string} terminalID @param {import("../js/files/file_server.js").NewUpload} upload */
  async begin(terminalID, { name, size, directory, overwrite }) {
    this.log.push(`begin ${terminalID} ${directory} ${name}`);
    this.#fail();
    if (this.taken.has(name) && !overwrite) throw new FileError(409, "exists");
    const id = `u${++this.#last}`;
    this.uploads.set(id, { name, size, data: [], complete: false });
    return this.#state(id);
  }

  /**
   * @param {string} id @param {number} offset @param {any} piece
   * @param {import("../js/files/file_server.js").Sending} how
   */
  async send(id, offset, piece, { mayReplace, onprogress, signal }) {
    this.log.push(`send ${id} ${offset} ${piece.length}`);
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    try {
      if (this.held !== null) {
        await new Promise((resolve, reject) => {
          this.held?.push(() => resolve(undefined));
          signal.addEventListener("abort", () => reject(new FileError(0, "cancelled")));
        });
      }
      const upload = this.uploads.get(id);
      if (upload === undefined) throw new FileError(404, "gone");
      assert.equal(offset, upload.data.length);
      onprogress(piece.length / 2);
      const error = this.errors.shift();
      upload.data.push(...piece.slice(0, error ? this.through : piece.length));
      if (error) throw error;
      if (upload.data.length === upload.size) {
        if (this.taken.has(upload.name) && !mayReplace) throw new FileError(409, "exists");
        upload.complete = true;
      }
      return this.#state(id);
    } finally {
      this.running -= 1;
    }
  }

  /** @param {string} id */
  async state(id) {
    this.log.push(`state ${id}`);
    this.#fail();
    return this.#state(id);
  }

  /** @param {string} id */
  async giveUp(id) {
    this.log.push(`give up ${id}`);
    this.uploads.delete(id);
  }
}

/** @param {string} name @param {number} size */
function file(name, size) {
  const data = Array.from({ length: size }, (_, at) => at % 251);
  return /** @type {any} */ ({ name, size, data, slice: data.slice.bind(data) });
}

function stage() {
  const server = new FakeServer();
  const clock = new ManualClock();
  const queue = new UploadQueue(/** @type {any} */ (server), clock);
  return { server, clock, queue };
}

const PLACE = { terminalID: "t1", directory: "/there" };
const GONE = new FileError(0, "The server cannot be reached.");

test("a file goes up in pieces, and is done with the last one", async () => {
  const { server, queue } = stage();
  const source = { name: "big", size: 2 * PIECE_BYTES + 5, slice: (/** @type {number} */ a, /** @type {number} */ b) => Array(Math.min(b, 2 * PIECE_BYTES + 5) - a) };
  server.send = async (id, offset, piece) => {
    server.log.push(`send ${offset} ${piece.length}`);
    const end = offset + piece.length;
    return { id, name: "big", path: "/there/big", size: source.size, offset: end, complete: end === source.size };
  };
  queue.add([/** @type {any} */ (source)], PLACE);
  await settle();
  assert.deepEqual(server.log, [
    "begin t1 /there big",
    `send 0 ${PIECE_BYTES}`,
    `send ${PIECE_BYTES} ${PIECE_BYTES}`,
    `send ${2 * PIECE_BYTES} 5`,
  ]);
  assert.equal(queue.all[0]?.state, "done");
  assert.equal(queue.all[0]?.path, "/there/big");
});

test("an empty file is a file", async () => {
  const { queue } = stage();
  queue.add([file("empty", 0)], PLACE);
  await settle();
  assert.equal(queue.all[0]?.state, "done");
});

test("two at a time, in order, and the next when one is over", async () => {
  const { server, queue } = stage();
  server.held = [];
  queue.add(["a", "b", "c", "d"].map((name) => file(name, 3)), PLACE);
  await settle();
  assert.deepEqual(queue.all.map(({ state }) => state), ["sending", "sending", "waiting", "waiting"]);
  server.held.shift()?.();
  await settle();
  assert.deepEqual(queue.all.map(({ state }) => state), ["done", "sending", "sending", "waiting"]);
  while (server.held.length > 0) {
    server.held.shift()?.();
    await settle();
  }
  assert.deepEqual(queue.all.map(({ state }) => state), ["done", "done", "done", "done"]);
  assert.equal(server.most, 2);
});

test("after a cut it goes on from what has come, later each time", async () => {
  const { server, clock, queue } = stage();
  server.errors = [null, GONE, GONE, GONE];
  server.through = 4;
  queue.add([file("a", 10)], PLACE);
  await settle();
  const [upload] = queue.all;
  assert.equal(upload?.state, "paused");
  assert.equal(upload?.reason, GONE.message);
  clock.advance(999);
  await settle();
  assert.equal(upload?.state, "paused");
  clock.advance(1);
  await settle();
  assert.equal(upload?.state, "paused"); // it cannot even be asked
  clock.advance(2000);
  await settle();
  assert.equal(upload?.state, "paused");
  clock.advance(4000);
  await settle();
  assert.equal(upload?.state, "done");
  assert.deepEqual(server.log.slice(1), ["send u1 0 10", "state u1", "state u1", "state u1", "send u1 4 6"]);
  assert.deepEqual(server.uploads.get("u1")?.data, file("a", 10).data);
});

test("when the link is back nobody waits", async () => {
  const { server, queue } = stage();
  server.errors = [GONE];
  queue.add([file("a", 3)], PLACE);
  await settle();
  queue.retryPaused();
  await settle();
  assert.equal(queue.all[0]?.state, "done");
});

test("what the server has forgotten begins anew", async () => {
  const { server, queue } = stage();
  server.errors = [null, GONE];
  server.through = 2;
  queue.add([file("a", 5)], PLACE);
  await settle();
  server.uploads.clear();
  queue.retryPaused();
  await settle();
  assert.equal(queue.all[0]?.state, "done");
  assert.deepEqual(server.uploads.get("u2")?.data, file("a", 5).data);
});

test("it does not try for ever without progress, and can be tried again by hand", async () => {
  const { server, clock, queue } = stage();
  server.errors = Array(20).fill(GONE);
  queue.add([file("a", 3)], PLACE);
  for (let turn = 0; turn < 30; turn += 1) {
    await settle();
    clock.advance(60_000);
  }
  const [upload] = queue.all;
  assert.equal(upload?.state, "failed");
  assert.equal(upload?.reason, GONE.message);
  server.errors = [];
  if (upload !== undefined) queue.retry(upload);
  await settle();
  assert.equal(upload?.state, "done");
});

for (const [status, text] of /** @type {[number, string][]} */ ([
  [403, "may not"],
  [404, "no such directory"],
  [413, "too large"],
  [507, "no space"],
])) {
  test(`a refusal (${status}) is told and not tried again`, async () => {
    const { server, queue } = stage();
    server.errors = [new FileError(status, text)];
    queue.add([file("a", 3), file("b", 3)], PLACE);
    await settle();
    assert.deepEqual(queue.all.map(({ state, reason }) => [state, reason]), [["failed", text], ["done", ""]]);
  });
}

test("a full disk, and then there is space: it goes on", async () => {
  const { server, queue } = stage();
  server.errors = [null, new FileError(507, "no space")];
  server.through = 2;
  queue.add([file("a", 5)], PLACE);
  await settle();
  const [upload] = queue.all;
  assert.equal(upload?.state, "failed");
  if (upload !== undefined) queue.retry(upload);
  await settle();
  assert.equal(upload?.state, "done");
  assert.ok(server.log.includes("send u1 2 3"));
});

test("a name that is taken is asked about, and the rest goes on", async () => {
  const { server, queue } = stage();
  server.taken.add("a").add("b");
  queue.add([file("a", 3), file("b", 3), file("c", 3)], PLACE);
  await settle();
  const [a, b, c] = queue.all;
  assert.deepEqual([a?.state, b?.state, c?.state], ["asking", "asking", "done"]);
  if (a !== undefined) queue.replace(a);
  if (b !== undefined) queue.cancel(b);
  await settle();
  assert.deepEqual([a?.state, b?.state], ["done", "cancelled"]);
});

test("a name that is taken in the meantime is asked about at the end, and nothing is sent twice", async () => {
  const { server, queue } = stage();
  server.held = [];
  queue.add([file("a", 3)], PLACE);
  await settle();
  server.taken.add("a");
  server.held.shift()?.();
  await settle();
  const [upload] = queue.all;
  assert.equal(upload?.state, "asking");
  server.held = null;
  if (upload !== undefined) queue.replace(upload);
  await settle();
  assert.equal(upload?.state, "done");
  assert.deepEqual(server.log.slice(-2), ["state u1", "send u1 3 0"]);
});

test("what is cancelled is given up on the server, whatever it is doing", async () => {
  const { server, queue } = stage();
  server.held = [];
  queue.add([file("a", 3), file("b", 3), file("c", 3)], PLACE);
  await settle();
  const [a, , c] = queue.all;
  if (a !== undefined) queue.cancel(a);
  if (c !== undefined) queue.cancel(c);
  await settle();
  assert.deepEqual([a?.state, c?.state], ["cancelled", "cancelled"]);
  assert.ok(server.log.includes("give up u1"));
  assert.ok(!server.uploads.has("u1"));
  queue.clear();
  assert.equal(queue.all.length, 1);
});

test("what is cancelled while it is begun leaves nothing either", async () => {
  const { server, queue } = stage();
  queue.add([file("a", 3)], PLACE);
  const [upload] = queue.all;
  if (upload !== undefined) queue.cancel(upload);
  await settle();
  assert.equal(upload?.state, "cancelled");
  assert.equal(server.uploads.size, 0);
});

test("progress is told with a rate", async () => {
  const { server, clock, queue } = stage();
  server.held = [];
  /** @type {[number, number][]} */
  const seen = [];
  queue.changed.add((upload) => seen.push([upload.sent, upload.rate]));
  queue.add([file("a", 10)], PLACE);
  await settle();
  clock.advance(1000);
  server.held.shift()?.();
  await settle();
  assert.ok(seen.some(([sent, rate]) => sent === 5 && rate === 5));
  assert.deepEqual(seen.at(-1), [10, 0]);
});
