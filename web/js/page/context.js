/**
 * What the parts of a page are given: made once by the page, and never reached for.
 */

/**
 * @typedef {object} PageContext
 * @property {import("./preferences.js").Preferences} preferences
 * @property {import("./look.js").Look} look
 * @property {import("./commands.js").Commands} commands
 * @property {Storage | null} storage of the browser; null where it forbids it
 * @property {{ id: string, name: string }} user who the server takes the page for
 * @property {(text: string) => void} say tells the user something that can be closed
 * @property {(work: Promise<unknown>) => void} attempt tells the user why the server refused, if it did
 * @property {(hash: string) => void} go to another place of the page, such as "#/s/main"
 */

/**
 * @typedef {PageContext & Session} SessionContext
 * @typedef {object} Session
 * @property {string} sessionID
 * @property {import("../client.js").BridgeClient} client
 * @property {import("../session/model.js").SessionModel} model
 * @property {import("../touch/modifiers.js").Modifiers} modifiers held on the bar of keys
 * @property {AbortSignal} signal aborted when the page leaves the session
 */

export {};
