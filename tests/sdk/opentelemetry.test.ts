/** Traces from a client through workflows, children and activities, as one tree. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import { Client } from "@pawl/sdk/client";
import { DefaultLogger, defaultPayloadConverter, type LogEntry } from "@pawl/sdk/common";
import { OpenTelemetryPlugin, TRACE_HEADER } from "@pawl/sdk/opentelemetry";
import { Worker } from "@pawl/sdk/worker";
import * as activities from "./activities.ts";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

interface Ended {
  readonly name: string;
  readonly context: SpanContext;
  readonly parentId: string | undefined;
  readonly error: string | undefined;
}
const ended: Ended[] = [];
let ids = 0;

/** As much of a tracing SDK as the interceptors meet: the API alone does nothing. */
function installTracing(): void {
  const storage = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) => storage.run(active, () => fn.call(thisArg as never, ...args)),
    bind: (_, what) => what,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  propagation.setGlobalPropagator({
    fields: () => ["traceparent"],
    inject: (from, carrier, setter) => {
      const span = trace.getSpanContext(from);
      if (span) setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
    },
    extract: (into, carrier, getter) => {
      const [, traceId, spanId] = String(getter.get(carrier, "traceparent")).split("-");
      return traceId && spanId ? trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true }) : into;
    },
  });
  trace.setGlobalTracerProvider({
    getTracer: () => ({
      startSpan: (name, _, parent = context.active()) => newSpan(name, trace.getSpanContext(parent)),
      startActiveSpan: (name: string, ...rest: unknown[]) => {
        const fn = rest.pop() as (span: Span) => never;
        const parent = (rest[1] as Context | undefined) ?? context.active();
        const span = newSpan(name, trace.getSpanContext(parent));
        return context.with(trace.setSpan(parent, span), fn, undefined, span);
      },
    }),
  });
}

function newSpan(name: string, parent: SpanContext | undefined): Span {
  const hex = (digits: number) => (++ids).toString(16).padStart(digits, "a");
  const spanContext = { traceId: parent?.traceId ?? hex(32), spanId: hex(16), traceFlags: 1 };
  let error: string | undefined;
  const span: Partial<Span> = {
    spanContext: () => spanContext,
    setStatus: () => span as Span,
    recordException: (thrown) => {
      error = String(thrown);
    },
    end: () => void ended.push({ name, context: spanContext, parentId: parent?.spanId, error }),
    isRecording: () => true,
  };
  return span as Span;
}

const spanProcessor = {
  onEnd: (span: {
    name: string;
    spanContext(): SpanContext;
    parentSpanId?: string;
    events: { attributes: Record<string, string> }[];
  }) => {
    const error = span.events[0]?.attributes["exception.message"];
    ended.push({ name: span.name, context: span.spanContext(), parentId: span.parentSpanId, error });
  },
};

installTracing();
const plugin = new OpenTelemetryPlugin({ spanProcessor: spanProcessor as never, resource: { attributes: {} } });

/** The names from a span up to its root. */
function lineage(span: Ended | undefined): string[] {
  if (!span) return [];
  const parent = ended.find((each) => each.context.spanId === span.parentId);
  return [span.name, ...lineage(parent)];
}

for (const maxCachedWorkflows of [0, 100]) {
  test(`one tree, each span once, with ${maxCachedWorkflows} cached runs`, async () => {
    ended.length = 0;
    const lines: LogEntry[] = [];
    const logger = new DefaultLogger("INFO", (entry) => lines.push(entry));
    const client = new Client({ connection: target.connection, plugins: [plugin] });
    const worker = await newWorker(target, { plugins: [plugin], maxCachedWorkflows, logger });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await client.workflow.start(workflows.parent, {
        ...{ workflowId: newId(), taskQueue, args: [["one", "two"]] as [string[]] },
      });
      await handle.result();
      const { events } = await handle.fetchHistory();
      const header = events[0]?.workflowExecutionStartedEventAttributes?.header?.fields[TRACE_HEADER];
      assert.match(
        defaultPayloadConverter.fromPayload<{ traceparent: string }>(header!).traceparent,
        /^00-\w{32}-\w{16}-01$/,
      );
      await Worker.runReplayHistory({ workflowsPath, plugins: [plugin] }, { events });
      // Switched on for a history that was made without, and off for one that was made with.
      await Worker.runReplayHistory({ workflowsPath }, { events });
      await assert.rejects(client.workflow.execute(workflows.failure, { workflowId: newId(), taskQueue }));
    });
    const started = ended.find(({ name }) => name === "StartWorkflow:parent");
    const tree = ended.filter((span) => span.context.traceId === started?.context.traceId);
    const greetings = tree.filter(({ name }) => name === "RunActivity:greet");
    assert.equal(greetings.length, 2);
    for (const span of greetings) {
      assert.deepEqual(lineage(span), [
        ...["RunActivity:greet", "StartActivity:greet", "RunWorkflow:greeting"],
        ...["StartChildWorkflow:greeting", "RunWorkflow:parent", "StartWorkflow:parent"],
      ]);
    }
    assert.equal(new Set(ended.map((span) => span.context.spanId)).size, ended.length, "no span ended twice");
    const run = ended.find(({ name }) => name === "RunWorkflow:parent");
    const line = lines.find(({ message }) => message === "greeting");
    assert.equal(line?.meta?.["trace_id"], run?.context.traceId);
    assert.match(ended.find(({ name }) => name === "RunWorkflow:failure")?.error ?? "", /Activity task failed/);
    assert.ok(ended.find(({ name }) => name.startsWith("RunActivity:failForGood"))?.error);
  });
}

test("histories that were made without traces replay with them", async () => {
  const worker = await newWorker(target, { activities });
  const { taskQueue } = worker.options;
  await worker.runUntil(async () => {
    const options = { workflowId: newId(), taskQueue };
    const handle = await target.client.workflow.start(workflows.sandboxed, options);
    await handle.result();
    await Worker.runReplayHistory({ workflowsPath, plugins: [plugin] }, await handle.fetchHistory());
  });
});
