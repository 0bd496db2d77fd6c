/**
 * How the terminals of one tab share its place: a tree of splits. Pure: every function gives a new
 * tree and leaves the old one as it was.
 */

/** The least share of a split that a part of it can be made to have. */
export const LEAST_SHARE = 0.08;

/** Terminals that one tab can hold; more would be too small to read. */
export const MOST_PANES = 32;

/** How near to an edge, in parts of the pane, something must be dropped to split it there. */
const EDGE = 0.3;

/**
 * @typedef {"left" | "right" | "up" | "down"} Side
 * @typedef {"row" | "column"} Axis side by side, or one below the other
 * @typedef {{ kind: "pane", terminal: string }} PaneLayout
 * @typedef {{ kind: "split", axis: Axis, children: Layout[], shares: number[] }} SplitLayout
 *   ``shares`` add up to 1; no child is a split along the same axis
 * @typedef {PaneLayout | SplitLayout} Layout
 * @typedef {{ x: number, y: number, width: number, height: number }} Box in parts of the whole, 0..1
 * @typedef {{ path: number[], index: number, axis: Axis, box: Box, share: number }} Divider the
 *   line behind child ``index`` of the split at ``path``; ``box`` is that split's, ``share`` what lies
 *   before the line
 */

/** @type {Record<Side, Axis>} */
const AXES = { left: "row", right: "row", up: "column", down: "column" };

/** @param {Side} side */
const isBefore = (side) => side === "left" || side === "up";

/** @param {string} terminal @returns {PaneLayout} */
export function pane(terminal) {
  return { kind: "pane", terminal };
}

/** @param {Layout} layout @returns {string[]} its terminals, from the upper left to the lower right */
export function terminalsOf(layout) {
  return layout.kind === "pane" ? [layout.terminal] : layout.children.flatMap(terminalsOf);
}

/**
 * A split as it should be: without splits along the same axis inside, and none of a single child.
 * @param {Axis} axis
 * @param {Layout[]} children at least one
 * @param {number[]} shares any positive numbers
 * @returns {Layout}
 */
function join(axis, children, shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  /** @type {Layout[]} */
  const parts = [];
  /** @type {number[]} */
  const sizes = [];
  children.forEach((child, index) => {
    const share = (shares[index] ?? 0) / sum;
    if (child.kind === "split" && child.axis === axis) {
      parts.push(...child.children);
      sizes.push(...child.shares.map((inner) => inner * share));
    } else {
      parts.push(child);
      sizes.push(share);
    }
  });
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return { kind: "split", axis, children: parts, shares: sizes };
}

/**
 * Puts something beside a terminal, which gives it half of its place.
 * @param {Layout} layout
 * @param {string} at a terminal in it
 * @param {Side} side of that terminal
 * @param {Layout} added
 * @returns {Layout}
 */
export function insert(layout, at, side, added) {
  if (layout.kind === "pane") {
    if (layout.terminal !== at) return layout;
    return join(AXES[side], isBefore(side) ? [added, layout] : [layout, added], [1, 1]);
  }
  const children = layout.children.map((child) => insert(child, at, side, added));
  return join(layout.axis, children, layout.shares);
}

/**
 * @param {Layout} layout
 * @param {(terminal: string) => boolean} isKept
 * @returns {Layout | null} without the others, whose place goes to those beside them; null if none is left
 */
export function keep(layout, isKept) {
  if (layout.kind === "pane") return isKept(layout.terminal) ? layout : null;
  /** @type {Layout[]} */
  const children = [];
  /** @type {number[]} */
  const shares = [];
  layout.children.forEach((child, index) => {
    const kept = keep(child, isKept);
    if (kept === null) return;
    children.push(kept);
    shares.push(layout.shares[index] ?? 0);
  });
  return children.length === 0 ? null : join(layout.axis, children, shares);
}

/**
 * @param {Layout} layout
 * @param {string} terminal
 * @returns {Layout | null} null if it was the only one
 */
export function remove(layout, terminal) {
  return keep(layout, (other) => other !== terminal);
}

/**
 * @param {Layout} layout
 * @param {(terminal: string) => string} nameOf what stands in the place of each terminal
 * @returns {Layout}
 */
function renamed(layout, nameOf) {
  if (layout.kind === "pane") return pane(nameOf(layout.terminal));
  return { ...layout, children: layout.children.map((child) => renamed(child, nameOf)) };
}

/** @param {Layout} layout @param {string} from @param {string} to takes its place @returns {Layout} */
export function replace(layout, from, to) {
  return renamed(layout, (terminal) => (terminal === from ? to : terminal));
}

/** @param {Layout} layout @param {string} one @param {string} other @returns {Layout} */
export function swap(layout, one, other) {
  return renamed(layout, (name) => (name === one ? other : name === other ? one : name));
}

/**
 * Takes a terminal out of its place and puts it beside another one.
 * @param {Layout} layout
 * @param {string} terminal
 * @param {string} at
 * @param {Side} side
 * @returns {Layout}
 */
export function move(layout, terminal, at, side) {
  const rest = terminal === at ? null : remove(layout, terminal);
  return rest === null ? layout : insert(rest, at, side, pane(terminal));
}

/** @type {Box} */
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

/**
 * @param {SplitLayout} split
 * @param {Box} box
 * @returns {Box[]} of its children
 */
function boxesIn({ axis, shares }, box) {
  let before = 0;
  return shares.map((share) => {
    const start = before;
    before += share;
    return axis === "row"
      ? { ...box, x: box.x + start * box.width, width: share * box.width }
      : { ...box, y: box.y + start * box.height, height: share * box.height };
  });
}

/**
 * @param {Layout} layout
 * @param {Box} [box]
 * @returns {Map<string, Box>} where each terminal is
 */
export function boxesOf(layout, box = WHOLE) {
  if (layout.kind === "pane") return new Map([[layout.terminal, box]]);
  const boxes = boxesIn(layout, box);
  return new Map(
    layout.children.flatMap((child, index) => [...boxesOf(child, boxes[index])]),
  );
}

/**
 * @param {Layout} layout
 * @param {Box} [box]
 * @param {number[]} [path]
 * @returns {Divider[]} the lines between what is split
 */
export function dividersOf(layout, box = WHOLE, path = []) {
  if (layout.kind === "pane") return [];
  const boxes = boxesIn(layout, box);
  let share = 0;
  return layout.children.flatMap((child, index) => {
    share += layout.shares[index] ?? 0;
    const inner = dividersOf(child, boxes[index], [...path, index]);
    if (index === layout.children.length - 1) return inner;
    return [{ path, index, axis: layout.axis, box, share }, ...inner];
  });
}

/** Shares are sums of fractions: so much they may be off. */
const TINY = 1e-6;

/** @param {Box} box @param {Axis} axis @returns {[number, number]} where it begins and ends along the axis */
function span({ x, y, width, height }, axis) {
  return axis === "row" ? [x, x + width] : [y, y + height];
}

/**
 * @param {Layout} layout
 * @param {string} terminal
 * @param {Side} side
 * @returns {string | null} who shares most of the edge on that side
 */
export function neighbour(layout, terminal, side) {
  const boxes = boxesOf(layout);
  const own = boxes.get(terminal);
  if (own === undefined) return null;
  const axis = AXES[side];
  const [start, end] = span(own, axis);
  const [low, high] = span(own, axis === "row" ? "column" : "row");
  let best = null;
  let most = TINY;
  for (const [other, box] of boxes) {
    const [near, far] = span(box, axis);
    if (Math.abs(isBefore(side) ? start - far : near - end) > TINY) continue;
    const [from, to] = span(box, axis === "row" ? "column" : "row");
    const shared = Math.min(high, to) - Math.max(low, from);
    if (shared > most) [best, most] = [other, shared + TINY];
  }
  return best;
}

/**
 * Moves the line behind a child.
 * @param {Layout} layout
 * @param {number[]} path to the split
 * @param {number} index of the child before the line
 * @param {number} by parts of the split, 0..1; as much of it as leaves both sides their least share
 * @returns {Layout}
 */
export function resize(layout, path, index, by) {
  if (layout.kind === "pane") return layout;
  const [first, ...rest] = path;
  if (first !== undefined) {
    const children = layout.children.map((child, at) =>
      at === first ? resize(child, rest, index, by) : child,
    );
    return { ...layout, children };
  }
  const before = layout.shares[index];
  const after = layout.shares[index + 1];
  if (before === undefined || after === undefined) return layout;
  const lowest = Math.min(0, LEAST_SHARE - before);
  const highest = Math.max(0, after - LEAST_SHARE);
  const moved = Math.max(lowest, Math.min(highest, by));
  const shares = [...layout.shares];
  shares[index] = before + moved;
  shares[index + 1] = after - moved;
  return { ...layout, shares };
}

/**
 * Moves the line on one side of a terminal; where there is none, the one on the other side.
 * @param {Layout} layout
 * @param {string} terminal
 * @param {Side} side which way the line goes
 * @param {number} by parts of the split
 * @returns {Layout}
 */
export function push(layout, terminal, side, by) {
  const axis = AXES[side];
  /** @type {{ path: number[], index: number } | null} */
  let found = null;
  /** @type {(at: Layout, path: number[]) => void} */
  const look = (at, path) => {
    if (at.kind === "pane") return;
    const index = at.children.findIndex((child) => terminalsOf(child).includes(terminal));
    const child = at.children[index];
    if (child === undefined) return;
    if (at.axis === axis) found = { path, index: Math.min(index, at.children.length - 2) };
    look(child, [...path, index]);
  };
  look(layout, []);
  if (found === null) return layout;
  const { path, index } = /** @type {{ path: number[], index: number }} */ (found);
  return resize(layout, path, index, isBefore(side) ? -by : by);
}

/** @param {Layout} layout @returns {Layout} with the same share for each part of a split */
export function even(layout) {
  if (layout.kind === "pane") return layout;
  const shares = layout.children.map(() => 1 / layout.children.length);
  return { ...layout, children: layout.children.map(even), shares };
}

/**
 * @param {number} x where in a pane something is dropped, 0..1 from its left
 * @param {number} y 0..1 from its top
 * @param {number} [reach] how near to an edge it has to be, in parts of the pane; 1: it is always near one
 * @returns {Side | null} the edge at which it splits the pane; null in the middle
 */
export function sideAt(x, y, reach = EDGE) {
  /** @type {[Side, number][]} */
  const edges = [["left", x], ["right", 1 - x], ["up", y], ["down", 1 - y]];
  const [side, distance] = edges.reduce((nearest, edge) => (edge[1] < nearest[1] ? edge : nearest));
  return distance < reach ? side : null;
}

/**
 * Reads what was kept, however old or damaged it is.
 * @param {any} kept
 * @returns {Layout | null} null where it says nothing that can be used
 */
export function parse(kept) {
  const layout = parsePart(kept, 0);
  if (layout === null) return null;
  const terminals = terminalsOf(layout);
  const isSound = terminals.length <= MOST_PANES && new Set(terminals).size === terminals.length;
  return isSound ? layout : null;
}

/** @param {any} kept @param {number} depth @returns {Layout | null} */
function parsePart(kept, depth) {
  if (typeof kept !== "object" || kept === null || depth > MOST_PANES) return null;
  if (kept.kind === "pane") return typeof kept.terminal === "string" ? pane(kept.terminal) : null;
  const { axis, children, shares } = kept;
  if (kept.kind !== "split" || (axis !== "row" && axis !== "column")) return null;
  if (!Array.isArray(children) || !Array.isArray(shares)) return null;
  /** @type {Layout[]} */
  const parts = [];
  /** @type {number[]} */
  const sizes = [];
  children.forEach((child, index) => {
    const part = parsePart(child, depth + 1);
    if (part === null) return;
    parts.push(part);
    const share = shares[index];
    sizes.push(Number.isFinite(share) && share > 0 ? share : 1 / children.length);
  });
  return parts.length === 0 ? null : join(axis, parts, sizes);
}
