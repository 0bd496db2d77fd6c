import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as wire from "../js/wire.js";

/** @type {any} */
const vectors = JSON.parse(
  readFileSync(new URL("../../tests/vectors/wire.json", import.meta.url), "utf8"),
);

/** @param {string} hex */
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

for (const vector of vectors.frames) {
  test(`the frame "${vector.name}" is read and written as in the vectors`, () => {
    const frame = wire.decodeFrame(bytes(vector.hex).buffer);
    assert.deepEqual(
      { ...frame, payload: Buffer.from(frame.payload).toString("hex") },
      { kind: vector.kind, channel: vector.channel, offset: vector.offset, payload: vector.payload },
    );
    const encoded = wire.encodeFrame(frame.kind, frame.channel, frame.offset, frame.payload);
    assert.equal(Buffer.from(encoded).toString("hex"), vector.hex);
    if (vector.vt !== undefined) {
      const { rows, cols, vt } = wire.decodeSnapshot(frame.payload);
      assert.deepEqual([rows, cols], [vector.rows, vector.cols]);
      assert.equal(Buffer.from(vt).toString("hex"), vector.vt);
    }
  });
}

for (const vector of vectors.malformedFrames) {
  test(`the malformed frame "${vector.name}" is refused`, () => {
    assert.throws(() => wire.decodeFrame(bytes(vector.hex).buffer), RangeError);
  });
}

test("every message of the server is read as in the vectors", () => {
  for (const vector of vectors.serverMessages) {
    assert.deepEqual(wire.decodeMessage(JSON.stringify(vector)), vector);
  }
});

test("every message of a client is written as in the vectors", () => {
  for (const { type, data, id } of vectors.clientMessages) {
    assert.deepEqual(JSON.parse(wire.encodeMessage(type, data, id)), JSON.parse(JSON.stringify({ type, data, id })));
  }
});

test("what is no message is refused", () => {
  for (const text of ["", "[]", "7", "null", "{}", '{"type": 7}']) {
    assert.throws(() => wire.decodeMessage(text));
  }
});
