import assert from "node:assert/strict";
import { test } from "node:test";
import { Embedder, originAround, readAsked, readOrigins } from "../js/embed/embedder.js";

const ONE = "https://one.example";
const TWO = "https://two.example";

/** @returns {{ sent: [any, string][], postMessage: any }} */
function frameAround() {
  /** @type {[any, string][]} */
  const sent = [];
  return { sent, postMessage: (/** @type {any} */ data, /** @type {string} */ to) => sent.push([data, to]) };
}

test("the origin around is one that is allowed, or not known yet", () => {
  assert.equal(originAround([ONE], undefined, ""), ONE);
  assert.equal(originAround([ONE, TWO], [TWO], ""), TWO);
  assert.equal(originAround([ONE, TWO], undefined, `${TWO}/page?x`), TWO);
  assert.equal(originAround([ONE, TWO], ["https://evil.example"], ""), null);
  assert.equal(originAround([ONE, TWO], undefined, "no address"), null);
  assert.equal(originAround([], [ONE], ONE), null);
  assert.deepEqual(readOrigins("https://One.example:443 http://h:80 nonsense"), [ONE, "http://h"]);
});

test("nothing is said before it is known to whom, and to nobody else", () => {
  const around = frameAround();
  const embedder = new Embedder(around, [ONE, TWO], null);
  embedder.tell({ type: "title", title: "secret" });
  embedder.hear({ source: /** @type {any} */ (around), origin: "https://evil.example", data: {} });
  embedder.hear({ source: /** @type {any} */ (frameAround()), origin: ONE, data: {} });
  assert.deepEqual(around.sent, []);
  embedder.hear({ source: /** @type {any} */ (around), origin: TWO, data: {} });
  embedder.tell({ type: "state", state: "online" });
  assert.deepEqual(around.sent, [
    [{ type: "ptybridge:title", title: "secret" }, TWO],
    [{ type: "ptybridge:state", state: "online" }, TWO],
  ]);
});

test("only the page around is heard, and only what makes sense", () => {
  const around = frameAround();
  const embedder = new Embedder(around, [ONE], ONE);
  /** @type {any[]} */
  const asked = [];
  embedder.onasked = (what) => asked.push(what);
  const login = { type: "ptybridge:login", share: "S" };
  embedder.hear({ source: /** @type {any} */ (around), origin: TWO, data: login });
  embedder.hear({ source: null, origin: ONE, data: login });
  new Embedder(null, [ONE], ONE).hear({ source: null, origin: ONE, data: login });
  assert.deepEqual(asked, []);
  embedder.hear({ source: /** @type {any} */ (around), origin: ONE, data: login });
  assert.deepEqual(asked, [{ type: "login", secret: { share: "S" } }]);
  assert.deepEqual(readAsked({ type: "ptybridge:login", ticket: "T" }), { type: "login", secret: { ticket: "T" } });
  assert.deepEqual(readAsked({ type: "ptybridge:theme", theme: "dark" }), { type: "theme", theme: "dark" });
  for (const data of [
    null, "ptybridge:focus", 7, [], { type: "focus" }, { type: "ptybridge:login" },
    { type: "ptybridge:login", share: 7 }, { type: "ptybridge:theme", theme: "<b>" }, { type: "ptybridge:eval" },
  ]) assert.equal(readAsked(data), null);
});
