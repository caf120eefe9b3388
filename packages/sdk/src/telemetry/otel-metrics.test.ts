/** Metrics at a collector: a real receiver of OTLP over HTTP, and one over gRPC on the official library, which reads protobuf by OTLP's own names. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { DefaultLogger, type LogEntry } from "../value/logger.ts";
import { type OtelCollectorExporter, Runtime } from "./runtime.ts";

// It would name another collector than these tests do.
delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];

interface Attribute {
  readonly key: string;
  readonly value: Record<string, unknown>;
}
interface DataPoint {
  readonly attributes: readonly Attribute[];
  readonly asDouble?: number;
  readonly count?: string;
  readonly sum?: number;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}
interface Aggregated {
  readonly dataPoints: readonly DataPoint[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}
interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: Aggregated;
  readonly gauge?: Aggregated;
  readonly histogram?: Aggregated;
}
interface ExportRequest {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly SentMetric[] }[];
  }[];
}

class Collector {
  readonly requests: ExportRequest[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  status = 200;
  readonly #server = createServer(async (request, response) => {
    const body = (await json(request)) as ExportRequest;
    const isKnown = request.method === "POST" && request.url === "/v1/metrics";
    if (isKnown && this.status === 200) {
      this.requests.push(body);
      this.headers.push(request.headers);
    }
    response.writeHead(isKnown ? this.status : 404).end("{}");
  });

  static async start(t: TestContext): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, "127.0.0.1");
    await once(collector.#server, "listening");
    t.after(() => {
      collector.#server.close();
      collector.#server.closeAllConnections();
    });
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/metrics`;
  }

  /** Of the last request. */
  metric(name: string): SentMetric {
    const metrics = this.requests.at(-1)!.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
    return metrics.flatMap((each) => each.metrics).find((each) => each.name === name)!;
  }

  async until(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** As much of OTLP as is read here, with the numbers that it gives to fields. */
const exportRequest = protobuf
  .parse(`syntax = "proto3"; package otlp;
    message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
    message KeyValue { string key = 1; AnyValue value = 2; }
    message Resource { repeated KeyValue attributes = 1; }
    message Scope { string name = 1; string version = 2; }
    message NumberDataPoint {
      fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; } repeated KeyValue attributes = 7;
    }
    message HistogramDataPoint {
      fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5;
      repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; repeated KeyValue attributes = 9;
    }
    message Gauge { repeated NumberDataPoint data_points = 1; }
    message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
    message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
    message Metric { string name = 1; string description = 2; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
    message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
    message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
    message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }`)
  .root.lookupType("otlp.ExportMetricsServiceRequest");

interface GrpcCollector {
  readonly requests: readonly { readonly request: ExportRequest; readonly metadata: Metadata }[];
  readonly url: string;
  /** What it answers. */
  code: status;
}

async function startGrpcCollector(t: TestContext): Promise<GrpcCollector> {
  const requests: { request: ExportRequest; metadata: Metadata }[] = [];
  const server = new Server();
  const decode = (bytes: Buffer) =>
    exportRequest.toObject(exportRequest.decode(bytes), { longs: String }) as unknown as ExportRequest;
  const collector = { requests, url: "", code: status.OK };
  server.addService(
    {
      Export: {
        ...{ path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" },
        ...{ requestStream: false, responseStream: false, requestDeserialize: decode },
        ...{ requestSerialize: () => Buffer.alloc(0), responseSerialize: () => Buffer.alloc(0) },
        responseDeserialize: () => ({}),
      },
    },
    {
      Export({ request, metadata }: ServerUnaryCall<ExportRequest, object>, answer: sendUnaryData<object>) {
        if (collector.code !== status.OK) return answer({ code: collector.code, details: "not now" });
        requests.push({ request, metadata });
        answer(null, {});
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  t.after(() => server.forceShutdown());
  collector.url = `http://127.0.0.1:${port}`;
  return collector;
}

function install(t: TestContext, otel: Partial<OtelCollectorExporter["otel"]>, logger?: DefaultLogger): Runtime {
  const metrics = { otel: { url: "", http: true, ...otel }, globalTags: { place: "here" } };
  const runtime = Runtime.install({ telemetryOptions: { metrics }, ...(logger ? { logger } : {}) });
  t.after(() => runtime.shutdown());
  return runtime;
}

test("counters, gauges and histograms arrive with their tags, summed up since the start", async (t) => {
  const collector = await Collector.start(t);
  const headers = { authorization: "Bearer x" };
  const runtime = install(t, { url: collector.url, headers, metricsExportInterval: "1 hour" });
  const { metricMeter } = runtime;
  metricMeter.createCounter("orders", "1", "how many").add(2, { kind: "book", big: true });
  metricMeter.createGauge("temperature", "float").set(21.5);
  const sizes = metricMeter.createHistogram("sizes", "int", "By");
  for (const each of [1, 3, 3, 9_000_000]) sizes.record(each);
  await runtime.shutdown();
  assert.equal(collector.headers[0]?.authorization, "Bearer x");
  const [{ resource }] = collector.requests[0]!.resourceMetrics as [ExportRequest["resourceMetrics"][0]];
  assert.deepEqual(resource.attributes, [{ key: "service.name", value: { stringValue: "temporal-core-sdk" } }]);
  const { sum } = collector.metric("orders");
  assert.deepEqual([sum?.aggregationTemporality, sum?.isMonotonic, sum?.dataPoints[0]?.asDouble], [2, true, 2]);
  assert.deepEqual(
    new Set(sum?.dataPoints[0]?.attributes.map(({ key, value }) => `${key}=${Object.values(value)}`)),
    new Set(["place=here", "kind=book", "big=true"]),
  );
  assert.equal(collector.metric("temperature").gauge?.dataPoints[0]?.asDouble, 21.5);
  const [point] = collector.metric("sizes").histogram!.dataPoints as [DataPoint];
  assert.deepEqual([point.count, point.sum, collector.metric("sizes").unit], ["4", 9_000_007, "By"]);
  assert.equal(point.bucketCounts?.length, point.explicitBounds!.length + 1);
  assert.deepEqual([point.bucketCounts?.[0], point.bucketCounts?.at(-1)], ["1", "1"]);
  assert.ok(BigInt(point.timeUnixNano) >= BigInt(point.startTimeUnixNano));
});

test("deltas are of the time since the last ones arrived, and none is lost to a collector that fails", async (t) => {
  const collector = await Collector.start(t);
  const lines: LogEntry[] = [];
  const logger = new DefaultLogger("WARN", (entry) => lines.push(entry));
  const runtime = install(t, { url: collector.url, metricsExportInterval: 10, temporality: "delta" }, logger);
  const orders = runtime.metricMeter.createCounter("orders");
  const values = () =>
    collector.requests.flatMap((each) =>
      each.resourceMetrics[0]!.scopeMetrics[0]!.metrics.flatMap(({ sum }) => sum?.dataPoints.map((p) => p.asDouble)),
    );
  const total = () => values().reduce<number>((sum, each) => sum + (each ?? 0), 0);
  orders.add(2);
  while (total() < 2) await collector.until(collector.requests.length + 1);
  collector.status = 503;
  orders.add(3);
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(lines[0]!.message, /Metrics could not be sent/);
  orders.add(4);
  collector.status = 200;
  while (total() < 9) await collector.until(collector.requests.length + 1);
  await runtime.shutdown();
  assert.equal(total(), 9);
  assert.equal(lines.length, 1, "a loss is told once");
});

const none: Aggregated = { dataPoints: [] };

test("over gRPC they arrive the same, and what the collector refuses comes with the next", async (t) => {
  const collector = await startGrpcCollector(t);
  collector.code = status.UNAVAILABLE;
  const lines: LogEntry[] = [];
  const logger = new DefaultLogger("WARN", (entry) => lines.push(entry));
  const { url } = collector;
  const metrics = { otel: { url, headers: { Authorization: "Bearer x" }, metricsExportInterval: 10 } };
  const runtime = Runtime.install({ telemetryOptions: { metrics }, logger });
  t.after(() => runtime.shutdown());
  const { metricMeter } = runtime;
  metricMeter.createCounter("orders", "1", "how many").add(300, { kind: "book", big: true, size: 2.5 });
  metricMeter.createGauge("temperature", "float").set(0);
  const sizes = metricMeter.createHistogram("sizes", "int", "By");
  for (const each of [1, 3, 3, 9_000_000]) sizes.record(each);
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(String(lines[0]!.meta?.["error"]), /14 UNAVAILABLE: not now/);
  collector.code = status.OK;
  await runtime.shutdown();
  const { request, metadata } = collector.requests.at(-1)!;
  assert.deepEqual(metadata.get("authorization"), ["Bearer x"]);
  const [{ resource, scopeMetrics }] = request.resourceMetrics as [ExportRequest["resourceMetrics"][0]];
  assert.deepEqual(resource.attributes, [{ key: "service.name", value: { stringValue: "temporal-core-sdk" } }]);
  const sent = (name: string) => scopeMetrics.flatMap((each) => each.metrics).find((each) => each.name === name)!;
  const { unit, sum = none } = sent("orders");
  const [order] = sum.dataPoints as [DataPoint];
  assert.deepEqual([unit, sum.aggregationTemporality, sum.isMonotonic, order.asDouble], ["1", 2, true, 300]);
  assert.deepEqual(Object.fromEntries(order.attributes.map(({ key, value }) => [key, Object.values(value)[0]])), {
    ...{ kind: "book", big: true, size: 2.5 },
  });
  assert.ok(BigInt(order.timeUnixNano) >= BigInt(order.startTimeUnixNano) && BigInt(order.startTimeUnixNano) > 0n);
  assert.equal(sent("temperature").gauge?.dataPoints[0]?.asDouble, 0);
  const [point] = sent("sizes").histogram!.dataPoints as [DataPoint];
  assert.deepEqual([point.count, point.sum, sent("sizes").unit], ["4", 9_000_007, "By"]);
  assert.equal(point.bucketCounts?.length, point.explicitBounds!.length + 1);
  assert.deepEqual([point.bucketCounts?.[0], point.bucketCounts?.at(-1)], ["1", "1"]);
});

for (const [what, otel, expected] of [
  ["no address", { url: "collector" }, /metrics\.otel\.url.*http or https, not "collector"/],
  ["an address of another protocol", { url: "grpc://x:4317" }, /metrics\.otel\.url.*http or https, not "grpc:/],
  ["no address for gRPC", { url: "collector:4317", http: false }, /metrics\.otel\.url.*grpcs, not "collector:4317"/],
  ["an interval that is none", { url: "http://x", metricsExportInterval: "often" }, /metricsExportInterval.*"often"/],
  ["a temporality that is none", { url: "http://x", temporality: "weekly" }, /temporality: "weekly" is none of/],
] as const) {
  test(`${what} is refused, and the option is named`, () => {
    const metrics = { otel: { http: true, ...otel } } as never;
    assert.throws(() => Runtime.install({ telemetryOptions: { metrics } }), expected);
  });
}
