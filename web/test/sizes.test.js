/** Sizes, times and paths for people. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatDuration, formatSize, joined, nameOf, parentOf } from "../js/files/sizes.js";

test("sizes have few figures", () => {
  const sizes = [0, 1, 999, 1000, 1234, 99_949, 100_000, 999_499, 999_500, 1_500_000_000, 2 ** 50];
  assert.deepEqual(sizes.map(formatSize), [
    "0 bytes", "1 byte", "999 bytes", "1.0 kB", "1.2 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB", "1.5 GB", "1.1 PB",
  ]);
});

test("times are rough", () => {
  assert.deepEqual([0, 4.4, 59, 61, 3599, 5400].map(formatDuration), ["1 s", "4 s", "59 s", "1 min", "60 min", "1.5 h"]);
});

test("paths", () => {
  assert.deepEqual(["/a/b.txt", "b", "/"].map(nameOf), ["b.txt", "b", ""]);
  assert.deepEqual([joined("/", "a"), joined("/a/", "b"), joined("/a", "b")], ["/a", "/a/b", "/a/b"]);
  assert.deepEqual(["/a/b", "/a", "/", "/a/b/"].map(parentOf), ["/a", "/", "/", "/a"]);
});
