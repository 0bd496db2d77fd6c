import assert from "node:assert/strict";
import { test } from "node:test";
import { foldedAddress } from "../js/address.js";
import { parsePlace } from "../js/place.js";

test("an address with a path becomes one with a fragment, its secret kept", () => {
  const base = "https://host/deep/";
  /** @param {string} rest */
  const folded = (rest) => foldedAddress(base + rest, base);
  assert.equal(folded("s/main"), `${base}#/s/main`);
  assert.equal(folded("s/main/t/a.b"), `${base}#/s/main/t/a.b`);
  assert.equal(folded("s/main?x=1"), `${base}#/s/main`);
  assert.equal(folded("s/main/t/a#token=T"), `${base}#/s/main/t/a&token=T`);
  assert.equal(folded("s/main#/s/main/t/b"), `${base}#/s/main/t/b`);
  for (const rest of ["", "#/s/main", "#token=T", "s/", "s/a/b", "s/a/t/", "s/a%2Fb", "s/<b>"]) {
    assert.equal(folded(rest), null, rest);
  }
  assert.equal(foldedAddress("https://host/s/main", base), null);
});

test("the page finds the place and the secret again", () => {
  const address = foldedAddress("http://h/s/main/t/a#share=S", "http://h/");
  const { session, terminal, share } = parsePlace(new URL(address ?? "").hash);
  assert.deepEqual({ session, terminal, share }, { session: "main", terminal: "a", share: "S" });
});
