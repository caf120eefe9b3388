import assert from "node:assert/strict";
import { test } from "node:test";
import { Throughput } from "./throughput.ts";

const startMs = 1_700_000_001_234;

function at(rate: Throughput, fromMs: number, toMs: number, everyMs: number): void {
  for (let nowMs = fromMs; nowMs < toMs; nowMs += everyMs) rate.add(nowMs);
}

test("a steady stream has its rate at every moment after the first second", () => {
  const rate = new Throughput(startMs);
  for (let second = 0; second < 120; second++) {
    at(rate, startMs + second * 1_000, startMs + (second + 1) * 1_000, 50);
    const perSecond = rate.rate(startMs + (second + 1) * 1_000);
    assert.ok(Math.abs(perSecond - 20) < 0.5, `${perSecond} after ${second + 1} s`);
  }
});

test("a burst is averaged over half a minute and forgotten after it", () => {
  const rate = new Throughput(startMs - 300_000);
  for (let i = 0; i < 300; i++) rate.add(startMs);
  assert.ok(rate.rate(startMs + 20_000) > 9 && rate.rate(startMs + 20_000) < 13);
  assert.equal(rate.rate(startMs + 31_000), 0);
});

test("one task is no flood to a queue that has just been made", () => {
  const rate = new Throughput(startMs);
  rate.add(startMs);
  assert.equal(rate.rate(startMs), 1);
});

test("a pause of any length leaves nothing of what was before", () => {
  for (const pauseMs of [30_000, 35_001, 61_000, 86_400_000, 400 * 86_400_000]) {
    const rate = new Throughput(startMs);
    at(rate, startMs, startMs + 1_000, 1);
    assert.equal(rate.rate(startMs + 1_000 + pauseMs), 0, String(pauseMs));
  }
});

test("after the clock was set back the rate starts anew and is right from then on", () => {
  const rate = new Throughput(startMs);
  at(rate, startMs, startMs + 60_000, 10);
  const backMs = startMs - 7_200_000;
  for (const second of [0, 1, 2, 3, 60]) {
    at(rate, backMs + second * 1_000, backMs + (second + 1) * 1_000, 50);
    if (second < 60) assert.ok(Math.abs(rate.rate(backMs + (second + 1) * 1_000) - 20) < 0.5);
    else assert.ok(rate.rate(backMs + 61_000) < 1);
  }
});
