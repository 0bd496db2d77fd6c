import assert from "node:assert/strict";
import { test } from "node:test";
import { unfinished, Utf8Hold } from "../js/utf8.js";

const TEXT = new TextEncoder().encode("aé€😀\u{80}ÿ中𝄞z");

test("however a text is cut, no write ends inside a character, and none is lost", () => {
  for (let first = 0; first <= TEXT.length; first++) {
    for (let second = first; second <= TEXT.length; second++) {
      const hold = new Utf8Hold();
      const written = [TEXT.slice(0, first), TEXT.slice(first, second), TEXT.slice(second)].map(
        (part) => hold.take(part),
      );
      for (const part of written) new TextDecoder("utf-8", { fatal: true }).decode(part);
      assert.deepEqual(Buffer.concat(written), Buffer.from(TEXT));
      assert.equal(hold.flush().length, 0);
    }
  }
});

test("bytes that are not UTF-8 are not held for ever", () => {
  for (const bytes of [[0xff], [0x80], [0x80, 0x80, 0x80, 0x80], [0xc0], [0xf5], [0xe2, 0x41]]) {
    assert.equal(unfinished(Uint8Array.from(bytes)), 0, String(bytes));
  }
});

test("the beginning of a character is given up at the end of the stream", () => {
  const hold = new Utf8Hold();
  assert.equal(hold.take(Uint8Array.of(0xf0, 0x9f)).length, 0);
  assert.deepEqual(hold.flush(), Uint8Array.of(0xf0, 0x9f));
  assert.equal(hold.flush().length, 0);
});
