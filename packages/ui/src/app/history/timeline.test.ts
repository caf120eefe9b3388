import assert from "node:assert/strict";
import { test } from "node:test";
import { place, spanText, ticks, zoomed } from "./timeline.ts";

test("a place is a share of the axis, and never beyond it", () => {
  const span = { fromMs: 100, toMs: 200 };
  assert.deepEqual(
    [0, 100, 150, 200, 900].map((at) => place(span, at)),
    [0, 0, 0.5, 1, 1],
  );
  assert.equal(place({ fromMs: 5, toMs: 5 }, 5), 0);
});

test("ticks are round, few, and counted from the beginning of the run", () => {
  for (const lengthMs of [1, 333, 9_999, 60_000, 86_400_000, 31_536_000_000]) {
    const found = ticks({ fromMs: 7, toMs: 7 + lengthMs }, 7, 6);
    assert.ok(found.length >= 1 && found.length <= 7, `${lengthMs}: ${found.length}`);
    assert.equal(found[0]?.label, "0ms");
  }
  const part = ticks({ fromMs: 1_250, toMs: 2_250 }, 0, 6);
  assert.deepEqual(
    part.map(({ label }) => label),
    ["1.4s", "1.6s", "1.8s", "2s", "2.2s"],
  );
});

test("zooming keeps the middle and stays within the whole", () => {
  const whole = { fromMs: 0, toMs: 1_000 };
  const closer = zoomed(whole, 0.5, whole);
  assert.deepEqual(closer, { fromMs: 250, toMs: 750 });
  assert.deepEqual(zoomed(closer, 4, whole), whole);
  assert.deepEqual(zoomed(whole, 0.5, whole, 0), { fromMs: 0, toMs: 500 });
  assert.deepEqual(zoomed(whole, 0.1, whole, 0.9), { fromMs: 810, toMs: 910 });
});

test("spans are told in their two largest units", () => {
  const table = [
    [0, "0ms"],
    [250, "250ms"],
    [1_500, "1.5s"],
    [60_000, "1m"],
    [65_000, "1m 5s"],
    [3 * 86_400_000 + 4 * 3_600_000 + 5_000, "3d 4h"],
    [-5_000, "−5s"],
  ] as const;
  for (const [ms, text] of table) assert.equal(spanText(ms), text);
});
