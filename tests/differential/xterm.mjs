/**
 * Compares two emulators of xterm.js: one that saw a whole stream, and one that was given a
 * snapshot where the stream was cut. A line of JSON in, a line of JSON out.
 *
 * In: rows, cols, and in base64 `before` (the stream up to the cut), `snapshot`, `held` (what the
 * snapshot leaves to the output that follows), `after`.
 * Out: `atCut` and `atEnd`, what differs, for people; empty lists when nothing does.
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { guardErase } from "../../web/js/erase.js";
import { VERSION, widthProvider } from "../../web/js/widths.js";

const web = fileURLToPath(new URL("../../web/package.json", import.meta.url));
const { Terminal } = createRequire(web)("@xterm/headless");

const SCROLLBACK = 2000;

function emulator({ rows, cols }) {
  const made = new Terminal({ rows, cols, scrollback: SCROLLBACK, allowProposedApi: true, logLevel: "off" });
  guardErase(made);
  made.unicode.register(widthProvider);
  made.unicode.activeVersion = VERSION;
  return made;
}

const write = (terminal, text) =>
  new Promise((done) => terminal.write(Buffer.from(text, "base64"), done));

const FLAGS = [
  "isBold", "isItalic", "isDim", "isBlink", "isInverse", "isInvisible", "isStrikethrough",
  "isOverline",
];
/** The first 16 colours by either of the two ways to name them. */
const colorKey = (mode, color) => (mode === PALETTE_OF_16 ? `${PALETTE_OF_256} ${color}` : `${mode} ${color}`);
const PALETTE_OF_16 = 1 << 24;
const PALETTE_OF_256 = 2 << 24;
const UNDERLINE = 1 << 28;

/** Style and colour of the underline; a link has none of its own. */
const underlineKey = ({ fg, extended }) =>
  fg & UNDERLINE ? `underline ${Math.max(1, (extended._ext >> 26) & 7)} ${extended._ext & 0x3ffffff}` : "";
const SHOWN_ON_BLANKS = new Set(["isInverse", "isStrikethrough", "isOverline"]);

/** A cell as one text; of a blank only what can be seen of it. */
function cellKey(cell) {
  const chars = cell.getChars();
  const isBlank = chars === "" || chars === " ";
  const isInverse = cell.isInverse();
  const parts = [isBlank ? " " : chars, cell.getWidth()];
  parts.push("bg", cell.isBgDefault() ? "" : colorKey(cell.getBgColorMode(), cell.getBgColor()));
  if (!isBlank || isInverse) {
    parts.push("fg", cell.isFgDefault() ? "" : colorKey(cell.getFgColorMode(), cell.getFgColor()));
  }
  for (const flag of FLAGS) {
    if (cell[flag]() && (!isBlank || SHOWN_ON_BLANKS.has(flag))) parts.push(flag);
  }
  parts.push(underlineKey(cell));
  return parts.join(" ");
}

function bufferFacts(name, buffer, terminal, facts) {
  const links = terminal._core._oscLinkService;
  facts.set(`${name} length`, buffer.length);
  const cell = buffer.getNullCell();
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    const keys = [];
    const uris = [];
    for (let col = 0; col < terminal.cols; col++) {
      line.getCell(col, cell);
      keys.push(cellKey(cell));
      const urlId = cell.getChars() === "" ? 0 : cell.extended.urlId;
      uris.push(links.getLinkData(urlId)?.uri ?? "no link");
    }
    facts.set(`${name} row ${row} links`, uris);
    facts.set(`${name} row ${row}`, keys);
    facts.set(`${name} row ${row} is wrapped`, line.isWrapped);
  }
}

const COLOR = 0x3ffffff;
const HAS_EXTENDED = 1 << 28;
const IS_PROTECTED = 1 << 29;

/** A colour with its mode in bits 24 and 25, as an attribute word has it. */
function wordColor(word) {
  const mode = word & (3 << 24);
  if (mode === 0) return "default";
  return colorKey(mode, mode === 3 << 24 ? word & 0xffffff : word & 0xff);
}

function pen(attributes) {
  const { fg, bg } = attributes;
  const flags = [fg & ~COLOR, bg & ~COLOR & ~HAS_EXTENDED & ~IS_PROTECTED];
  return [wordColor(fg), wordColor(bg), ...flags, underlineKey(attributes)].join();
}

/** Everything that can be told of an emulator, by name. */
function factsOf(terminal) {
  const facts = new Map();
  const core = terminal._core;
  const buffer = core.buffer;
  const active = terminal.buffer.active;
  facts.set("buffer", active.type);
  facts.set("cursor", `${active.cursorY} ${active.cursorX}`); // one past the last: a pending wrap
  facts.set("pen", pen(core._inputHandler._curAttrData));
  facts.set("region", `${buffer.scrollTop} ${buffer.scrollBottom}`);
  facts.set("saved cursor", `${Math.max(buffer.savedY - buffer.ybase, 0)} ${buffer.savedX}`);
  facts.set("saved pen", pen(buffer.savedCurAttrData));
  // Whether there is a stop in the first column makes no difference.
  facts.set("tabs", Object.keys(buffer.tabs).filter((col) => col > 0 && buffer.tabs[col]).join());
  facts.set("charset", JSON.stringify(core._charsetService.charset ?? null));
  for (const [mode, value] of Object.entries(terminal.modes)) facts.set(`mode ${mode}`, value);
  facts.set("mode cursor hidden", core.coreService.isCursorHidden);
  facts.set("mode mouse encoding", core.coreMouseService.activeEncoding);
  bufferFacts("normal", terminal.buffer.normal, terminal, facts);
  if (active.type === "alternate") {
    bufferFacts("alternate", terminal.buffer.alternate, terminal, facts);
  }
  return facts;
}

function differences(one, other) {
  const expected = factsOf(one);
  const found = factsOf(other);
  const different = [];
  for (const name of new Set([...expected.keys(), ...found.keys()])) {
    const [a, b] = [expected.get(name), found.get(name)];
    if (Array.isArray(a) && Array.isArray(b)) {
      const col = a.findIndex((key, index) => key !== b[index]);
      if (col >= 0) different.push(`${name} col ${col}: ${a[col]} != ${b[col]}`);
    } else if (a !== b) {
      different.push(`${name}: ${a} != ${b}`);
    }
  }
  return different;
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const whole = emulator(request);
  const joined = emulator(request);
  await write(whole, request.before);
  await write(joined, request.snapshot);
  await write(joined, request.held);
  const atCut = differences(whole, joined);
  await write(whole, request.after);
  await write(joined, request.after);
  const atEnd = differences(whole, joined);
  whole.dispose();
  joined.dispose();
  process.stdout.write(`${JSON.stringify({ atCut, atEnd })}\n`);
}
