import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { Metrics } from "./metrics.ts";
import { condensed, MetricsHistory } from "./metrics-history.ts";

function totalOf(samples: ReturnType<typeof condensed>, name: string): number | undefined {
  const sample = samples.find((each) => each.name === name);
  return sample && (sample.type === "histogram" ? sample.count : sample.value);
}

test("samples of all labels become one, and calls that wait are not in the latency", () => {
  const metrics = new Metrics();
  metrics.counter("service_requests", "", { operation: "A" }).add(2);
  metrics.counter("service_requests", "", { operation: "B" }).add(3);
  metrics.counter("other", "", {}).add(9);
  for (const [operation, seconds] of [
    ["StartWorkflowExecution", 0.01],
    ["DescribeNamespace", 0.02],
    ["PollWorkflowTaskQueue", 50],
    ["GetWorkflowExecutionHistory", 20],
  ] as const)
    metrics.histogram("service_latency", "", { operation }).observe(seconds);
  const samples = condensed(metrics.snapshot());
  assert.equal(totalOf(samples, "service_requests"), 5);
  assert.equal(totalOf(samples, "service_latency"), 2);
  assert.equal(totalOf(samples, "other"), undefined);
  assert.ok(samples.every(({ labels }) => Object.keys(labels).length === 0));
});

test("the last hour is kept and no more, in order also when the clock is set back, and nothing after the close", () => {
  const metrics = new Metrics();
  const clock = new ManualClock(1_000);
  const requests = metrics.counter("service_requests", "", {});
  const history = new MetricsHistory({ metrics, clock });
  history.open();
  for (let turn = 1; turn <= limits.metricsHistoryMax + 5; turn += 1) {
    requests.add(1);
    clock.advance(limits.metricsHistoryEveryMs);
  }
  const all = history.after(0);
  assert.equal(all.length, limits.metricsHistoryMax);
  assert.equal(totalOf([...all.at(-1)!.samples], "service_requests"), limits.metricsHistoryMax + 5);
  assert.equal(all.at(-1)!.atMs - all[0]!.atMs, (limits.metricsHistoryMax - 1) * limits.metricsHistoryEveryMs);
  assert.deepEqual(history.after(all.at(-3)!.atMs), all.slice(-2));
  history.close();
  clock.advance(10 * limits.metricsHistoryEveryMs);
  assert.equal(history.after(0).length, limits.metricsHistoryMax);
});
