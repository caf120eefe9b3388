import assert from "node:assert/strict";
import { test } from "node:test";
import { Stamps } from "./stamps.ts";

test("a number is above the run's last and never given again, however the clock is set", () => {
  const stamps = new Stamps(7);
  const given = new Set<number>();
  let last = 0;
  for (const nowMs of [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001, 0])
    for (const after of [0, last, last + 5_000]) {
      last = stamps.next(nowMs, after);
      assert(last > after && Number.isSafeInteger(last) && !given.has(last));
      given.add(last);
    }
});

test("no two owners of a shard give the same number", () => {
  const [before, after] = [new Stamps(1_024), new Stamps(1_025)];
  const given = new Set([1, 2, 3].map(() => before.next(1_700_000_000_000, 0)));
  for (let count = 0; count < 5; count++) assert(!given.has(after.next(1_699_999_999_998 + count, 0)));
});

test("numbers are exact for two hundred years", () => {
  const stamp = new Stamps(1_023).next(Date.UTC(2240, 0), 0);
  assert(Number.isSafeInteger(stamp + 1));
});
