import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, history, type Init, type nexus, type RequestOf } from "@pawl/protocol";
import {
  eventTypes,
  InProcess,
  jsonOf,
  jsonPayloads,
  type TestCall,
  taskQueue,
  testNamespace,
} from "../frontend/in-process.ts";
import { limits } from "../limits.ts";
import { OutsideCalls } from "./outside-calls.ts";

const payload = jsonPayloads("out").payloads[0]!;
const url = "temporal://system";

/** A server that makes the requests that runs ask for, and an endpoint `endpoint` whose handlers poll the queue `handlers`. */
async function open() {
  const calls = new OutsideCalls();
  const server = await InProcess.open({ call: (call) => calls.make(call) });
  calls.open({ ...server.parts, onFault: (_what, error) => server.faults.push(error) });
  const worker = { namespace: testNamespace, taskQueue: "handlers" };
  await server.ask("CreateNexusEndpoint", { spec: { name: "endpoint", target: { worker } } });
  return {
    server,
    async [Symbol.asyncDispose]() {
      calls.close();
      assert.deepEqual(server.faults, []);
      await server[Symbol.asyncDispose]();
    },
  };
}

function operation(more = {}) {
  return {
    commandType: enums.CommandType.SCHEDULE_NEXUS_OPERATION,
    scheduleNexusOperationCommandAttributes: {
      endpoint: "endpoint",
      service: "service",
      operation: "op",
      input: jsonPayloads("in").payloads[0]!,
      nexusHeader: { "X-Trace": "1" },
      ...more,
    },
  };
}

const complete = (result = jsonPayloads("result")) => ({
  commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result },
});

async function callOperation(server: InProcess, more = {}): Promise<void> {
  await server.start("caller");
  await server.complete(await server.pollWorkflowTask(), { commands: [operation(more)] });
}

function pollNexus(server: InProcess, call?: TestCall) {
  return server.ask("PollNexusTaskQueue", { taskQueue: { name: "handlers" }, identity: "handler" }, call);
}

function respond(
  server: InProcess,
  task: { taskToken: Uint8Array },
  startOperation: Init<nexus.StartOperationResponse>,
) {
  return server.verdict("RespondNexusTaskCompleted", { taskToken: task.taskToken, response: { startOperation } });
}

async function events(server: InProcess, workflowId: string) {
  await server.settle();
  const { history: bytes } = await server.ask("GetWorkflowExecutionHistory", { execution: { workflowId } });
  return { types: eventTypes(bytes), all: history.History.decode(bytes ?? new Uint8Array(0)).events };
}

async function pending(server: InProcess) {
  await server.settle();
  const described = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "caller" } });
  return described.pendingNexusOperations[0];
}

/** Starts the workflow that works on the operation, as a handler does. */
function startHandler(server: InProcess, task: { readonly request?: nexus.Request | undefined }) {
  const { callback, callbackHeader, requestId } = task.request!.startOperation!;
  const header = { ...callbackHeader, "Nexus-Operation-Token": "token" };
  return server.start("handler", {
    requestId,
    taskQueue: { name: "handler-workflows" },
    completionCallbacks: [{ nexus: { url: callback, header } }],
  });
}

function pollHandlerWorkflow(server: InProcess) {
  return server.pollWorkflowTask({ name: "handler-workflows" });
}

describe("a worker that polls for Nexus tasks", () => {
  test("is given the request with its header, its time and where to tell of the end", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server, { scheduleToCloseTimeout: { seconds: 60, nanos: 0 } });
    const { request } = await pollNexus(server);
    assert.deepEqual(
      { ...request?.header },
      {
        "x-trace": "1",
        "operation-timeout": "60000ms",
        "request-timeout": "10000ms",
      },
    );
    const { service, operation: name, callback, links, payload: input } = request!.startOperation!;
    assert.deepEqual([service, name, callback, jsonOf({ payloads: [input!] })], ["service", "op", url, ["in"]]);
    assert.match(links[0]!.url, /^temporal:\/\/\/namespaces\/orders\/workflows\/caller\/[^/]+\/history\?eventID=5&/);
    assert.equal(request?.capabilities?.temporalFailureResponses, true);
  });

  test("gets one that was asked for before it came, and nothing when there is nothing", async () => {
    await using rig = await open();
    const { server } = rig;
    const early = pollNexus(server);
    await callOperation(server);
    assert.ok((await early).taskToken.length > 0);
    const nothing = pollNexus(server);
    await server.settle();
    server.clock.advance(10_000);
    assert.equal((await nothing).taskToken.length, 0);
  });

  test("can answer once; then, and when nobody waits any more, its task is unknown", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const task = await pollNexus(server);
    const gone = "NOT_FOUND Nexus task not found or already expired";
    assert.equal(await respond(server, task, { syncSuccess: { payload } }), "accepted");
    assert.equal(await respond(server, task, { syncSuccess: { payload } }), gone);
    await server.complete(await server.pollWorkflowTask(), { commands: [operation()] });
    const late = await pollNexus(server);
    server.clock.advance(limits.outsideCallMsMax);
    await server.settle();
    assert.equal(await respond(server, late, { syncSuccess: { payload } }), gone);
  });

  test("is asked again 1 s after it did not answer in time, with the same request id", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const first = await pollNexus(server);
    server.clock.advance(limits.outsideCallMsMax);
    const { lastAttemptFailure, attempt } = (await pending(server))!;
    assert.deepEqual([lastAttemptFailure?.message, attempt], ["upstream timeout", 1]);
    server.clock.advance(1_000);
    await server.settle();
    const second = await pollNexus(server);
    assert.equal(second.request?.startOperation?.requestId, first.request?.startOperation?.requestId);
  });
});

describe("an answer", () => {
  const details = (text: string) => new TextEncoder().encode(text);

  for (const [what, startOperation, refusal] of [
    ["without an operation token", { asyncSuccess: {} }, "missing operation token in response"],
    [
      "with a long operation token",
      { asyncSuccess: { operationToken: "t".repeat(4_097) } },
      "operation token length exceeds allowed limit (4097/4096)",
    ],
    [
      "whose failure cannot be read",
      { operationError: { operationState: "failed", failure: { details: details("no JSON") } } },
      "failure details must be JSON serializable",
    ],
  ] as const) {
    test(`${what} is refused, and another is taken`, async () => {
      await using rig = await open();
      const { server } = rig;
      await callOperation(server);
      const task = await pollNexus(server);
      assert.equal(await respond(server, task, startOperation), `INVALID_ARGUMENT ${refusal}`);
      assert.equal(await respond(server, task, { syncSuccess: { payload } }), "accepted");
      assert.equal((await events(server, "caller")).types[5], "NEXUS_OPERATION_COMPLETED");
    });
  }

  test("with the result completes the operation", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    await respond(server, await pollNexus(server), { syncSuccess: { payload } });
    const { all } = await events(server, "caller");
    const { result } = all[5]!.nexusOperationCompletedEventAttributes!;
    assert.deepEqual(jsonOf({ payloads: [result!] }), ["out"]);
  });

  test("whose result is too large fails the operation", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const large = { metadata: {}, data: new Uint8Array(limits.blobBytesMax + 1), externalPayloads: [] };
    await respond(server, await pollNexus(server), { syncSuccess: { payload: large } });
    const { all } = await events(server, "caller");
    const { failure } = all[5]!.nexusOperationFailedEventAttributes!;
    assert.equal(failure?.cause?.message, "http: response body too large");
  });

  test("of failure or cancellation says so in the history, with what the handler said", async () => {
    await using rig = await open();
    const { server } = rig;
    const failure = { message: "no", metadata: { k: "v" }, details: details('{"a":1}'), cause: { message: "why" } };
    for (const [operationState, type] of [
      ["failed", "NEXUS_OPERATION_FAILED"],
      ["canceled", "NEXUS_OPERATION_CANCELED"],
    ] as const) {
      await callOperation(server);
      await respond(server, await pollNexus(server), { operationError: { operationState, failure } });
      const { types, all } = await events(server, "caller");
      assert.equal(types[5], type);
      const end = all[5]!.nexusOperationFailedEventAttributes ?? all[5]!.nexusOperationCanceledEventAttributes;
      const { cause } = end!.failure!;
      assert.deepEqual([cause?.message, cause?.cause?.message], ["no", "why"]);
      if (operationState === "failed") {
        const said = jsonOf(cause?.applicationFailureInfo?.details);
        assert.deepEqual(said, [{ metadata: { k: "v" }, details: { a: 1 }, cause: { message: "why" } }]);
      } else assert.ok(cause?.canceledFailureInfo);
      await server.complete(await server.pollWorkflowTask(), { commands: [complete()] });
    }
  });

  test("that is a failure of this API is kept as it is", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const failure = { message: "new", applicationFailureInfo: { type: "Broken", nonRetryable: true } };
    await respond(server, await pollNexus(server), { failure });
    const { all } = await events(server, "caller");
    const { cause } = all[5]!.nexusOperationFailedEventAttributes!.failure!;
    assert.deepEqual([cause?.message, cause?.applicationFailureInfo?.type], ["new", "Broken"]);
  });

  test("of nothing at all is tried again", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    await respond(server, await pollNexus(server), {});
    assert.equal((await pending(server))?.lastAttemptFailure?.message, "empty outcome");
  });
});

describe("a handler that refuses", () => {
  const failed = (server: InProcess, taskToken: Uint8Array, more: Init<RequestOf<"RespondNexusTaskFailed">>) =>
    server.verdict("RespondNexusTaskFailed", { taskToken, ...more });

  for (const [errorType, retryBehavior, isFinal] of [
    ["BAD_REQUEST", 0, true],
    ["NOT_FOUND", 0, true],
    ["UNAUTHORIZED", 0, true],
    ["INTERNAL", 0, false],
    ["UNAVAILABLE", 0, false],
    ["OF_TOMORROW", 0, false],
    ["BAD_REQUEST", 1, false],
    ["INTERNAL", 2, true],
  ] as const) {
    const behaviour = ["", ", to be tried again", ", for good"][retryBehavior];
    test(`with ${errorType}${behaviour} ${isFinal ? "fails the operation" : "is asked again"}`, async () => {
      await using rig = await open();
      const { server } = rig;
      await callOperation(server);
      const error = { errorType, retryBehavior, failure: { message: "says no" } };
      assert.equal(await failed(server, (await pollNexus(server)).taskToken, { error }), "accepted");
      const { types, all } = await events(server, "caller");
      if (!isFinal) {
        assert.equal(types.length, 5);
        const { lastAttemptFailure } = (await pending(server))!;
        assert.equal(lastAttemptFailure?.nexusHandlerFailureInfo?.type, errorType);
        return;
      }
      const { failure } = all[5]!.nexusOperationFailedEventAttributes!;
      assert.equal(failure?.cause?.nexusHandlerFailureInfo?.type, errorType);
      assert.equal(failure.cause.cause?.message, "says no");
    });
  }

  test("must say how, in one of two ways", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const { taskToken } = await pollNexus(server);
    assert.equal(await failed(server, taskToken, {}), "INVALID_ARGUMENT request must contain error or failure");
    assert.equal(
      await failed(server, taskToken, { failure: { message: "x" } }),
      "INVALID_ARGUMENT request Failure must contain error or failure with NexusHandlerFailureInfo",
    );
    const failure = { message: "x", nexusHandlerFailureInfo: { type: "BAD_REQUEST" } };
    assert.equal(await failed(server, taskToken, { failure }), "accepted");
    assert.equal((await events(server, "caller")).types[5], "NEXUS_OPERATION_FAILED");
  });
});

describe("an operation that a workflow works on", () => {
  test("completes with the workflow's result, across namespaces of the caller's choice and a continue-as-new", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    const task = await pollNexus(server);
    await startHandler(server, task);
    await respond(server, task, { asyncSuccess: { operationToken: "token" } });
    await server.complete(await server.pollWorkflowTask());
    const again = { commandType: enums.CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION };
    await server.complete(await pollHandlerWorkflow(server), {
      commands: [{ ...again, continueAsNewWorkflowExecutionCommandAttributes: {} }],
    });
    server.clock.advance(1_000);
    await server.settle();
    await server.complete(await pollHandlerWorkflow(server), { commands: [complete()] });
    const { types, all } = await events(server, "caller");
    assert.deepEqual(types.slice(5), [
      "NEXUS_OPERATION_STARTED",
      "WORKFLOW_TASK_SCHEDULED",
      "WORKFLOW_TASK_STARTED",
      "WORKFLOW_TASK_COMPLETED",
      "NEXUS_OPERATION_COMPLETED",
      "WORKFLOW_TASK_SCHEDULED",
    ]);
    assert.deepEqual(jsonOf({ payloads: [all[9]!.nexusOperationCompletedEventAttributes!.result!] }), ["result"]);
    const { callbacks } = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "handler" } });
    assert.deepEqual(
      callbacks.map(({ state }) => state),
      [enums.CallbackState.SUCCEEDED],
    );
  });

  test("ends as its workflow does, also before its start was answered", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    await startHandler(server, await pollNexus(server));
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId: "handler" } });
    const { types, all } = await events(server, "caller");
    assert.deepEqual(types.slice(5), ["NEXUS_OPERATION_STARTED", "NEXUS_OPERATION_FAILED", "WORKFLOW_TASK_SCHEDULED"]);
    assert.equal(all[6]!.nexusOperationFailedEventAttributes?.failure?.cause?.message, "operation terminated");
    assert.equal(all[5]!.links[0]?.workflowEvent?.workflowId, "handler");
  });

  test("that nobody waits for any more leaves its callback failed, with the reason", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    await startHandler(server, await pollNexus(server));
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId: "caller" } });
    await server.complete(await pollHandlerWorkflow(server), { commands: [complete()] });
    await server.settle();
    const { callbacks } = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "handler" } });
    assert.equal(callbacks[0]?.state, enums.CallbackState.FAILED);
    assert.equal(
      callbacks[0]?.lastAttemptFailure?.message,
      "handler error (NOT_FOUND): workflow execution already completed",
    );
  });

  test("is cancelled through its handler", async () => {
    await using rig = await open();
    const { server } = rig;
    await callOperation(server);
    await respond(server, await pollNexus(server), { asyncSuccess: { operationToken: "token" } });
    const cancel = {
      commandType: enums.CommandType.REQUEST_CANCEL_NEXUS_OPERATION,
      requestCancelNexusOperationCommandAttributes: { scheduledEventId: 5 },
    };
    await server.complete(await server.pollWorkflowTask(), { commands: [cancel] });
    const task = await pollNexus(server);
    assert.equal(task.request?.cancelOperation?.operationToken, "token");
    await server.ask("RespondNexusTaskCompleted", { taskToken: task.taskToken, response: { cancelOperation: {} } });
    assert.equal((await events(server, "caller")).types.at(-2), "NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED");
  });
});

describe("a completion callback", () => {
  test("with a token that this cluster did not give tells nobody", async () => {
    await using rig = await open();
    const { server } = rig;
    const header = { "temporal-callback-token": "forged" };
    await server.start("handler", { completionCallbacks: [{ nexus: { url, header } }] });
    await server.complete(await server.pollWorkflowTask(), { commands: [complete()] });
    await server.settle();
    const { callbacks } = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "handler" } });
    assert.equal(callbacks[0]?.lastAttemptFailure?.message, "handler error (BAD_REQUEST): invalid callback token");
  });

  for (const [what, callback, refusal] of [
    ["to nowhere", {}, "UNIMPLEMENTED unknown callback variant: the callback says nothing"],
    ["with an odd scheme", { nexus: { url: "ftp://x" } }, "INVALID_ARGUMENT invalid url: unknown scheme: ftp://x"],
    ["without a host", { nexus: { url: "http://" } }, "INVALID_ARGUMENT invalid url: missing host"],
    [
      "to an address that is not allowed",
      { nexus: { url: "http://x" } },
      "INVALID_ARGUMENT invalid url: url does not match any configured callback address: http://x",
    ],
    [
      "with a long address",
      { nexus: { url: `https://${"a".repeat(1_000)}` } },
      "INVALID_ARGUMENT invalid url: url length longer than max length allowed of 1000",
    ],
    [
      "with a large header",
      { nexus: { url, header: { a: "b".repeat(8_192) } } },
      "INVALID_ARGUMENT invalid header: header size longer than max allowed size of 8192",
    ],
    ["with a link to nothing", { nexus: { url }, links: [{}] }, "INVALID_ARGUMENT unsupported link variant"],
  ] as const) {
    test(`${what} is refused`, async () => {
      await using rig = await open();
      const { server } = rig;
      const request = { workflowId: "w", workflowType: { name: "T" }, taskQueue, completionCallbacks: [callback] };
      assert.equal(await server.verdict("StartWorkflowExecution", request), refusal);
    });
  }
});

test("an operation whose endpoint has gone fails when it is tried again", async () => {
  await using rig = await open();
  const { server } = rig;
  await callOperation(server);
  const { taskToken } = await pollNexus(server);
  await server.ask("RespondNexusTaskFailed", { taskToken, error: { errorType: "INTERNAL" } });
  const { endpoints } = await server.ask("ListNexusEndpoints", {});
  await server.ask("DeleteNexusEndpoint", { id: endpoints[0]!.id, version: 1 });
  server.clock.advance(1_000);
  const { all } = await events(server, "caller");
  assert.equal(all[5]!.nexusOperationFailedEventAttributes?.failure?.cause?.message, "endpoint not registered");
});
