import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ManualClock, nextTurn } from "../clock.ts";
import { traceLimits } from "../limits.ts";
import { SpanExport, type SpanTarget } from "./span-export.ts";
import { quietTelemetry, type Telemetry } from "./telemetry.ts";
import type { Span } from "./traces.ts";

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly names: readonly string[];
  readonly body: { readonly resourceSpans: readonly { readonly resource: unknown }[] };
}

const received: Received[] = [];
/** How the collector answers next; 200 when nothing is planned. */
let answers: (readonly [status: number, headers?: Readonly<Record<string, string>>])[];
let collector: Server;
let clock: ManualClock;
let telemetry: Telemetry;

beforeEach(async () => {
  received.length = 0;
  answers = [];
  clock = new ManualClock();
  telemetry = quietTelemetry();
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const body = JSON.parse(String(request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes));
    const names = body.resourceSpans[0].scopeSpans[0].spans.map((span: { readonly name: string }) => span.name);
    received.push({ headers: request.headers, names, body });
    const [status, headers = {}] = answers.shift() ?? [200];
    response.writeHead(status, headers).end("{}");
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
});

afterEach(async () => {
  collector.closeAllConnections();
  collector.close();
  await once(collector, "close");
});

function openExport(wanted: Partial<SpanTarget> = {}): SpanExport {
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const sizes = { timeoutMs: 30_000, batchMax: 2, delayMs: 5_000, queueMax: 4 };
  const target = { url, headers: { "api-key": "k" }, resource: { "service.name": "pawl" }, isCompressed: false };
  return new SpanExport({ ...target, ...sizes, ...wanted }, { ...telemetry, clock });
}

function spanOf(name: string): Span {
  const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), state: "" };
  return { name, kind: "internal", context, startMs: 1_700_000_000_000.25, endMs: 1_700_000_000_001, attributes: {} };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function counted(name: string): number {
  const sample = telemetry.metrics.snapshot().find((each) => each.name === name);
  assert.ok(sample?.type === "counter");
  return sample.value;
}

describe("spans", () => {
  test("go out together, when enough of them wait or the first has waited long enough", async () => {
    const spans = openExport();
    spans.add(spanOf("a"));
    spans.add(spanOf("b"));
    await until(() => counted("spans_exported") === 2);
    spans.add(spanOf("c"));
    clock.advance(4_999);
    assert.equal(received.length, 1);
    clock.advance(1);
    await until(() => counted("spans_exported") === 3);
    assert.deepEqual(
      received.map(({ names }) => names),
      [["a", "b"], ["c"]],
    );
    const [{ headers, body }] = received as [Received];
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["api-key"], "k");
    const [{ resource }] = body.resourceSpans as [{ resource: unknown }];
    assert.deepEqual(resource, { attributes: [{ key: "service.name", value: { stringValue: "pawl" } }] });
    await spans.close();
    assert.equal(clock.sleeperCount, 0);
  });

  test("are sent again when the collector asks for that, not before the time that it names", async () => {
    answers = [[503, { "retry-after": "7" }], [429]];
    const spans = openExport({ isCompressed: true });
    spans.add(spanOf("a"));
    spans.add(spanOf("b"));
    await until(() => received.length === 1 && clock.sleeperCount === 1);
    clock.advance(6_999);
    assert.equal(received.length, 1);
    clock.advance(1);
    await until(() => received.length === 2 && clock.sleeperCount === 1);
    clock.advance(2 * traceLimits.retryMs);
    await until(() => counted("spans_exported") === 2);
    assert.equal(received.length, 3);
    assert.equal(counted("spans_dropped"), 0);
    await spans.close();
  });

  test("that a collector refuses are dropped and counted, and so is what finds no room", async () => {
    answers = [[400]];
    const spans = openExport();
    for (const name of ["a", "b"]) spans.add(spanOf(name));
    await until(() => counted("spans_dropped") === 2);
    answers = [[503]];
    // Two are under way and wait to be sent again; four find room behind them.
    for (const name of ["c", "d"]) spans.add(spanOf(name));
    await until(() => received.length === 2 && clock.sleeperCount === 1);
    for (const name of ["e", "f", "g", "h", "i"]) spans.add(spanOf(name));
    assert.equal(counted("spans_dropped"), 3);
    clock.advance(traceLimits.retryMs);
    await until(() => counted("spans_exported") === 6);
    await spans.close();
  });

  test("do not hold up the end of the process when the collector is away", async () => {
    answers = [[503], [503]];
    const spans = openExport();
    spans.add(spanOf("a"));
    const closing = spans.close();
    await until(() => received.length === 1 && clock.sleeperCount === 2);
    clock.advance(traceLimits.closeMsMax);
    await closing;
    assert.equal(counted("spans_dropped"), 1);
    assert.equal(clock.sleeperCount, 0);
    spans.add(spanOf("late"));
    assert.equal(counted("spans_dropped"), 2);
  });
});
