import assert from "node:assert/strict";
import { test } from "node:test";
import { qrCode } from "../js/qr.js";
import { stateOfShare } from "../js/session/shares.js";

/** @type {import("../js/session/shares.js").Share} */
const SHARE = { id: "s1", role: "watcher", name: "guest", madeBy: "u1", created: 0, expires: null, maxUses: null, uses: 0 };
const HOUR = 3_600_000;

test("a link tells how often it was used, and until when it is good", () => {
  const state = (/** @type {Partial<typeof SHARE>} */ change) => stateOfShare({ ...SHARE, ...change }, 1000);
  assert.deepEqual(state({}), { text: "not used yet, never expires", isOver: false });
  assert.equal(state({ uses: 1, expires: 1000 + HOUR }).text, "used once, 60 min left");
  assert.equal(state({ uses: 3, expires: 1000 + 24 * HOUR }).text, "used 3 times, 24 hours left");
  assert.equal(state({ maxUses: 5, uses: 2, expires: 1000 + 168 * HOUR }).text, "2 of 5 uses, 7 days left");
  assert.deepEqual(state({ maxUses: 1, uses: 1 }), { text: "1 of 1 use, used up", isOver: true });
  assert.deepEqual(state({ expires: 1000 }), { text: "not used yet, expired", isOver: true });
});

/** @param {{ size: number, path: string }} code @returns {boolean[][]} rows of modules, as the path draws them */
function drawn({ size, path }) {
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [, x = "", y = "", width = ""] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g)) {
    for (let at = Number(x); at < Number(x) + Number(width); at += 1) {
      const row = rows[Number(y)] ?? assert.fail("outside");
      assert.equal(row[at], false, "drawn twice");
      row[at] = true;
    }
  }
  return rows;
}

test("a code is drawn with its quiet zone, its finders and its timing", () => {
  const code = qrCode("https://bridge.example.org/#share=GOn50QBicq6Sk1E522C5D9yJciajL-lccgXO_uuG49g");
  const rows = drawn(code);
  assert.equal((code.size - 8 - 17) % 4, 0);
  const at = (/** @type {number} */ x, /** @type {number} */ y) => rows[y + 4]?.[x + 4] ?? false;
  const side = code.size - 8;
  assert.ok(rows.slice(0, 4).flat().every((dark) => !dark));
  for (const [left, top] of [[0, 0], [side - 7, 0], [0, side - 7]]) {
    const finder = Array.from({ length: 7 }, (_, y) =>
      Array.from({ length: 7 }, (_, x) => (at((left ?? 0) + x, (top ?? 0) + y) ? "#" : ".")).join(""));
    assert.deepEqual(finder, ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"]);
  }
  for (let x = 8; x < side - 8; x += 1) assert.equal(at(x, 6), x % 2 === 0);
  // Format bits of level M begin with 00 (table C.1), masked by 101010000010010 (section 7.9.1): 10.
  assert.deepEqual([at(0, 8), at(1, 8)], [true, false]);
});
