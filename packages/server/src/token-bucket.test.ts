import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

function takeAll(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (bucket.take(nowMs)) taken++;
  return taken;
}

test("a bucket starts with a second's worth and saves up no more than that", () => {
  const bucket = new TokenBucket(5, 0);
  assert.equal(takeAll(bucket, 0), 5);
  assert.equal(takeAll(bucket, 400), 2);
  assert.equal(takeAll(bucket, 3_600_000), 5);
});

test("a burst of its own is what a bucket starts with and saves up", () => {
  const bucket = new TokenBucket(5, 0, 12);
  assert.equal(takeAll(bucket, 0), 12);
  assert.equal(takeAll(bucket, 1_000), 5);
  assert.equal(takeAll(bucket, 3_600_000), 12);
});

test("a rate below one a second still lets one through at a time", () => {
  const bucket = new TokenBucket(0.5, 0);
  assert.equal(takeAll(bucket, 0), 1);
  assert.equal(takeAll(bucket, 1_999), 0);
  assert.equal(takeAll(bucket, 2_000), 1);
});

test("rate 0 lets nothing through and never will", () => {
  const bucket = new TokenBucket(0, 0);
  assert.equal(takeAll(bucket, 3_600_000), 0);
  assert.equal(bucket.readyAtMs(3_600_000), Number.POSITIVE_INFINITY);
});

test("a token is there when readyAtMs says so and not a millisecond before", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 5_000, noNaN: true }), fc.nat(1_000), (rate, waitMs) => {
      const bucket = new TokenBucket(rate, 0);
      takeAll(bucket, 0);
      takeAll(bucket, waitMs);
      const readyAtMs = bucket.readyAtMs(waitMs);
      assert.ok(readyAtMs >= waitMs);
      if (readyAtMs > waitMs) assert.equal(bucket.take(readyAtMs - 1), false);
      // One millisecond more for what is lost in rounding.
      assert.equal(bucket.take(readyAtMs) || bucket.take(readyAtMs + 1), true);
    }),
  );
});

test("over any time a bucket lets through at most the rate and one second's worth, also when it is asked all the time", () => {
  const bucket = new TokenBucket(7, 0);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 13) taken += takeAll(bucket, nowMs);
  assert.ok(taken <= 7 * 61 && taken >= 7 * 60, String(taken));
});

test("pollers that disagree about the rate let through no more than the higher rate", () => {
  for (const other of [0, 1, 100]) {
    const bucket = new TokenBucket(10, 0);
    let taken = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 100) {
      bucket.setRate(other, nowMs);
      bucket.setRate(10, nowMs);
      taken += takeAll(bucket, nowMs);
    }
    assert.ok(taken <= 110, `${taken} beside ${other}`);
  }
});

test("setting the clock back gives no tokens and stops none for longer than the new clock says", () => {
  const bucket = new TokenBucket(1, 1_000_000);
  assert.equal(takeAll(bucket, 1_000_000), 1);
  assert.equal(takeAll(bucket, 0), 0);
  assert.equal(takeAll(bucket, 1_000), 1);
});

test("a token given back can be taken again, and does not overfill the bucket", () => {
  const bucket = new TokenBucket(2, 0);
  bucket.giveBack();
  assert.equal(takeAll(bucket, 0), 2);
  bucket.giveBack();
  assert.equal(takeAll(bucket, 0), 1);
});
