/**
 * A client for one server, in a page or in Node: see docs/javascript.md.
 */

import { BridgeClient } from "./client.js";
import { EventStreamSocket } from "./event_stream.js";
import { ReconnectingSocket, systemClock } from "./socket.js";
import { Transports } from "./transports.js";
import { SUBPROTOCOL } from "./wire.js";

/**
 * @typedef {object} Surroundings what a page has anyway
 * @property {new (url: URL, protocol: string) => import("./socket.js").SocketLike} [WebSocket]
 * @property {import("./event_stream.js").Fetch} [fetch]
 * @property {import("./socket.js").Clock} [clock]
 * @property {import("./transports.js").Transport | undefined} [first] "events": WebSocket is not tried at all
 */

/**
 * Makes a client; ``connect()`` connects it.
 * @param {string | URL} base the server's address, ending in a slash
 * @param {string} sessionID
 * @param {Surroundings} [surroundings]
 */
export function makeClient(base, sessionID, surroundings) {
  const { WebSocket, fetch, clock = systemClock(), first } = { ...browser(), ...surroundings };
  const address = new URL("ws", base);
  address.protocol = address.protocol.replace("http", "ws");
  address.searchParams.set("sessionID", sessionID);
  const session = new URL(`api/sessions/${encodeURIComponent(sessionID)}/`, base);
  const transports = new Transports(
    () => new WebSocket(address, SUBPROTOCOL),
    () => new EventStreamSocket(session, fetch, clock),
    clock,
    first,
  );
  return new BridgeClient(new ReconnectingSocket(() => transports.connect(), clock), clock);
}

function browser() {
  return {
    WebSocket: globalThis.WebSocket,
    /** @type {import("./event_stream.js").Fetch} */
    fetch: (url, init) => globalThis.fetch(url, init),
  };
}
