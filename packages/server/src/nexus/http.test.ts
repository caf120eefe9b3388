/** Nexus over HTTP: requests to handlers and callbacks elsewhere, and requests from there. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { common, enums, failure, history } from "@pawl/protocol";
import { AddressRules } from "../address-rules.ts";
import { eventTypes, InProcess, jsonOf, jsonPayloads, testNamespace } from "../frontend/in-process.ts";
import { fromNexusFailure, toNexusFailure } from "../frontend/nexus/nexus-failure.ts";
import { limits } from "../limits.ts";
import {
  contentOf,
  failureOf,
  failureText,
  linkHeaders,
  linksOf,
  payloadOf,
  refusalOf,
  unsuccessfulOf,
} from "./http-form.ts";
import { complete, dispatch, endpointDestination, isRefusal, queueDestination } from "./incoming.ts";
import { OutsideCalls } from "./outside-calls.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (data: Uint8Array) => new TextDecoder().decode(data);
const plainOf = ({ metadata, data }: common.Payload) =>
  JSON.stringify([
    Object.entries(metadata)
      .map(([name, value]) => [name, textOf(value)])
      .sort(),
    [...data],
  ]);
const isSame = (one: common.Payload, other: common.Payload) => plainOf(one) === plainOf(other);
const json = { "content-type": "application/json" };

interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: ServerResponse, heard: Heard) => void;

/** Somebody who answers HTTP requests. */
async function listener(answer: Answer) {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { headers, url = "" } = request;
      const one = { path: url, headers, body: Buffer.concat(chunks).toString() };
      heard.push(one);
      answer(response, one);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A server that may call this machine, and tells handlers outside to call back at `http://pawl/NAMESPACE`. */
async function open() {
  const addresses = new AddressRules([{ pattern: "127.0.0.1:*", allowInsecure: true }]);
  const calls = new OutsideCalls();
  const server = await InProcess.open({ call: (call) => calls.make(call), addresses });
  const onFault = (_what: string, error: unknown) => server.faults.push(error);
  calls.open({ ...server.parts, onFault, callbackUrl: (namespace) => `http://pawl/${namespace}` });
  return {
    server,
    async [Symbol.asyncDispose]() {
      calls.close();
      assert.deepEqual(server.faults, []);
      await server[Symbol.asyncDispose]();
    },
  };
}

const complete1 = {
  commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result: jsonPayloads("result") },
};

async function callExternal(server: InProcess, url: string): Promise<void> {
  await server.ask("CreateNexusEndpoint", { spec: { name: "outside", target: { external: { url } } } });
  await server.start("caller");
  const operation = {
    commandType: enums.CommandType.SCHEDULE_NEXUS_OPERATION,
    scheduleNexusOperationCommandAttributes: {
      ...{ endpoint: "outside", service: "a service", operation: "op" },
      input: jsonPayloads("in").payloads[0]!,
      nexusHeader: { "X-Trace": "1" },
    },
  };
  await server.complete(await server.pollWorkflowTask(), { commands: [operation] });
}

async function eventsOf(server: InProcess) {
  const { history: encoded } = await server.ask("GetWorkflowExecutionHistory", { execution: { workflowId: "caller" } });
  return { types: eventTypes(encoded), all: history.History.decode(encoded ?? new Uint8Array(0)).events };
}

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (const giveUp = Date.now() + 10_000; !(await check()); ) {
    assert.ok(Date.now() < giveUp, `not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const has = (server: InProcess, type: string) => async () => (await eventsOf(server)).types.includes(type);

describe("values, links and failures in HTTP's form", () => {
  const payload = (metadata: Record<string, string>, data = "1") =>
    common.Payload.create({
      metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, bytes(value)])),
      data: bytes(data),
    });

  test("a value's type says how it is encoded, and it comes back as it was", () => {
    for (const [metadata, type] of [
      [{ encoding: "json/plain" }, "application/json"],
      [{ encoding: "binary/plain" }, "application/octet-stream"],
      [{ encoding: "json/protobuf", messageType: "a.B" }, 'application/json; format=protobuf; message-type="a.B"'],
      [{ encoding: "binary/protobuf", messageType: "a.B" }, 'application/x-protobuf; message-type="a.B"'],
      [{ encoding: "json/plain", more: "said" }, "application/x-temporal-payload"],
      [{ encoding: "own" }, "application/x-temporal-payload"],
      [{ encoding: "unknown/nexus-content", type: "text/plain", language: "en" }, "text/plain"],
    ] as const) {
      const { headers, data } = contentOf(payload(metadata));
      assert.equal(headers["content-type"], type);
      assert.ok(isSame(payloadOf(headers, data), payload(metadata)), type);
    }
    const empty = contentOf(payload({ encoding: "binary/null" }, ""));
    assert.deepEqual(empty.headers, {});
    assert.ok(isSame(payloadOf({}, empty.data), payload({ encoding: "binary/null" }, "")));
    assert.deepEqual(contentOf(undefined).data.length, 0);
  });

  test("what no header can hold travels inside, and a type that lies is kept as said", () => {
    for (const more of [{ type: "a\nb" }, { length: "0" }, { Length: "0" }, { Encoding: "gzip" }] as const) {
      const odd = payload({ encoding: "unknown/nexus-content", ...more });
      const { headers, data } = contentOf(odd);
      assert.deepEqual(headers, { "content-type": "application/x-temporal-payload" });
      assert.ok(isSame(payloadOf(headers, data), odd));
    }
    const lie = payloadOf({ "content-type": "application/x-temporal-payload" }, bytes("\xff\xff"));
    assert.equal(textOf(lie.metadata["encoding"]!), "unknown/nexus-content");
  });

  test("links are listed, and those that no header can hold are left out", () => {
    const links = [
      { url: "temporal:///a?b=1,2", type: "some.Type" },
      { url: "https://x/", type: "other/type" },
    ];
    const header = linkHeaders([...links, { url: "line\nbreak", type: "t" }])["nexus-link"]!;
    assert.deepEqual(linksOf(header), links);
    assert.deepEqual(linkHeaders([]), {});
    assert.deepEqual(linksOf("nonsense, <x>"), []);
  });

  test("a header that is no link is read once, not from each of its characters", () => {
    // Quadratic, it would take hours: the time is no measure, but an end to that.
    const read = () => linksOf("<".repeat(1_000_000)).length;
    assert.equal(runInNewContext("read()", { read }, { timeout: 60_000 }), 0);
  });

  test("a failure comes back as it was", () => {
    const cause = failure.Failure.create({ message: "because" });
    const given = toNexusFailure(failure.Failure.create({ message: "bad", stackTrace: "here", cause }));
    const read = failureOf({ headers: json, data: bytes(failureText(given)) });
    assert.deepEqual(read && failureText(read), failureText(given));
    let endless = "{}";
    for (let depth = 0; depth < 1_000; depth++) endless = `{"message":"x","cause":${endless}}`;
    const cut = fromNexusFailure(failureOf({ headers: json, data: bytes(endless) })!);
    const event = history.HistoryEvent.encode({ nexusOperationFailedEventAttributes: { failure: cut } });
    assert.ok(history.HistoryEvent.decode(event, limits.requestDepthReserve), "what is kept of it can be read");
    for (const text of ["", "[]", "1", "{"]) assert.equal(failureOf({ headers: json, data: bytes(text) }), undefined);
    assert.equal(failureOf({ headers: { "content-type": "text/html" }, data: bytes("{}") }), undefined);
  });

  test("a refusal says its type by status or by itself, and whether to try again", () => {
    const answer = (status: number, body: string, headers = {}) =>
      refusalOf({ status, statusText: "Odd", headers: { ...json, ...headers }, data: bytes(body) });
    const typeOf = (refusal: ReturnType<typeof refusalOf>) =>
      refusal.type === "named" ? [refusal.failure.nexusHandlerFailureInfo?.type, refusal.retryable] : refusal.message;
    assert.deepEqual(typeOf(answer(404, "")), ["NOT_FOUND", false]);
    assert.deepEqual(typeOf(answer(503, "{}")), ["UNAVAILABLE", true]);
    assert.deepEqual(typeOf(answer(400, "{}", { "nexus-request-retryable": "true" })), ["BAD_REQUEST", true]);
    const own = '{"message":"m","metadata":{"type":"nexus.HandlerError"},"details":{"type":"CONFLICT"}}';
    assert.deepEqual(typeOf(answer(500, own)), ["CONFLICT", false]);
    assert.equal(typeOf(answer(418, '{"message":"tea"}')), 'unexpected response status: "418 Odd": tea');
  });

  test("an operation's own error says how it ended, and may only pass on why", () => {
    const error = { metadata: { type: "nexus.OperationError", "unwrap-error": "true" }, details: { state: "failed" } };
    const body = { message: "wrapped", ...error, cause: { message: "why" } };
    assert.equal(unsuccessfulOf({ headers: json, data: bytes(JSON.stringify(body)) })?.failure.message, "why");
    const plain = { headers: { ...json, "nexus-operation-state": "canceled" }, data: bytes('{"message":"gone"}') };
    assert.ok(unsuccessfulOf(plain)?.failure.canceledFailureInfo);
    assert.equal(unsuccessfulOf({ headers: json, data: bytes("{}") }), undefined);
  });
});

describe("an endpoint that leads elsewhere", () => {
  test("is asked by POST, with the input as body, and its answer is the operation's result", async () => {
    await using rig = await open();
    await using elsewhere = await listener((response) => response.writeHead(200, json).end('"out"'));
    await callExternal(rig.server, `${elsewhere.url}/base/`);
    await until("the operation has completed", has(rig.server, "NEXUS_OPERATION_COMPLETED"));
    const [{ path, headers, body } = assert.fail()] = elsewhere.heard;
    assert.equal(path, `/base/a%20service/op?callback=http%3A%2F%2Fpawl%2F${testNamespace}`);
    assert.deepEqual([body, headers["content-type"], headers["x-trace"]], ['"in"', "application/json", "1"]);
    assert.match(String(headers["nexus-link"]), /^<temporal:\/\/\/namespaces\/.*>; type="temporal\.api\.common\.v1/);
    assert.ok(headers["nexus-request-id"] && headers["nexus-callback-temporal-callback-token"]);
    const made = (await eventsOf(rig.server)).all.flatMap(
      (each) => each.nexusOperationCompletedEventAttributes ?? [],
    )[0];
    assert.deepEqual(jsonOf({ payloads: [made!.result!] }), ["out"]);
  });

  test("tells of the end later, once, with the token that it was given", async () => {
    await using rig = await open();
    const { server } = rig;
    await using elsewhere = await listener((response) =>
      response.writeHead(201, json).end('{"token":"t","state":"running"}'),
    );
    await callExternal(server, elsewhere.url);
    await until("the operation has started", has(server, "NEXUS_OPERATION_STARTED"));
    const token = String(elsewhere.heard[0]!.headers["nexus-callback-temporal-callback-token"]);
    const end = { ...json, "temporal-callback-token": token, "nexus-operation-state": "failed" };
    const tell = (headers: Record<string, string>, namespace: string | undefined = testNamespace) =>
      complete(server.parts, namespace, { headers, data: bytes('{"message":"no"}') });
    assert.equal((await tell({ ...end, "temporal-callback-token": "x" })).status, 400);
    assert.equal((await tell(end, "other")).status, 400);
    assert.equal((await tell({ ...end, "nexus-operation-state": "odd" })).status, 400);
    assert.equal((await tell(end)).status, 200);
    assert.equal((await tell(end)).status, 404);
    const failed = (await eventsOf(server)).all.flatMap((each) => each.nexusOperationFailedEventAttributes ?? [])[0];
    assert.equal(failed?.failure?.cause?.message, "no");
  });

  test("fails the operation for good when it names it by a token that is too long", async () => {
    await using rig = await open();
    const token = "t".repeat(limits.nexusOperationTokenBytesMax + 1);
    await using elsewhere = await listener((response) =>
      response.writeHead(201, json).end(JSON.stringify({ token, state: "running" })),
    );
    await callExternal(rig.server, elsewhere.url);
    await until("the operation has failed", has(rig.server, "NEXUS_OPERATION_FAILED"));
    const failed = (await eventsOf(rig.server)).all.find((event) => event.nexusOperationFailedEventAttributes);
    const { cause } = failed!.nexusOperationFailedEventAttributes!.failure!;
    assert.equal(cause?.message, "invalid operation token: length exceeds allowed limit (4097/4096)");
    assert.deepEqual(
      [cause.applicationFailureInfo?.type, cause.applicationFailureInfo?.nonRetryable],
      ["CallError", true],
    );
  });

  test("is not called when nobody has allowed it, and no redirect is followed", async () => {
    await using rig = await open();
    await using elsewhere = await listener((response) => response.writeHead(307, { location: "/there" }).end());
    await callExternal(rig.server, elsewhere.url.replace("127.0.0.1", "localhost"));
    await until("the operation has failed", has(rig.server, "NEXUS_OPERATION_FAILED"));
    assert.equal(elsewhere.heard.length, 0);
    await rig.server.start("second", {
      completionCallbacks: [{ nexus: { url: `${elsewhere.url}/here`, header: {} } }],
      taskQueue: { name: "second" },
    });
    await rig.server.complete(await rig.server.pollWorkflowTask({ name: "second" }), { commands: [complete1] });
    await until("the callback was called", () => elsewhere.heard.length > 0);
    assert.deepEqual(new Set(elsewhere.heard.map(({ path }) => path)), new Set(["/here"]));
  });
});

describe("a completion callback by HTTP", () => {
  test("gets the result with when it began and ended, and is tried again when it was not taken", async () => {
    await using rig = await open();
    const { server } = rig;
    let status = 503;
    await using elsewhere = await listener((response) => response.writeHead(status).end());
    const nexus = { url: `${elsewhere.url}/back?x=1`, header: { "X-One": "1" } };
    await server.start("caller", { completionCallbacks: [{ nexus }] });
    await server.complete(await server.pollWorkflowTask(), { commands: [complete1] });
    const callback = async () =>
      (await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "caller" } })).callbacks[0];
    const { BACKING_OFF, SUCCEEDED } = enums.CallbackState;
    await until("it is tried again later", async () => (await callback())?.state === BACKING_OFF);
    assert.equal((await callback())?.lastAttemptFailure?.message, "handler error (UNAVAILABLE)");
    status = 200;
    await server.clock.advance(2_000);
    await until("it has arrived", async () => (await callback())?.state === SUCCEEDED);
    const { path, headers, body } = elsewhere.heard[1]!;
    assert.deepEqual([path, body, headers["x-one"]], ["/back?x=1", '"result"', "1"]);
    assert.equal(headers["nexus-operation-state"], "succeeded");
    assert.ok(headers["nexus-operation-start-time"] && headers["nexus-operation-close-time"]);
  });

  test("links to the run's start, or to the request that attached it to the open run", async () => {
    await using rig = await open();
    const { server } = rig;
    await using elsewhere = await listener((response) => response.writeHead(200).end());
    const callbacks = (path: string) => ({ completionCallbacks: [{ nexus: { url: `${elsewhere.url}${path}` } }] });
    await server.start("caller", callbacks("/first"));
    await server.start("caller", {
      ...{ requestId: "later", workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.USE_EXISTING },
      onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: true },
      ...callbacks("/second"),
    });
    await server.complete(await server.pollWorkflowTask(), { commands: [complete1] });
    await until("both were told", () => elsewhere.heard.length === 2);
    const links = new Map(elsewhere.heard.map(({ path, headers }) => [path, String(headers["nexus-link"])]));
    assert.match(links.get("/first")!, /eventID=1&eventType=WorkflowExecutionStarted/);
    assert.match(links.get("/second")!, /eventType=WorkflowExecutionOptionsUpdated.*requestID=later/);
  });
});

describe("a request from outside", () => {
  const asked = (more = {}) => ({
    ...{ headers: { ...json, "x-trace": "1", host: "h", "nexus-request-id": "r" }, data: bytes('"in"') },
    ...{ service: "s", operation: "op", callback: "", cancels: false, signal: new AbortController().signal },
    ...more,
  });

  test("reaches the worker that polls, by queue and by endpoint, and gets its answer", async () => {
    await using rig = await open();
    const { server } = rig;
    const worker = { namespace: testNamespace, taskQueue: "handlers" };
    const { endpoint } = await server.ask("CreateNexusEndpoint", { spec: { name: "here", target: { worker } } });
    const answers = [
      [{ syncSuccess: { payload: jsonPayloads("out").payloads[0]! } }, 200, '"out"'],
      [{ asyncSuccess: { operationToken: "t" } }, 201, '{"token":"t","state":"running"}'],
      [{ operationError: { operationState: "failed", failure: { message: "no" } } }, 424, '{"message":"no"'],
    ] as const;
    for (const [startOperation, status, body] of answers) {
      const destination = endpointDestination(server.parts, endpoint!.id);
      assert.ok(!isRefusal(destination));
      const replied = dispatch(server.parts, destination, asked());
      const task = await server.ask("PollNexusTaskQueue", { taskQueue: { name: "handlers" } });
      assert.deepEqual(Object.keys(task.request!.header).sort(), ["request-timeout", "x-trace"]);
      assert.equal(task.request!.startOperation!.requestId, "r");
      const response = { startOperation };
      await server.ask("RespondNexusTaskCompleted", { taskToken: task.taskToken, response });
      const reply = await replied;
      assert.equal(reply.status, status);
      assert.ok(textOf(reply.data).startsWith(body), textOf(reply.data));
    }
    const byQueue = queueDestination(server.parts, worker);
    assert.ok(!isRefusal(byQueue));
    const cancels = dispatch(
      server.parts,
      byQueue,
      asked({ cancels: true, headers: { "nexus-operation-token": "t" } }),
    );
    const task = await server.ask("PollNexusTaskQueue", { taskQueue: { name: "handlers" } });
    await server.ask("RespondNexusTaskFailed", { taskToken: task.taskToken, error: { errorType: "CONFLICT" } });
    const { status, headers, data } = await cancels;
    assert.deepEqual([status, headers["nexus-request-retryable"]], [409, "false"]);
    assert.match(textOf(data), /"metadata":\{"type":"nexus.HandlerError"\},"details":\{"type":"CONFLICT"\}/);
  });

  test("hears what the handler said in its own words, that it was the handler, and whether to try again", async () => {
    await using rig = await open();
    const { server } = rig;
    const destination = queueDestination(server.parts, { namespace: testNamespace, taskQueue: "handlers" });
    assert.ok(!isRefusal(destination));
    const said = { message: "no", metadata: { k: "v" }, details: bytes('"why"') };
    const ask = async (respond: (taskToken: Uint8Array) => Promise<unknown>) => {
      const headers = { ...asked().headers, "temporal-nexus-failure-support": "true" };
      const replied = dispatch(server.parts, destination, asked({ headers }));
      const task = await server.ask("PollNexusTaskQueue", { taskQueue: { name: "handlers" } });
      assert.deepEqual(Object.keys(task.request!.header).sort(), ["request-timeout", "x-trace"]);
      await respond(task.taskToken);
      const { headers: answered, data } = await replied;
      return { source: answered["temporal-nexus-failure-source"], failure: JSON.parse(textOf(data)) as object };
    };
    const words = { message: "no", metadata: { k: "v" }, details: "why" };
    const operationError = { operationState: "failed", failure: said };
    assert.deepEqual(
      await ask((taskToken) =>
        server.ask("RespondNexusTaskCompleted", { taskToken, response: { startOperation: { operationError } } }),
      ),
      { source: "worker", failure: words },
    );
    const retryBehavior = enums.NexusHandlerErrorRetryBehavior.NON_RETRYABLE;
    const error = { errorType: "INTERNAL", failure: said, retryBehavior };
    assert.deepEqual(await ask((taskToken) => server.ask("RespondNexusTaskFailed", { taskToken, error })), {
      source: "worker",
      failure: {
        ...{ message: "", metadata: { type: "nexus.HandlerError" } },
        ...{ details: { type: "INTERNAL", retryableOverride: false }, cause: words },
      },
    });
  });

  test("leaves its handler a second less than it has itself, and a minute at most", async () => {
    await using rig = await open();
    const { server } = rig;
    const destination = queueDestination(server.parts, { namespace: testNamespace, taskQueue: "handlers" });
    assert.ok(!isRefusal(destination));
    const given = [];
    for (const timeout of ["2s", "10m", undefined]) {
      const headers = { ...json, ...(timeout !== undefined && { "request-timeout": timeout }) };
      const replied = dispatch(server.parts, destination, asked({ headers }));
      const task = await server.ask("PollNexusTaskQueue", { taskQueue: { name: "handlers" } });
      given.push(task.request!.header["request-timeout"]);
      await server.clock.advance(limits.nexusRequestMsMax);
      const { status, headers: answered } = await replied;
      assert.deepEqual([status, answered["temporal-nexus-failure-source"]], [520, "worker"]);
    }
    assert.deepEqual(given, ["1000ms", "59000ms", "59000ms"]);
  });

  test("is refused when what it brings is too large", async () => {
    await using rig = await open();
    const { parts } = rig.server;
    const destination = queueDestination(parts, { namespace: testNamespace, taskQueue: "handlers" });
    assert.ok(!isRefusal(destination));
    const data = new Uint8Array(limits.blobBytesMax);
    const started = await dispatch(parts, destination, asked({ data }));
    assert.deepEqual([started.status, JSON.parse(textOf(started.data)).message], [400, "input exceeds size limit"]);
    const { id: namespaceId } = parts.namespaces.find(testNamespace)!;
    const about = { workflowId: "w", runId: "", scheduledEventId: 5, requestId: "r" };
    const token = parts.tokens.sealCallback({ namespaceId, ...about });
    const head = { ...json, "temporal-callback-token": token, "nexus-operation-state": "succeeded" };
    const long = { ...head, "nexus-operation-token": "t".repeat(limits.nexusOperationTokenBytesMax + 1) };
    const told = [
      await complete(parts, testNamespace, { headers: head, data }),
      await complete(parts, testNamespace, { headers: long, data: bytes("1") }),
    ].map(({ status, data: body }) => [status, JSON.parse(textOf(body)).message]);
    assert.deepEqual(told, [
      [400, "result exceeds size limit"],
      [400, "operation token length exceeds allowed limit (4097/4096)"],
    ]);
  });

  test("is refused when it leads nowhere, or makes no sense", async () => {
    await using rig = await open();
    const { parts } = rig.server;
    const statuses = [
      endpointDestination(parts, "unknown"),
      queueDestination(parts, { namespace: "unknown", taskQueue: "q" }),
      queueDestination(parts, { namespace: "n".repeat(limits.idBytesMax + 1), taskQueue: "q" }),
      queueDestination(parts, { namespace: testNamespace, taskQueue: "" }),
    ].map((found) => (isRefusal(found) ? found.status : 0));
    assert.deepEqual(statuses, [404, 404, 400, 400]);
    const destination = queueDestination(parts, { namespace: testNamespace, taskQueue: "q" });
    assert.ok(!isRefusal(destination));
    const odd = await dispatch(parts, destination, asked({ headers: { "request-timeout": "soon" } }));
    assert.equal(odd.status, 400);
    assert.equal((await dispatch(parts, destination, asked({ cancels: true, headers: {} }))).status, 400);
    const nobody = dispatch(parts, destination, asked({ headers: { "request-timeout": "1s" } }));
    await rig.server.clock.advance(1_100);
    assert.equal((await nobody).status, 520);
  });
});
