import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";

test("the same name and labels are one series, others are their own", () => {
  const metrics = new Metrics();
  metrics.counter("calls", "Calls.", { of: "a" }).add();
  metrics.counter("calls", "Calls.", { of: "a" }).add(2);
  metrics.counter("calls", "Calls.", { of: "b" }).add();
  assert.deepEqual(
    metrics.snapshot().map((sample) => [sample.labels["of"], "value" in sample && sample.value]),
    [
      ["a", 3],
      ["b", 1],
    ],
  );
});

test("a value on a bucket's bound is in it, and one above the last is counted all the same", () => {
  const metrics = new Metrics();
  const latency = metrics.histogram("latency", "Seconds.", {}, [1, 2]);
  for (const value of [0.5, 1, 1.5, 2, 99]) latency.observe(value);
  assert.deepEqual(metrics.snapshot(), [
    {
      type: "histogram",
      name: "latency",
      labels: {},
      count: 5,
      sum: 104,
      buckets: [
        { le: 1, count: 2 },
        { le: 2, count: 4 },
      ],
    },
  ]);
});

test("the text is what Prometheus reads", () => {
  const metrics = new Metrics();
  metrics.counter("calls", "Calls.", { of: 'a"b\\c\nd' }).add();
  metrics.histogram("latency", "Seconds.", { of: "x" }, [1]).observe(3);
  metrics.gauge("depth", "Depth.", () => 7);
  assert.equal(
    metrics.prometheusText(),
    [
      "# HELP calls Calls.",
      "# TYPE calls counter",
      'calls{of="a\\"b\\\\c\\nd"} 1',
      "# HELP latency Seconds.",
      "# TYPE latency histogram",
      'latency_bucket{of="x",le="1"} 0',
      'latency_bucket{of="x",le="+Inf"} 1',
      'latency_sum{of="x"} 3',
      'latency_count{of="x"} 1',
      "# HELP depth Depth.",
      "# TYPE depth gauge",
      "depth 7",
      "",
    ].join("\n"),
  );
});
