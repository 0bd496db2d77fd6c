import assert from "node:assert/strict";
import { test } from "node:test";
import { Bearer } from "../js/embed/bearer.js";

const BASE = "https://host/deep/";

/** @typedef {{ url: string, init: RequestInit, authorization: string | null }} Asked */

/**
 * A server that gives these answers by path, and remembers what it was asked.
 * @param {Record<string, (() => Response)>} answers
 */
function serving(answers) {
  /** @type {Asked[]} */
  const asked = [];
  /** @type {import("../js/event_stream.js").Fetch} */
  const fetch = async (url, init) => {
    asked.push({ url: url.href, init, authorization: new Headers(init.headers).get("Authorization") });
    const answer = answers[url.href.slice(BASE.length)];
    if (answer === undefined) throw new TypeError("no network");
    return answer();
  };
  return { asked, fetch };
}

/** @param {object} body @param {number} [status] */
const json = (body, status = 200) => () => new Response(JSON.stringify(body), { status });

class FakeSocket {
  /** @type {FakeSocket[]} */
  static made = [];
  /** @type {BinaryType} */
  binaryType = "blob";
  readyState = 1;
  bufferedAmount = 0;
  /** @type {any} */
  onopen = null;
  /** @type {any} */
  onclose = null;
  /** @type {any} */
  onmessage = null;
  /** @type {any} */
  onerror = null;
  /** @type {any[]} */
  sent = [];
  isClosed = false;

  /** @param {URL} url @param {string} protocol */
  constructor(url, protocol) {
    this.url = url;
    this.protocol = protocol;
    FakeSocket.made.push(this);
  }
  /** @param {any} data */
  send(data) {
    this.sent.push(data);
  }
  close() {
    this.isClosed = true;
  }
}

test("a login is shown by a header with every request, and no cookie is", async () => {
  const { asked, fetch } = serving({ "api/bearer": json({ bearer: "B" }), "api/whoami": json({ id: "g" }) });
  const bearer = new Bearer(BASE, fetch, FakeSocket);
  assert.equal(await bearer.redeem({ share: "S" }), "ok");
  assert.deepEqual(await bearer.get("api/whoami"), { state: "ok", body: { id: "g" } });
  await bearer.fetch(new URL("api/whoami", BASE), { headers: { Accept: "text/event-stream" } });
  assert.equal(asked[0]?.init.body, '{"share":"S"}');
  assert.deepEqual(asked.map(({ authorization }) => authorization), [null, "Bearer B", "Bearer B"]);
  assert.deepEqual(asked.map(({ init }) => init.credentials), ["omit", "omit", "omit"]);
  assert.equal(new Headers(asked[2]?.init.headers).get("Accept"), "text/event-stream");
});

test("what the server answers is told apart", async () => {
  for (const [answer, state] of /** @type {[(() => Response) | undefined, string][]} */ ([
    [json({}, 401), "denied"],
    [json({}, 429), "slow"],
    [json({}, 503), "gone"],
    [undefined, "gone"],
  ])) {
    const { fetch } = serving(answer === undefined ? {} : { "api/bearer": answer });
    assert.equal(await new Bearer(BASE, fetch, FakeSocket).redeem({ ticket: "T" }), state);
  }
});

test("a login that is given up is ended at the server, also while the page goes", async () => {
  const { asked, fetch } = serving({ "api/bearer": json({ bearer: "B" }), "api/logout": json({}) });
  const bearer = new Bearer(BASE, fetch, FakeSocket);
  bearer.end();
  assert.equal(asked.length, 0);
  await bearer.redeem({ share: "S" });
  bearer.end();
  const last = asked.at(-1);
  assert.equal(last?.url, `${BASE}api/logout`);
  assert.equal(last?.authorization, "Bearer B");
  assert.equal(last?.init.keepalive, true);
});

test("each socket gets a ticket of its own, and looks like any other", async () => {
  FakeSocket.made = [];
  let count = 0;
  const { fetch } = serving({ "api/tickets": () => json({ ticket: `T${++count}` })() });
  const { WebSocket } = new Bearer(BASE, fetch, FakeSocket);
  const address = new URL("wss://host/deep/ws?sessionID=main");
  const socket = new WebSocket(address, "ptybridge.v1");
  assert.equal(socket.readyState, 0);
  const heard = await new Promise((resolve) => {
    socket.onmessage = resolve;
    setTimeout(() => FakeSocket.made[0]?.onmessage({ data: "welcome" }));
  });
  assert.deepEqual(heard, { data: "welcome" });
  const [made] = FakeSocket.made;
  assert.equal(made?.url.href, "wss://host/deep/ws?sessionID=main&ticket=T1");
  assert.equal(made?.protocol, "ptybridge.v1");
  assert.equal(made?.binaryType, "arraybuffer");
  assert.equal(address.searchParams.has("ticket"), false);
  socket.send("x");
  assert.deepEqual(made?.sent, ["x"]);
  socket.close();
  assert.equal(made?.isClosed, true);
});

test("a socket without a ticket ends: for good where the login has, else to be tried again", async () => {
  for (const [answer, code] of /** @type {[(() => Response) | undefined, number][]} */ ([
    [json({}, 401), 1008],
    [json({}, 503), 1006],
    [undefined, 1006],
  ])) {
    const { fetch } = serving(answer === undefined ? {} : { "api/tickets": answer });
    const { WebSocket } = new Bearer(BASE, fetch, FakeSocket);
    const socket = new WebSocket(new URL("wss://host/ws"), "ptybridge.v1");
    const ended = await new Promise((resolve) => (socket.onclose = resolve));
    assert.equal(ended.code, code);
    assert.equal(socket.readyState, 3);
  }
});

test("a socket that is closed before its ticket came opens nothing", async () => {
  FakeSocket.made = [];
  const { fetch } = serving({ "api/tickets": json({ ticket: "T" }) });
  const { WebSocket } = new Bearer(BASE, fetch, FakeSocket);
  const socket = new WebSocket(new URL("wss://host/ws"), "ptybridge.v1");
  socket.close();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(FakeSocket.made.length, 0);
});
