import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricsSnapshot } from "../api/cluster.ts";
import { levels, quantiles, rates } from "./series.ts";

const counted = (atMs: number, ...values: number[]): MetricsSnapshot => ({
  atMs,
  samples: values.map((value, index) => ({ name: "n", type: "counter", labels: { of: String(index) }, value })),
});
const timed = (atMs: number, ...counts: [number, number, number]): MetricsSnapshot => ({
  atMs,
  samples: [
    {
      ...{ name: "t", type: "histogram", labels: {}, sum: 0, count: counts[2] },
      buckets: [0.1, 1].map((le, index) => ({ le, count: counts[index]! })),
    },
  ],
});
const values = (points: readonly { readonly value: number | undefined }[]) => points.map(({ value }) => value);
const all = () => true;

test("counters of all labels become one rate per second, also over a restart of the server", () => {
  const snapshots = [counted(0, 1, 2), counted(2_000, 5, 8), counted(4_000, 3)];
  assert.deepEqual(values(levels(snapshots, all)), [3, 13, 3]);
  assert.deepEqual(values(rates(snapshots, all)), [5, 1.5]);
  assert.deepEqual(values(rates([counted(5, 1), counted(5, 2)], all)), [undefined]);
});

test("a quantile is of what came in between, stands within its bucket, and is nothing where nothing came", () => {
  const snapshots = [
    timed(0, 100, 100, 100),
    timed(1, 110, 120, 120),
    timed(2, 110, 120, 120),
    timed(3, 110, 120, 130),
  ];
  assert.deepEqual(values(quantiles(snapshots, all, 0.25)), [0.05, undefined, 1]);
  assert.deepEqual(values(quantiles(snapshots, all, 0.75)), [0.55, undefined, 1]);
  assert.deepEqual(values(quantiles([timed(0, 50, 50, 50), timed(1, 4, 4, 4)], all, 0.5)), [0.05]);
});
