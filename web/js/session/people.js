/**
 * Who is here, and what is worth saying of them. Pure.
 */

/** @typedef {import("../wire.js").Viewer} Viewer */
/** @typedef {import("../wire.js").Member} Member */
/** @typedef {{ rows: number, cols: number }} Size */

/**
 * @typedef {object} Person
 * @property {string} name
 * @property {string[]} states
 * @property {boolean} isOwn
 * @property {boolean} hasKeyboard where it is handed from one to the other
 * @property {boolean} isPresent has the terminal before their eyes, and keeps up
 * @property {Viewer | null} viewer null: not in this terminal
 * @property {("give" | "let" | "silence")[]} actions what this user may do about them: hand them the
 *   keyboard, let them type, let them only watch
 */

/**
 * @param {Viewer[]} viewers
 * @returns {boolean} whether one holds the keyboard: somebody may write, and cannot now
 */
export function isTurnTaking(viewers) {
  return viewers.some(({ role, controls }) => role !== "watcher" && !controls);
}

/**
 * @param {Viewer} viewer
 * @param {boolean} isTurn whether the keyboard is handed from one to the other
 * @param {boolean} [rules] its window decides the terminal's size
 * @returns {string[]}
 */
export function statesOf(viewer, isTurn, rules = false) {
  const states = [];
  if (viewer.role === "watcher") states.push("watches");
  else if (isTurn && viewer.controls) states.push("has the keyboard");
  else if (viewer.waits) states.push("asks for the keyboard");
  if (rules) states.push("sets the size");
  if (!viewer.visible) states.push("away");
  if (viewer.lagging) states.push("is behind");
  return states;
}

/**
 * Whose window decides how large the terminal is, where windows differ.
 * @param {Viewer[]} viewers
 * @param {Size | null} size the terminal's
 * @returns {Set<string>} viewers' ids; empty when no window is too large for it
 */
export function rulersOf(viewers, size) {
  if (size === null) return new Set();
  const fits = (/** @type {Size} */ { rows, cols }) => rows === size.rows && cols === size.cols;
  if (viewers.every(fits)) return new Set();
  const asked = viewers.filter(({ role, visible }) => role !== "watcher" && visible);
  const exact = asked.filter(fits);
  const some = asked.filter(({ rows, cols }) => rows === size.rows || cols === size.cols);
  return new Set((exact.length > 0 ? exact : some).map(({ id }) => id));
}

/**
 * @param {Viewer[]} viewers of the terminal in front, in the order of their coming
 * @param {Viewer | null} own
 * @param {Size | null} size the terminal's
 * @returns {Person[]}
 */
export function peopleOf(viewers, own, size) {
  const isTurn = isTurnTaking(viewers);
  const rulers = rulersOf(viewers, size);
  return viewers.map((viewer) => ({
    name: viewer.name,
    states: statesOf(viewer, isTurn, rulers.has(viewer.id)),
    isOwn: viewer.id === own?.id,
    hasKeyboard: isTurn && viewer.controls,
    isPresent: viewer.visible && !viewer.lagging,
    viewer,
    actions: viewer.id === own?.id || own === null ? [] : actionsOn(viewer, own, isTurn),
  }));
}

/**
 * @param {Viewer} viewer
 * @param {Viewer} own
 * @param {boolean} isTurn
 */
function actionsOn(viewer, own, isTurn) {
  /** @type {Person["actions"]} */
  const actions = [];
  const mayGive = own.role === "owner" || (isTurn && own.controls);
  const mayHave = viewer.role !== "watcher" || own.role === "owner";
  if (mayGive && mayHave && !viewer.controls) actions.push(isTurn ? "give" : "let");
  if (own.role === "owner" && viewer.role !== "watcher") actions.push("silence");
  return actions;
}

/**
 * Members who look at something else than the terminal in front.
 * @param {Iterable<Member>} members
 * @param {Viewer[]} viewers of the terminal in front
 * @param {{ title: string, viewers: Viewer[] }[]} others terminals of which this page knows who views them
 * @returns {Person[]}
 */
export function elsewhere(members, viewers, others) {
  const here = new Set(viewers.map(({ name }) => name));
  return [...members]
    .filter(({ name }) => !here.has(name))
    .map(({ name, role }) => {
      const seen = (/** @type {Viewer} */ viewer) => viewer.name === name && viewer.visible;
      const at = others.find(({ viewers }) => viewers.some(seen));
      const where = at === undefined ? "in this session" : `at ${at.title}`;
      const isWatching = (at?.viewers.find(seen)?.role ?? role) === "watcher"; // an owner may have made them so there
      const states = isWatching ? [where, "watches"] : [where];
      return { name, states, isOwn: false, hasKeyboard: false, isPresent: false, viewer: null, actions: [] };
    });
}
