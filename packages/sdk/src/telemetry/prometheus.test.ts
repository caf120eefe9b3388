import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IllegalStateError } from "../value/errors.ts";
import { meterOf } from "../value/metrics.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { MetricsBuffer } from "./metrics-buffer.ts";
import { expose } from "./prometheus.ts";
import { Runtime } from "./runtime.ts";

const plain = { countersTotalSuffix: false, unitSuffix: false, globalTags: {} };

describe("metrics as text", () => {
  test("counters add up, gauges hold the last value, histograms count what is at most each bound", () => {
    const registry = new MetricRegistry({ took: [1, 2] });
    const meter = meterOf(registry.record);
    const orders = meter.createCounter("orders", undefined, "How many\norders");
    orders.add(2, { kind: "a" });
    orders.withTags({ kind: "a" }).add(3);
    orders.add(1, { kind: 'quo"te' });
    const load = meter.createGauge("load", "float");
    load.set(0.5);
    load.set(0.25);
    const took = meter.createHistogram("took", "float");
    for (const value of [0.5, 1, 1.5, 9]) took.record(value);
    const open = meter.createUpDownCounter("open");
    open.add(3);
    open.add(-1);
    assert.equal(
      expose(registry.families(), plain),
      [
        "# TYPE load gauge",
        "load 0.25",
        "# TYPE open gauge",
        "open 2",
        "# HELP orders How many\\norders",
        "# TYPE orders counter",
        'orders{kind="a"} 5',
        'orders{kind="quo\\"te"} 1',
        "# TYPE took histogram",
        'took_bucket{le="1"} 2',
        'took_bucket{le="2"} 3',
        'took_bucket{le="+Inf"} 4',
        "took_sum 12",
        "took_count 4",
        "",
      ].join("\n"),
    );
  });

  test("names can say what they count and in which unit", () => {
    const registry = new MetricRegistry();
    meterOf(registry.record, () => ({ a: 1 }))
      .createCounter("my.bytes", "By")
      .add(1);
    const options = { countersTotalSuffix: true, unitSuffix: true, globalTags: { env: "test" } };
    assert.match(expose(registry.families(), options), /^my_bytes_bytes_total\{env="test",a="1"\} 1$/m);
  });

  for (const [what, record] of [
    ["a negative count", (meter: ReturnType<typeof meterOf>) => meter.createCounter("c").add(-1)],
    ["what is no number", (meter: ReturnType<typeof meterOf>) => meter.createGauge("c").set(Number.NaN)],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => record(meterOf(new MetricRegistry().record)),
        /metric c: .* is not a value of a (counter|gauge)/,
      );
    });
  }

  test("tags without end fill no memory", () => {
    const registry = new MetricRegistry();
    const counter = meterOf(registry.record).createCounter("runs");
    for (let i = 0; i < 3_000; i++) counter.add(1, { workflowId: i });
    assert.equal(registry.families()[0]?.series.size, 2_000);
    assert.equal(registry.dropped, 1_000);
  });

  test("observed values are asked for when somebody reads", () => {
    const registry = new MetricRegistry();
    let value = 1;
    const metric = { name: "slots", kind: "gauge", valueType: "int" } as const;
    const end = registry.observe(() => [{ metric, value, tags: {} }]);
    value = 7;
    assert.match(expose(registry.families(), plain), /^slots 7$/m);
    end();
    assert.equal(expose(registry.families(), plain), "");
  });
});

test("a buffer gives each update once and holds no more than it may", () => {
  const buffer = new MetricsBuffer({ maxBufferSize: 2 });
  const counter = meterOf((...update) => buffer.record(...update)).createCounter("c");
  for (const value of [1, 2, 3]) counter.add(value);
  assert.deepEqual(
    [...buffer.retrieveUpdates()].map(({ value }) => value),
    [1, 2],
  );
  assert.deepEqual([...buffer.retrieveUpdates()], []);
});

describe("a runtime", () => {
  test("serves its metrics over HTTP, in seconds and under the names of every SDK", async () => {
    const prometheus = { bindAddress: "127.0.0.1:0", histogramBucketOverrides: { temporal_request_latency: [0.1, 1] } };
    const runtime = Runtime.install({ telemetryOptions: { metrics: { prometheus, globalTags: { zone: "a" } } } });
    assert.throws(() => Runtime.install({}), IllegalStateError);
    assert.equal(Runtime.instance(), runtime);
    runtime.sdkMetrics.time("request_latency", 250, { operation: "Poll" });
    runtime.metricMeter.createCounter("mine").add(1);
    const address = await runtime.metricsAddress();
    const response = await fetch(`http://${address}/metrics`);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const tags = 'service_name="temporal-core-sdk",zone="a",operation="Poll"';
    assert.ok(text.includes(`temporal_request_latency_bucket{${tags},le="0.1"} 0\n`), text);
    assert.ok(text.includes(`temporal_request_latency_sum{${tags}} 0.25\n`), text);
    assert.ok(text.includes('mine{service_name="temporal-core-sdk",zone="a"} 1\n'), text);
    assert.equal((await fetch(`http://${address}/`)).status, 404);
    await runtime.shutdown();
    const next = Runtime.instance();
    assert.notEqual(next, runtime);
    await next.shutdown();
  });

  test("an address that is none is refused", () => {
    const metrics = { prometheus: { bindAddress: "nowhere" } };
    assert.throws(
      () => Runtime.install({ telemetryOptions: { metrics } }),
      /bindAddress must be "host:port", not "nowhere"/,
    );
    assert.throws(
      () => Runtime.install({ telemetryOptions: { metrics: {} as never } }),
      /one of prometheus, otel and buffer/,
    );
  });
});
