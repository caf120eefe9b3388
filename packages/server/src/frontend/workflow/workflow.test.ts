import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, errordetails } from "@pawl/protocol";
import { eventTypes, InProcess, jsonOf, jsonPayloads, stickyAttributes, taskQueue } from "../in-process.ts";

const { WorkflowExecutionStatus: Status, WorkflowIdConflictPolicy: Conflict } = enums;
const tooLong = "x".repeat(1_001);
const tooLarge = { payloads: [{ data: new Uint8Array(2 * 1024 * 1024 + 1) }] };
const workflowExecution = { workflowId: "w", runId: "" };

describe("a start", () => {
  test("gives the run, its status and a link to its first event", async () => {
    await using server = await InProcess.open();
    const started = await server.start("w");
    assert.equal(started.started, true);
    assert.equal(started.status, Status.RUNNING);
    assert.equal(started.firstExecutionRunId, started.runId);
    const { namespace, workflowId, runId, eventRef } = started.link!.workflowEvent!;
    assert.deepEqual([namespace, workflowId, runId, eventRef?.eventId], ["orders", "w", started.runId, 1]);
  });

  test("under the same request id is the same start; under another, or none, it meets the one that runs", async () => {
    await using server = await InProcess.open();
    const { runId } = await server.start("w", { requestId: "once" });
    const repeated = await server.start("w", { requestId: "once" });
    assert.deepEqual([repeated.runId, repeated.started], [runId, true]);
    for (const requestId of ["twice", ""]) {
      const refused = await server.call("StartWorkflowExecution", {
        workflowId: "w",
        workflowType: { name: "T" },
        taskQueue,
        requestId,
      });
      assert.ok(refused instanceof Rejection && refused.detail);
      assert.equal(refused.code, "ALREADY_EXISTS");
      assert.equal(refused.detail.typeName, errordetails.WorkflowExecutionAlreadyStartedFailure.typeName);
      assert.equal(errordetails.WorkflowExecutionAlreadyStartedFailure.decode(refused.detail.bytes).runId, runId);
    }
    const used = await server.start("w", { workflowIdConflictPolicy: Conflict.USE_EXISTING });
    assert.deepEqual([used.runId, used.started], [runId, false]);
  });

  test("may bring the first task along, also when it is repeated, and then queues none", async () => {
    await using server = await InProcess.open();
    const eager = { requestEagerExecution: true, requestId: "once", identity: "starter" };
    const { eagerWorkflowTask: task, runId } = await server.start("w", eager);
    assert.deepEqual(eventTypes(task?.history), [
      "WORKFLOW_EXECUTION_STARTED",
      "WORKFLOW_TASK_SCHEDULED",
      "WORKFLOW_TASK_STARTED",
    ]);
    assert.equal(task?.workflowExecution?.runId, runId);
    const repeated = await server.start("w", eager);
    assert.deepEqual(repeated.eagerWorkflowTask?.taskToken, task?.taskToken);
    const polled = server.pollWorkflowTask();
    await server.settle();
    server.clock.advance(9_000);
    assert.equal((await polled).taskToken.length, 0);
    await server.complete(task!);
  });

  test("keeps search attributes with their types", async () => {
    await using server = await InProcess.open();
    const searchAttributes = { indexedFields: { BuildIds: jsonPayloads(["b"]).payloads[0]! } };
    await server.start("w", { searchAttributes });
    const { workflowExecutionInfo } = await server.ask("DescribeWorkflowExecution", { execution: workflowExecution });
    const kept = workflowExecutionInfo?.searchAttributes?.indexedFields["BuildIds"];
    assert.equal(new TextDecoder().decode(kept?.metadata["type"]), "KeywordList");
  });

  test("in a deprecated namespace is refused, a signal there is not", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    await server.ask("DeprecateNamespace", {});
    const verdict = await server.verdict("StartWorkflowExecution", {
      workflowId: "v",
      workflowType: { name: "T" },
      taskQueue,
    });
    assert.match(verdict, /^FAILED_PRECONDITION Namespace has invalid state: Deprecated/);
    await server.signal("w");
  });
});

test("a signal with start starts a run once, and signals it as often as asked", async () => {
  await using server = await InProcess.open();
  const request = {
    workflowId: "w",
    workflowType: { name: "T" },
    taskQueue,
    signalName: "s",
    signalInput: jsonPayloads(1),
  };
  const first = await server.ask("SignalWithStartWorkflowExecution", request);
  const second = await server.ask("SignalWithStartWorkflowExecution", request);
  assert.deepEqual([first.started, second.started, second.runId], [true, false, first.runId]);
  const { history: events } = await server.pollWorkflowTask();
  assert.equal(eventTypes(events).filter((type) => type === "WORKFLOW_EXECUTION_SIGNALED").length, 2);
});

describe("requests to a run", () => {
  const signal = { workflowExecution, signalName: "s" };
  const cancel = { workflowExecution };
  const common = [
    ["no execution", { workflowExecution: undefined }, "INVALID_ARGUMENT Execution is not set on request."],
    ["no workflow id", { workflowExecution: {} }, "INVALID_ARGUMENT WorkflowId is not set on request."],
    [
      "a run id that is none",
      { workflowExecution: { workflowId: "w", runId: "r" } },
      "INVALID_ARGUMENT Invalid RunId.",
    ],
    [
      "an unknown run",
      { workflowExecution: { workflowId: "w", runId: "6a8d0e9c-58f2-4a3c-9d3c-0f8c5f5f7a11" } },
      'NOT_FOUND workflow execution not found for workflow ID "w" and run ID "6a8d0e9c-58f2-4a3c-9d3c-0f8c5f5f7a11"',
    ],
    ["an unknown workflow", { workflowExecution: { workflowId: "v" } }, "NOT_FOUND workflow not found for ID: v"],
    ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
    ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
    ["an empty link", { links: [{}] }, "INVALID_ARGUMENT unsupported link variant"],
    ["nothing wrong", {}, "accepted"],
  ] as const;
  const otherChain = { firstExecutionRunId: "6a8d0e9c-58f2-4a3c-9d3c-0f8c5f5f7a11" };
  for (const [method, request, rows] of [
    [
      "SignalWorkflowExecution",
      signal,
      [
        ...common,
        ["no name", { signalName: "" }, "INVALID_ARGUMENT SignalName is not set on request."],
        ["a long name", { signalName: tooLong }, "INVALID_ARGUMENT SignalName length exceeds limit."],
        ["a long request id", { requestId: tooLong }, "INVALID_ARGUMENT RequestId length exceeds limit."],
        ["a large input", { input: tooLarge }, "INVALID_ARGUMENT Blob data size exceeds limit."],
        [
          "a large header",
          { header: { fields: { h: tooLarge.payloads[0]! } } },
          "INVALID_ARGUMENT Header size exceeds limit.",
        ],
      ],
    ],
    [
      "RequestCancelWorkflowExecution",
      cancel,
      [
        ...common,
        ["a long request id", { requestId: tooLong }, "INVALID_ARGUMENT RequestId length exceeds limit."],
        [
          "a long first run id",
          { firstExecutionRunId: tooLong },
          "INVALID_ARGUMENT FirstExecutionRunId length exceeds limit.",
        ],
        ["another chain", otherChain, "NOT_FOUND workflow execution not found"],
      ],
    ],
    [
      "TerminateWorkflowExecution",
      cancel,
      [
        ...common,
        ["large details", { details: tooLarge }, "INVALID_ARGUMENT Blob data size exceeds limit."],
        ["another chain", otherChain, "NOT_FOUND workflow execution not found"],
      ],
    ],
  ] as const)
    for (const [name, change, verdict] of rows)
      test(`${method} with ${name}: ${verdict}`, async () => {
        await using server = await InProcess.open();
        await server.start("w");
        assert.equal(await server.verdict(method, { ...request, ...change } as never), verdict);
      });

  for (const method of ["DescribeWorkflowExecution", "ResetStickyTaskQueue"] as const)
    for (const [name, change, verdict] of [
      ["no execution", { execution: undefined }, "INVALID_ARGUMENT Execution is not set on request."],
      ["an unknown workflow", { execution: { workflowId: "v" } }, "NOT_FOUND workflow not found for ID: v"],
      ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
      ["nothing wrong", {}, "accepted"],
    ] as const)
      test(`${method} with ${name}: ${verdict}`, async () => {
        await using server = await InProcess.open();
        await server.start("w");
        assert.equal(await server.verdict(method, { execution: workflowExecution, ...change }), verdict);
      });
});

test("a closed run takes no signal and no second end, and a request to cancel it changes nothing", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  await server.ask("TerminateWorkflowExecution", { workflowExecution, reason: "enough" });
  const completed = "NOT_FOUND workflow execution already completed";
  assert.equal(await server.verdict("SignalWorkflowExecution", { workflowExecution, signalName: "s" }), completed);
  assert.equal(await server.verdict("TerminateWorkflowExecution", { workflowExecution }), completed);
  assert.equal(await server.verdict("RequestCancelWorkflowExecution", { workflowExecution }), "accepted");
  const { workflowExecutionInfo: info } = await server.ask("DescribeWorkflowExecution", {
    execution: workflowExecution,
  });
  assert.deepEqual([info?.status, info?.historyLength], [Status.TERMINATED, 3]);
});

test("what is described is what was started", async () => {
  await using server = await InProcess.open();
  const memo = { fields: { note: jsonPayloads("n").payloads[0]! } };
  const { runId } = await server.start("w", { memo, workflowRunTimeout: { seconds: 60, nanos: 0 } });
  const described = await server.ask("DescribeWorkflowExecution", { execution: workflowExecution });
  const info = described.workflowExecutionInfo;
  assert.deepEqual([info?.execution?.runId, info?.type?.name, info?.taskQueue], [runId, "T", "q"]);
  assert.deepEqual(jsonOf({ payloads: [info!.memo!.fields["note"]!] }), ["n"]);
  assert.equal(described.executionConfig?.workflowRunTimeout?.seconds, 60);
  assert.equal(described.pendingWorkflowTask?.attempt, 1);
});

test("a run whose stickiness is reset gives its next task to any worker", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  await server.complete(await server.pollWorkflowTask(), { stickyAttributes });
  const polledByOwner = server.pollWorkflowTask(stickyAttributes.workerTaskQueue);
  await server.settle();
  await server.ask("ResetStickyTaskQueue", { execution: workflowExecution });
  await server.signal("w");
  const { history: events } = await server.pollWorkflowTask();
  assert.equal(eventTypes(events)[0], "WORKFLOW_EXECUTION_STARTED");
  server.clock.advance(9_000);
  assert.equal((await polledByOwner).taskToken.length, 0);
});

test("a workflow that is deleted is gone, and its id free; an open one ends first", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  await server.ask("DeleteWorkflowExecution", { workflowExecution: { workflowId: "w" } });
  assert.match(await server.verdict("DescribeWorkflowExecution", { execution: { workflowId: "w" } }), /^NOT_FOUND /);
  assert.equal((await server.ask("CountWorkflowExecutions", {})).count, 0);
  const again = { workflowExecution: { workflowId: "w" } };
  assert.match(await server.verdict("DeleteWorkflowExecution", again), /^NOT_FOUND /);
  assert.match(await server.verdict("DeleteWorkflowExecution", {}), /^INVALID_ARGUMENT /);
  await server.start("w");
});
