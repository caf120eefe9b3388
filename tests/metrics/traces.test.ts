/** Spans of a server as a collector receives them: OTLP over HTTP, from the environment's variables alone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { answerTask, complete, namespace } from "../cli/worker.ts";
import { call } from "../rig/call.ts";
import { freePort, type RunningServer, startPawl } from "../rig/server.ts";

interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** As much of a collector as takes spans. */
class Collector {
  readonly spans: SpanJson[] = [];
  readonly #server: Server;
  #onSpans = Promise.withResolvers<void>();

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { resourceSpans } = JSON.parse(String(Buffer.concat(chunks)));
      for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) this.spans.push(...spans);
      response.writeHead(request.url === "/v1/traces" && request.method === "POST" ? 200 : 404).end("{}");
      this.#onSpans.resolve();
      this.#onSpans = Promise.withResolvers();
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** The first that fits, now or later. */
  async find(what: (span: SpanJson) => boolean): Promise<SpanJson> {
    for (;;) {
      const { promise } = this.#onSpans;
      const found = this.spans.find(what);
      if (found) return found;
      await promise;
    }
  }
}

const collector = new Collector();
let server: RunningServer;
let httpAddress: string;

before(async () => {
  const endpoint = await collector.open();
  const httpPort = await freePort();
  httpAddress = `http://127.0.0.1:${httpPort}`;
  server = await startPawl({
    args: ["--http-port", String(httpPort)],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: "50" },
  });
});

after(async () => {
  await server.stop();
  await collector.close();
});

const traceOf = (digit: string) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16) });
const parent = ({ traceId, spanId }: ReturnType<typeof traceOf>, flags = "01") => ({
  traceparent: `00-${traceId}-${spanId}-${flags}`,
});
const attribute = (span: SpanJson, key: string) => {
  const value = span.attributes.find((each) => each.key === key)?.value ?? {};
  return Object.values(value)[0];
};
const startRequest = (workflowId: string) => ({
  ...{ namespace, workflowId, requestId: workflowId },
  ...{ workflowType: { name: "T" }, taskQueue: { name: workflowId } },
});
const service = "temporal.api.workflowservice.v1.WorkflowService";

describe("a server that is told of a collector", { timeout: 60_000 }, () => {
  test("sends the call, its commit and the wait of its task as one trace, which is the caller's", async () => {
    const caller = traceOf("a");
    const { runId } = await call(server.address, "StartWorkflowExecution", startRequest("traced"), {
      headers: parent(caller),
    });
    await answerTask(server.address, "traced", [complete("ok")]);
    const rpc = await collector.find(({ name }) => name === `${service}/StartWorkflowExecution`);
    assert.deepEqual([rpc.traceId, rpc.parentSpanId, rpc.kind], [caller.traceId, caller.spanId, 2]);
    assert.deepEqual(rpc.status, {});
    assert.equal(attribute(rpc, "rpc.service"), service);
    assert.equal(attribute(rpc, "rpc.grpc.status_code"), "0");
    assert.equal(attribute(rpc, "temporalWorkflowID"), "traced");
    assert.equal(attribute(rpc, "temporalRunID"), runId);
    assert.equal(attribute(rpc, "temporalNamespace"), namespace);
    const commit = await collector.find(({ traceId, name }) => traceId === rpc.traceId && name.startsWith("commit "));
    assert.deepEqual([commit.name, commit.parentSpanId, commit.kind], ["commit startWorkflow", rpc.spanId, 1]);
    assert.ok(Number(attribute(commit, "pawl.batch.rows")) > 0);
    assert.ok(BigInt(commit.startTimeUnixNano) >= BigInt(rpc.startTimeUnixNano));
    assert.ok(BigInt(commit.endTimeUnixNano) <= BigInt(rpc.endTimeUnixNano));
    const wait = await collector.find(({ name }) => name === "wait workflow task");
    assert.deepEqual([wait.traceId, wait.parentSpanId], [caller.traceId, commit.spanId]);
    assert.equal(attribute(wait, "temporalTaskQueue"), "traced");
    assert.equal(attribute(wait, "temporalRunID"), runId);
    const poll = await collector.find(({ name }) => name === `${service}/PollWorkflowTaskQueue`);
    assert.deepEqual(wait.links, [{ traceId: poll.traceId, spanId: poll.spanId }]);
    assert.equal(attribute(poll, "temporalWorkflowID"), "traced");
    assert.notEqual(poll.traceId, caller.traceId);
    assert.equal(poll.parentSpanId, undefined);
  });

  test("goes on with a trace that comes over HTTP", async () => {
    const caller = traceOf("b");
    const answer = await fetch(`${httpAddress}/api/v1/namespaces/${namespace}`, { headers: parent(caller) });
    assert.equal(answer.status, 200);
    const rpc = await collector.find(({ traceId }) => traceId === caller.traceId);
    assert.equal(rpc.name, `${service}/DescribeNamespace`);
    assert.equal(rpc.parentSpanId, caller.spanId);
    assert.equal(attribute(rpc, "http.request.method"), "GET");
  });

  test("says how a call ended by its code, and that of a caller's mistake is no error of the server", async () => {
    const caller = traceOf("c");
    await assert.rejects(call(server.address, "DescribeNamespace", { namespace: "none" }, { headers: parent(caller) }));
    const refused = await collector.find(({ traceId }) => traceId === caller.traceId);
    assert.equal(attribute(refused, "rpc.grpc.status_code"), "5");
    assert.deepEqual(refused.status, {});
  });

  test("keeps nothing of a trace that its caller does not keep", async () => {
    const caller = traceOf("e");
    const headers = parent(caller, "00");
    await call(server.address, "StartWorkflowExecution", startRequest("unkept"), { headers });
    await answerTask(server.address, "unkept", [complete("ok")]);
    const last = traceOf("f");
    await call(server.address, "GetSystemInfo", {}, { headers: parent(last) });
    await collector.find(({ traceId }) => traceId === last.traceId);
    const names = collector.spans.filter((span) => attribute(span, "temporalWorkflowID") === "unkept");
    // The worker that took its task keeps traces of its own.
    assert.deepEqual(
      names
        .map(({ name }) => name)
        .filter((name) => !name.includes("/Poll") && !/^commit (startWorkflowTask|completeWorkflowTask)/.test(name)),
      [],
    );
  });

  test("what the clock asks for is a trace of its own", async () => {
    const timed = { ...startRequest("timed"), workflowRunTimeout: { seconds: 1, nanos: 0 } };
    await call(server.address, "StartWorkflowExecution", timed, { headers: parent(traceOf("9")) });
    const woken = await collector.find(
      (span) => span.name === "commit wake" && attribute(span, "temporalWorkflowID") === "timed",
    );
    assert.equal(woken.parentSpanId, undefined);
    assert.notEqual(woken.traceId, traceOf("9").traceId);
  });
});

test("a server that is to send spans in a way that it does not know does not start", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  await assert.rejects(startPawl({ env }), /OTEL_EXPORTER_OTLP_PROTOCOL/);
});

test("the last spans are sent when the server stops", { timeout: 60_000 }, async () => {
  const last = new Collector();
  const endpoint = await last.open();
  const stopping = await startPawl({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await call(stopping.address, "GetSystemInfo", {}, { headers: parent(traceOf("8")) });
  assert.equal(await stopping.stop(), 0);
  assert.ok(last.spans.some(({ traceId }) => traceId === traceOf("8").traceId));
  await last.close();
});
