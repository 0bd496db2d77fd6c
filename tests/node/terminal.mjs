/**
 * The page's client in Node: opens a terminal, types, loses its connection, comes back.
 * node terminal.mjs URL TOKEN "websocket" | "events"; prints what the terminal printed.
 */

import { createRequire } from "node:module";
import { makeClient } from "../../web/js/connect.js";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { WebSocket } = require("ws");

const [url, token, transport] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };

class TokenSocket extends WebSocket {
  constructor(address, protocol) {
    super(transport === "events" ? new URL("nowhere", address) : address, protocol, { headers });
  }
}

const client = makeClient(url, "main", {
  WebSocket: TokenSocket,
  fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, ...headers } }),
});

let text = "";
let onText = () => {};
const screen = {
  attached: () => {},
  output: (bytes, _, rendered) => {
    text += Buffer.from(bytes).toString("latin1");
    rendered();
    onText();
  },
  snapshot: (_rows, _cols, vt, rendered) => {
    text += Buffer.from(vt).toString("latin1");
    rendered();
    onText();
  },
  resized: () => {},
  told: () => {},
  exited: ({ code }) => {
    console.log(JSON.stringify({ transport: client.transport, code, text }));
    process.exit(0);
  },
};

/** Waits until the terminal has printed ``marker``. */
function shows(marker) {
  return new Promise((resolve) => {
    onText = () => text.includes(marker) && resolve(null);
    onText();
  });
}

/** Waits for the next welcome. */
function welcomed() {
  return new Promise((resolve) => {
    client.onstate = ({ name }) => name === "welcome" && resolve(null);
  });
}

const arrival = welcomed();
client.connect();
await arrival;
const terminal = await client.open(24, 80);
const view = { rows: 24, cols: 80, visible: true };
const attachment = await client.attach(terminal, screen, view, true);
const type = (line) => attachment.input.write(new TextEncoder().encode(line));

type("stty -echo; echo RE''ADY\r");
await shows("READY");
type("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; echo FIR''ST\r");
await shows("line 1000\r");
const again = welcomed();
client.drop();
await again;
await client.resume();
await shows("FIRST");
type("exit 7\r");
