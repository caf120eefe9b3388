import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Failure } from "../failure.ts";
import { tracingConfig } from "./server-tracing.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

describe("the variables of OpenTelemetry", () => {
  for (const [why, environment] of [
    ["no collector is named", {}],
    ["the name is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }],
    ["all of it is switched off", { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }],
    ["traces are switched off", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }],
  ] as const)
    test(`no spans are made when ${why}`, () => assert.equal(tracingConfig(environment), undefined));

  test("the defaults are those of OpenTelemetry", () => {
    const { target, sampler } = tracingConfig(endpoint)!;
    const { resource, ...rest } = target;
    assert.deepEqual(rest, {
      url: "http://collector:4318/v1/traces",
      ...{ headers: {}, isCompressed: false, timeoutMs: 10_000, batchMax: 512, delayMs: 5_000, queueMax: 2_048 },
    });
    assert.equal(resource["service.name"], "pawl");
    assert.match(String(resource["service.version"]), /^\d+\.\d+\.\d+/);
    assert.deepEqual(sampler, { heedsCallers: true, ratio: 1 });
  });

  test("what is said of traces goes before what is said of all", () => {
    const { target, sampler } = tracingConfig({
      ...endpoint,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example.org/in",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "api-key=a%3Db%2C, tenant = t ",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=test",
      OTEL_SERVICE_NAME: "orders",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    })!;
    assert.equal(target.url, "https://traces.example.org/in");
    assert.deepEqual(target.headers, { "api-key": "a=b,", tenant: "t" });
    assert.deepEqual([target.timeoutMs, target.delayMs, target.isCompressed], [500, 100, true]);
    assert.equal(target.resource["service.name"], "orders");
    assert.equal(target.resource["deployment.environment"], "test");
    assert.deepEqual(sampler, { heedsCallers: false, ratio: 0.25 });
  });

  for (const [name, value] of [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "just-a-key"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "-1"],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "many"],
    ["OTEL_TRACES_EXPORTER", "zipkin"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
  ] as const)
    test(`${name}=${value} is refused by its name`, () => {
      assert.throws(
        () => tracingConfig({ ...endpoint, [name]: value }),
        (error) => error instanceof Failure && error.message.startsWith(name),
      );
    });

  test("a share of traces beyond all is refused", () => {
    const sampler = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "1.5" };
    assert.throws(() => tracingConfig({ ...endpoint, ...sampler }), /OTEL_TRACES_SAMPLER_ARG/);
  });
});
