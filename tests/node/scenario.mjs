/** node scenario.mjs URL TOKEN NAME: plays one of the scenarios with the ``ws`` package. */

import { createRequire } from "node:module";
import { scenarios } from "./scenarios.js";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { WebSocket } = require("ws");

const [url, token, name] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
await scenarios[name]((path) => new WebSocket(new URL(path, url.replace("http", "ws")), { headers }));
console.log(`${name}: ok`);
