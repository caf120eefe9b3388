import assert from "node:assert/strict";
import { test } from "node:test";
import { type Period, slopePerHour, trendsOf } from "./trend.ts";

const mebibyte = 1024 * 1024;

function periods(count: number, minutesEach: number, of: (at: number) => Partial<Period>): Period[] {
  return Array.from({ length: count }, (_, at) => ({
    ...{ minutes: (at + 1) * minutesEach, workflowsPerSecond: 100, p99Ms: 10, heapBytes: 5e7, rssBytes: 2e8 },
    ...{ descriptors: 30, walBytes: 4 * mebibyte, fileBytes: 1e8, ...of(at) },
  }));
}

const metOf = (some: readonly Period[], name: string) => trendsOf(some).find((each) => each.name.startsWith(name))?.met;

test("a slope is that of the line through the points", () => {
  const line = [1, 2, 3].map((minutes) => [minutes, 7 + 2 * minutes] as const);
  assert.equal(slopePerHour(line), 120);
  assert.equal(slopePerHour([[1, 5]]), 0);
});

test("a server that stays as it is meets every bar, and one that grows misses it", () => {
  const steady = periods(60, 1, () => ({}));
  assert.ok(trendsOf(steady).every(({ met }) => met === true));
  const grows = (part: (at: number) => Partial<Period>) => periods(60, 1, part);
  assert.equal(
    metOf(
      grows((at) => ({ heapBytes: 5e7 + (at * 2 * mebibyte) / 60 })),
      "heap",
    ),
    false,
  );
  assert.equal(
    metOf(
      grows((at) => ({ descriptors: 30 + at / 30 })),
      "open descriptors",
    ),
    false,
  );
  assert.equal(
    metOf(
      grows((at) => ({ p99Ms: 10 + at / 10 })),
      "p99",
    ),
    false,
  );
  assert.equal(
    metOf(
      grows((at) => ({ walBytes: at === 7 ? 65 * mebibyte : 0 })),
      "largest WAL",
    ),
    false,
  );
});

test("what happens while it warms up is no trend, and a short soak says nothing of trends", () => {
  const warm = periods(60, 1, (at) => ({ heapBytes: at < 15 ? at * mebibyte : 15 * mebibyte }));
  assert.equal(metOf(warm, "heap"), true);
  assert.equal(
    metOf(
      periods(6, 0.5, () => ({})),
      "heap",
    ),
    null,
  );
  assert.equal(
    metOf(
      periods(6, 0.5, () => ({})),
      "largest WAL",
    ),
    true,
  );
});
