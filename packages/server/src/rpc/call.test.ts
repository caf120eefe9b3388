import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  earlyTasksHeader,
  errordetails,
  type failure,
  googleRpc,
  history,
  type Init,
  type MethodName,
  methods,
  workflowservice,
} from "@pawl/protocol";
import { ManualClock } from "../clock.ts";
import { Admission, type Seat } from "../frontend/admission.ts";
import { type Handlers, Rejection } from "../frontend/handler.ts";
import { seededRandom } from "../random.ts";
import { Unavailable } from "../shard/unavailable.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { createLog, quietTelemetry } from "../telemetry/telemetry.ts";
import { type Span, Traces } from "../telemetry/traces.ts";
import { unaryRoutes } from "./call.ts";
import type { Incoming, Status } from "./transport.ts";

const incoming: Incoming = {
  ...{ path: "", deadlineMs: 5, signal: new AbortController().signal },
  ended: () => "no",
  header: (name) => (name === "client-name" ? "temporal-go" : ""),
};

const keepAll = { heedsCallers: true, ratio: 1 };

function setUp(handlers: Handlers) {
  const lines: string[] = [];
  const log = createLog({ level: "debug", format: "json", nowMs: () => 0, write: (line) => lines.push(line) });
  const metrics = new Metrics();
  const routes = unaryRoutes(handlers, { telemetry: { log, metrics, stopwatchMs: () => 0 }, random: seededRandom(1) });
  const call = (name: MethodName, bytes: Uint8Array = new Uint8Array(0)) =>
    routes.get(methods[name].path)!(bytes, incoming);
  return { lines, metrics, routes, call };
}

async function statusOfFault(fault: unknown): Promise<{ status: Status; lines: string[] }> {
  const { call, lines } = setUp({ GetSystemInfo: () => Promise.reject(fault) });
  return { status: (await call("GetSystemInfo")) as Status, lines };
}

describe("calls", () => {
  test("every method of the API has a route, and one without a handler says its name", async () => {
    const { routes } = setUp({});
    for (const { path, name } of Object.values(methods)) {
      const answer = (await routes.get(path)!(Buffer.from("anything"), incoming)) as Status;
      assert.equal(answer.code, "UNIMPLEMENTED");
      assert.match(answer.message, new RegExp(`^unknown method ${name} for service .*: not implemented`));
    }
  });

  test("a call's namespace answers for what its request holds, until it is answered", async () => {
    class Scales extends Admission {
      bytes = 0;
      override enter(...asked: Parameters<Admission["enter"]>) {
        this.bytes += asked[3] ?? 0;
        return super.enter(...asked);
      }
      override leave(seat: Seat) {
        super.leave(seat);
        this.bytes = 0;
      }
    }
    const admission = new Scales({ namespaces: { find: () => undefined }, clock: new ManualClock() });
    let bytesMeanwhile = 0;
    const handlers: Handlers = {
      GetSystemInfo: () => {
        bytesMeanwhile = admission.bytes;
        return {};
      },
    };
    const routes = unaryRoutes(handlers, { telemetry: quietTelemetry(), random: seededRandom(1), admission });
    // A field that the message does not have counts, too.
    const bytes = Buffer.from([0x7a, 3, 1, 2, 3]);
    await routes.get(methods.GetSystemInfo.path)!(bytes, incoming);
    assert.deepEqual([bytesMeanwhile, admission.bytes], [bytes.length, 0]);
  });

  test("a span of a call that failed by the server's own fault says so, one that was refused does not", async () => {
    const spans: Span[] = [];
    const parts = { clock: new ManualClock(), random: seededRandom(2), stopwatchMs: () => 0 };
    const traces = new Traces({ ...parts, sink: { add: (span) => spans.push(span) }, sampler: keepAll });
    const handlers: Handlers = {
      GetSystemInfo: () => Promise.reject(new Error("a bug")),
      DescribeNamespace: () => new Rejection("NOT_FOUND", "no such namespace"),
    };
    const routes = unaryRoutes(handlers, { telemetry: { ...quietTelemetry(), traces }, random: parts.random });
    for (const name of ["GetSystemInfo", "DescribeNamespace", "ListNamespaces"] as const)
      await routes.get(methods[name].path)!(new Uint8Array(0), incoming);
    assert.deepEqual(
      spans.map(({ name, attributes, error }) => [name.split("/")[1], attributes["rpc.grpc.status_code"], error]),
      [
        ["GetSystemInfo", 13, spans[0]!.error],
        ["DescribeNamespace", 5, undefined],
        ["ListNamespaces", 12, spans[2]!.error],
      ],
    );
    assert.match(spans[0]!.error ?? "", /^internal error \(request /);
    assert.match(spans[2]!.error ?? "", /unknown method ListNamespaces/);
    assert.equal(spans[0]!.attributes["user_agent.original"], "temporal-go/");
  });

  test("the handler gets the decoded request and the call, and its answer is encoded", async () => {
    const { call, metrics } = setUp({
      DescribeNamespace: ({ namespace }, { deadlineMs, clientName }) => ({
        namespaceInfo: { name: `${namespace} ${deadlineMs} ${clientName}` },
      }),
    });
    const request = workflowservice.DescribeNamespaceRequest.encode({ namespace: "orders" });
    const answer = (await call("DescribeNamespace", request)) as Uint8Array;
    const { namespaceInfo } = workflowservice.DescribeNamespaceResponse.decode(answer);
    assert.equal(namespaceInfo?.name, "orders 5 temporal-go");
    const [requests] = metrics.snapshot();
    assert.deepEqual(requests, {
      type: "counter",
      name: "service_requests",
      labels: { operation: "DescribeNamespace" },
      value: 1,
    });
  });

  test("only a caller of this process can ask for tasks before their commit", async () => {
    const taken: (boolean | undefined)[] = [];
    const { routes } = setUp({
      GetSystemInfo: (_, call) => {
        taken.push(call.takesEarly);
        return {};
      },
    });
    const asking = { ...incoming, header: (name: string) => (name === earlyTasksHeader ? "1" : "") };
    for (const call of [asking, { ...incoming, isInProcess: true } as const, { ...asking, isInProcess: true } as const])
      await routes.get(methods.GetSystemInfo.path)!(new Uint8Array(0), call);
    assert.deepEqual(taken, [false, false, true]);
  });

  test("a refusal becomes a status whose first detail is the message that SDKs decode", async () => {
    const { typeName } = errordetails.NamespaceNotFoundFailure;
    const failure = { typeName, bytes: errordetails.NamespaceNotFoundFailure.encode({ namespace: "x" }) };
    const { call, metrics } = setUp({ GetSystemInfo: () => new Rejection("NOT_FOUND", "no x", failure) });
    const { code, message, details } = (await call("GetSystemInfo")) as Status;
    assert.deepEqual([code, message], ["NOT_FOUND", "no x"]);
    const status = googleRpc.Status.decode(details!);
    assert.deepEqual([status.code, status.message, status.details.length], [5, "no x", 1]);
    assert.equal(
      status.details[0]?.type_url,
      "type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure",
    );
    assert.equal(errordetails.NamespaceNotFoundFailure.decode(status.details[0]!.value).namespace, "x");
    const errors = metrics.snapshot().find(({ name }) => name === "service_error_with_type");
    assert.deepEqual(errors?.labels, { operation: "GetSystemInfo", error_type: "NOT_FOUND" });
  });

  test("what cannot be decoded names the method and the reason, and reaches no handler", async () => {
    let reached = 0;
    const { call } = setUp({
      DescribeNamespace: () => {
        reached++;
        return {};
      },
    });
    const table = [
      [Buffer.from([0x0a, 0x05, 0x61]), /out of range|truncated/],
      [Buffer.from([0x0a, 0x02, 0xc3, 0x28]), /invalid UTF-8/],
      [Buffer.from([0x0a]), /out of range|truncated/],
      [Buffer.from([0x0f]), /wire type/],
      [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), /./],
    ] as const;
    for (const [bytes, reason] of table) {
      const { code, message } = (await call("DescribeNamespace", bytes)) as Status;
      assert.equal(code, "INVALID_ARGUMENT", message);
      assert.match(message, /^DescribeNamespace: the request cannot be decoded: /);
      assert.match(message, reason);
    }
    assert.equal(reached, 0);
  });

  test("no bytes whatever make a request INTERNAL", async () => {
    const random = seededRandom(7);
    const names = Object.keys(methods) as MethodName[];
    const handlers = Object.fromEntries(names.map((name) => [name, () => ({})])) as Handlers;
    const { call } = setUp(handlers);
    for (let round = 0; round < 5_000; round++) {
      const bytes = Buffer.from(
        Array.from({ length: Math.floor(random.fraction() * 40) }, () => Math.floor(random.fraction() * 256)),
      );
      const answer = await call(names[round % names.length]!, bytes);
      if ("code" in answer) assert.equal(answer.code, "INVALID_ARGUMENT", answer.message);
    }
  });

  test("a message nested without end is refused, not followed", async () => {
    const { call } = setUp({ RespondActivityTaskFailed: () => ({}) });
    let nested: Init<failure.Failure> = { message: "the first" };
    for (let depth = 0; depth < 200; depth++) nested = { cause: nested };
    const answer = await call(
      "RespondActivityTaskFailed",
      workflowservice.RespondActivityTaskFailedRequest.encode({ failure: nested }),
    );
    assert.ok("code" in answer);
    assert.equal(answer.code, "INVALID_ARGUMENT");
    assert.match(answer.message, /nested too deeply/);
  });
});

test("what a request may bring can be read where it is told again", async () => {
  const { call } = setUp({ RespondActivityTaskFailed: () => ({}) });
  let deepest: Init<failure.Failure> = { message: "the first" };
  for (let nested = deepest; ; nested = { cause: nested }) {
    const request = workflowservice.RespondActivityTaskFailedRequest.encode({ failure: nested });
    if ("code" in (await call("RespondActivityTaskFailed", request))) break;
    deepest = nested;
  }
  // As an official SDK gets it, which reads 100 levels: a poll's answer, its history, an event, its attributes.
  const event = history.HistoryEvent.encode({ activityTaskFailedEventAttributes: { failure: deepest } });
  assert.ok(history.HistoryEvent.decode(event, 10));
});

describe("faults", () => {
  test("a fault that passes is a status, and its cause is logged", async () => {
    const { status, lines } = await statusOfFault(new Unavailable("busy", "too many wait"));
    assert.deepEqual([status.code, status.message], ["RESOURCE_EXHAUSTED", "too many wait"]);
    assert.ok(lines.some((line) => line.includes('"rpc refused by a fault"') && line.includes("Unavailable")));
  });

  test("a bug says nothing of itself to the caller, and all to the log, under one request id", async () => {
    const { status, lines } = await statusOfFault(new TypeError("secret is not a function"));
    assert.equal(status.code, "INTERNAL");
    const [, requestId] = /^internal error \(request ([0-9a-f-]{36})\)$/.exec(status.message) ?? [];
    const line = lines.find((each) => each.includes('"rpc failed"'))!;
    assert.equal(JSON.parse(line).requestId, requestId);
    assert.match(JSON.parse(line).error, /secret is not a function/);
  });

  test("an answer that cannot be encoded is a bug too", async () => {
    const { call } = setUp({ DescribeNamespace: () => null as never });
    assert.equal(((await call("DescribeNamespace")) as Status).code, "INTERNAL");
  });
});
