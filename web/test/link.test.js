import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestError } from "../js/client.js";
import { countedDown, unsent } from "../js/page/offline_view.js";
import { PERIOD_MS, RoundTrip, shownTime } from "../js/page/round_trip.js";
import { ManualClock } from "./fakes.js";

/** A server that answers after a time of its clock. */
class SlowServer {
  clock = new ManualClock();
  asked = 0;
  /** @type {(reply: any) => void} */
  answer = () => {};
  /** @type {(error: Error) => void} */
  fail = () => {};
  isWanted = true;
  /** @type {(number | null)[]} */
  told = [];

  request() {
    this.asked += 1;
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  }

  roundTrip() {
    const made = new RoundTrip(this, this.clock, () => this.isWanted);
    made.onchange = (milliseconds) => this.told.push(milliseconds);
    return made;
  }

  /** @param {number} milliseconds */
  async answerAfter(milliseconds) {
    this.clock.advance(milliseconds);
    this.answer({ type: "pong" });
    await settled();
  }
}

async function settled() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test("the round trip is smoothed, and asked for again", async () => {
  const server = new SlowServer();
  const roundTrip = server.roundTrip();
  roundTrip.start();
  await server.answerAfter(40);
  assert.equal(roundTrip.smoothed, 40);
  server.clock.advance(PERIOD_MS);
  assert.equal(server.asked, 2);
  await server.answerAfter(140);
  assert.equal(roundTrip.smoothed, 70);
  assert.deepEqual(server.told, [null, 40, 70]);
});

test("nothing is asked while nobody looks, nor after the link has broken", async () => {
  const server = new SlowServer();
  const roundTrip = server.roundTrip();
  server.isWanted = false;
  roundTrip.start();
  await settled();
  server.clock.advance(PERIOD_MS);
  await settled();
  assert.equal(server.asked, 0);
  server.isWanted = true;
  server.clock.advance(PERIOD_MS);
  assert.equal(server.asked, 1);
  server.fail(new RequestError("offline", "the link broke"));
  roundTrip.stop();
  await settled();
  server.clock.advance(10 * PERIOD_MS);
  assert.equal(server.asked, 1);
  assert.equal(roundTrip.smoothed, null);
});

test("times are told as people read them", () => {
  assert.deepEqual([0.4, 12.6, 999, 2340].map(shownTime), ["under 1 ms", "13 ms", "999 ms", "2.3 s"]);
  assert.deepEqual([1, 999, 1001, 59_999, 61_000].map(countedDown), ["1 second", "1 second", "2 seconds", "1:00 minutes", "1:01 minutes"]);
});

test("what did not arrive is told, and nothing else", () => {
  assert.equal(unsent(0, false), "");
  assert.match(unsent(1, false), /1 key did not arrive\.$/);
  assert.match(unsent(0, true), /just before may not have arrived/);
  assert.match(unsent(12, true), /12 keys did not arrive; .* may be lost too\.$/);
});
