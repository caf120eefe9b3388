import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, errordetails, toDuration, workflowservice } from "@pawl/protocol";
import fc from "fast-check";
import { Rejection } from "../rejection.ts";
import { applicationFailure, commands, ScriptedWorkflow, startRequest } from "./scripted-workflow.ts";

const { WorkflowIdConflictPolicy: Conflict, WorkflowIdReusePolicy: Reuse, WorkflowExecutionStatus: Status } = enums;

function signalWithStart(init: Partial<workflowservice.SignalWithStartWorkflowExecutionRequest> = {}) {
  const codec = workflowservice.SignalWithStartWorkflowExecutionRequest;
  return {
    type: "signalWithStart",
    request: codec.decode(
      codec.encode({
        workflowId: "wf",
        workflowType: { name: "Example" },
        taskQueue: { name: "queue" },
        requestId: "sws",
        signalName: "go",
        ...init,
      }),
    ),
  } as const;
}
function terminate(workflow: ScriptedWorkflow): void {
  workflow.do({
    type: "terminate",
    request: workflowservice.TerminateWorkflowExecutionRequest.create({ reason: "enough" }),
  });
}
function requestCancel(workflow: ScriptedWorkflow): void {
  workflow.do({
    type: "requestCancel",
    request: workflowservice.RequestCancelWorkflowExecutionRequest.create({ reason: "please" }),
  });
}

test("a start repeated with its request id gives the same run, also after it closed", () => {
  const workflow = new ScriptedWorkflow();
  const { runId } = workflow.start({ requestId: "r1" });
  assert.deepEqual(workflow.start({ requestId: "r1" }), {
    runId,
    firstRunId: runId,
    started: true,
    status: Status.RUNNING,
  });
  terminate(workflow);
  assert.deepEqual(workflow.start({ requestId: "r1" }), {
    runId,
    firstRunId: runId,
    started: true,
    status: Status.TERMINATED,
  });
});

for (const [running, reuse, conflict, outcome] of [
  [true, Reuse.UNSPECIFIED, Conflict.UNSPECIFIED, "refused"],
  [true, Reuse.ALLOW_DUPLICATE, Conflict.FAIL, "refused"],
  [true, Reuse.ALLOW_DUPLICATE, Conflict.USE_EXISTING, "existing"],
  [true, Reuse.ALLOW_DUPLICATE, Conflict.TERMINATE_EXISTING, "new"],
  [true, Reuse.TERMINATE_IF_RUNNING, Conflict.UNSPECIFIED, "new"],
  [true, Reuse.REJECT_DUPLICATE, Conflict.USE_EXISTING, "existing"],
  ["completed", Reuse.UNSPECIFIED, Conflict.UNSPECIFIED, "new"],
  ["completed", Reuse.ALLOW_DUPLICATE_FAILED_ONLY, Conflict.UNSPECIFIED, "refused"],
  ["failed", Reuse.ALLOW_DUPLICATE_FAILED_ONLY, Conflict.UNSPECIFIED, "new"],
  ["completed", Reuse.REJECT_DUPLICATE, Conflict.UNSPECIFIED, "refused"],
  ["failed", Reuse.REJECT_DUPLICATE, Conflict.UNSPECIFIED, "refused"],
] as const) {
  test(`starting over a ${running === true ? "running" : running} run with reuse ${reuse} and conflict ${conflict}: ${outcome}`, () => {
    const workflow = new ScriptedWorkflow();
    const first = workflow.start();
    if (running === "completed") workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
    if (running === "failed") workflow.complete(workflow.pollTask(), [commands.failWorkflow()]);
    const reply = workflow.try({
      type: "startWorkflow",
      request: startRequest({ requestId: "second", workflowIdReusePolicy: reuse, workflowIdConflictPolicy: conflict }),
    });
    if (outcome === "refused") {
      assert(reply instanceof Rejection && reply.code === "ALREADY_EXISTS");
      assert.equal(errordetails.WorkflowExecutionAlreadyStartedFailure.decode(reply.detail!.bytes).runId, first.runId);
      return;
    }
    assert(!(reply instanceof Rejection));
    assert.equal(reply.started, outcome === "new");
    assert.equal(reply.runId === first.runId, outcome === "existing");
    if (running === true && outcome === "new")
      assert.equal(workflow.eventTypes(first.runId).at(-1), "WORKFLOW_EXECUTION_TERMINATED");
  });
}

test("an eager start gives the first task with the reply, in one commit", () => {
  const workflow = new ScriptedWorkflow();
  const reply = workflow.do({
    type: "startWorkflow",
    request: startRequest({}),
    eagerPoller: { identity: "w", requestId: "p" },
  });
  assert.deepEqual([reply.eagerTask?.fromEventId, reply.eagerTask?.toEventId, workflow.tasks.length], [1, 3, 0]);
  assert.equal(workflow.events()[0]!.workflowExecutionStartedEventAttributes!.eagerExecutionAccepted, true);
  workflow.complete(reply.eagerTask!, [commands.completeWorkflow()]);
});

test("signal-with-start starts with the signal before the first task, and signals what runs", () => {
  const workflow = new ScriptedWorkflow();
  assert.equal(workflow.do(signalWithStart()).started, true);
  assert.deepEqual(workflow.eventTypes(), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  assert.equal(workflow.do(signalWithStart({ requestId: "sws2" })).started, false);
  assert.equal(workflow.eventTypes().length, 4);
});

test("a signal sent twice with one request id is one event", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.signal("s", "id");
  workflow.signal("s", "id");
  workflow.signal("s", "other");
  assert.equal(workflow.eventTypes().filter((type) => type === "WORKFLOW_EXECUTION_SIGNALED").length, 2);
});

test("a delayed start waits; a signal does not shorten the delay, a cancellation does", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ workflowStartDelay: toDuration(60_000) });
  workflow.signal("s");
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(59_999);
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(1);
  assert.equal(workflow.tasks.length, 1);

  const cancelled = new ScriptedWorkflow();
  cancelled.start({ workflowStartDelay: toDuration(60_000) });
  requestCancel(cancelled);
  assert.equal(cancelled.tasks.length, 1);
});

test("cancelling is asked once, and the workflow's code decides", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  requestCancel(workflow);
  requestCancel(workflow);
  workflow.complete(workflow.pollTask(), [commands.cancelWorkflow()]);
  assert.deepEqual(workflow.eventTypes().slice(2), [
    "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_CANCELED",
  ]);
});

test("terminating fails the task in flight, keeps what was buffered, and is final", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  workflow.signal("late");
  terminate(workflow);
  assert.deepEqual(workflow.eventTypes().slice(3), [
    "WORKFLOW_TASK_FAILED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_EXECUTION_TERMINATED",
  ]);
  assert(workflow.complete(task) instanceof Rejection);
  const again = workflow.refused({
    type: "terminate",
    request: workflowservice.TerminateWorkflowExecutionRequest.create(),
  });
  assert.equal(again.message, "workflow execution already completed");
  assert.equal(workflow.wakeAtMs(), workflow.nowMs + workflow.retentionMs, "only its retention is left");
});

test("a timer fires at its time and can be cancelled before, even when its firing waits for the task in flight", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.timer("a", 1_000), commands.timer("b", 2_000)]);
  workflow.advance(999);
  assert.equal(workflow.eventTypes().at(-1), "TIMER_STARTED");
  workflow.advance(1);
  assert.deepEqual(workflow.eventTypes().slice(-2), ["TIMER_FIRED", "WORKFLOW_TASK_SCHEDULED"]);
  const task = workflow.pollTask();
  workflow.advance(1_000);
  assert(!(workflow.complete(task, [commands.cancelTimer("b"), commands.completeWorkflow()]) instanceof Rejection));
  assert.deepEqual(workflow.eventTypes().slice(-3), [
    "WORKFLOW_TASK_COMPLETED",
    "TIMER_CANCELED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
});

test("a run that outlives its timeout is closed as timed out", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ workflowRunTimeout: toDuration(5_000) });
  workflow.advance(4_999);
  assert.equal(workflow.run().status.type, "open");
  workflow.advance(1);
  assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_EXECUTION_TIMED_OUT");
});

test("a workflow with a retry policy is followed by its next attempt, until the attempts are used up", () => {
  const workflow = new ScriptedWorkflow();
  const { runId: first } = workflow.start({
    retryPolicy: { initialInterval: toDuration(2_000), maximumAttempts: 2 },
    input: { payloads: [{ data: new Uint8Array([7]) }] },
  });
  workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("one"))]);
  const second = workflow.currentRunId!;
  assert.equal(workflow.events(first).at(-1)!.workflowExecutionFailedEventAttributes!.newExecutionRunId, second);
  const started = workflow.events(second)[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual(
    [
      started.attempt,
      started.continuedExecutionRunId,
      started.firstExecutionRunId,
      started.continuedFailure?.message,
      started.input?.payloads[0]?.data[0],
    ],
    [2, first, first, "one", 7],
  );
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(2_000);
  workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("two"))]);
  assert.equal(
    workflow.events(second).at(-1)!.workflowExecutionFailedEventAttributes!.retryState,
    enums.RetryState.MAXIMUM_ATTEMPTS_REACHED,
  );
});

test("continue-as-new closes the run and begins another at least a second after it began", () => {
  const workflow = new ScriptedWorkflow();
  const { runId: first } = workflow.start();
  workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
  const second = workflow.currentRunId!;
  assert.notEqual(second, first);
  assert.equal(
    workflow.events(first).at(-1)!.workflowExecutionContinuedAsNewEventAttributes!.newExecutionRunId,
    second,
  );
  const started = workflow.events(second)[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual(
    [started.workflowType?.name, started.firstExecutionRunId, started.firstWorkflowTaskBackoff?.seconds],
    ["Next", first, 1],
  );
  workflow.advance(1_000);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
});

test("a start that is repeated once its chain has gone on is known, and starts and signals nothing", () => {
  const workflow = new ScriptedWorkflow();
  const first = workflow.start({ requestId: "the-start" });
  for (const _ of "12") {
    workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
    workflow.advance(1_000);
  }
  const newest = workflow.currentRunId;
  assert.notEqual(newest, first.runId);
  const again = workflow.start({ requestId: "the-start" });
  assert.deepEqual([again.runId, again.started], [first.runId, true]);
  assert.equal(workflow.do(signalWithStart({ requestId: "the-start" })).runId, first.runId);
  assert.equal(workflow.currentRunId, newest);
  assert.equal(workflow.run().signalCount, 0);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  assert.equal(workflow.start({ requestId: "the-start" }).runId, first.runId);
  assert.notEqual(workflow.start({ requestId: "another" }).runId, first.runId);
});

// The driver asserts, after every command, dense ids, one closing event, matching references, and that rejections change nothing.
test("whatever order commands come in, history stays lawful", () => {
  const action = fc.record({
    kind: fc.constantFrom(
      "poll",
      "complete",
      "completeWithCommands",
      "fail",
      "close",
      "signal",
      "activity",
      "completeActivity",
      "failActivity",
      "heartbeat",
      "cancel",
      "advance",
      "terminate",
      "pause",
      "unpause",
      "options",
      "start",
      "stale",
    ),
    pick: fc.nat(5),
    ms: fc.nat(20_000),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const workflow = new ScriptedWorkflow();
      workflow.start();
      const started: ReturnType<ScriptedWorkflow["pollTask"]>[] = [];
      const running: ReturnType<ScriptedWorkflow["pollActivity"]>[] = [];
      let ids = 0;
      for (const { kind, pick, ms } of actions) {
        const task = workflow.tasks[pick % Math.max(1, workflow.tasks.length)];
        const activity = running[pick % Math.max(1, running.length)];
        const current = started.at(-1);
        const poller = { identity: "w", requestId: `p${++ids}` };
        if (kind === "poll" && task) {
          workflow.tasks.splice(workflow.tasks.indexOf(task), 1);
          const reply =
            task.kind === "workflow"
              ? workflow.try({
                  type: "startWorkflowTask",
                  runId: task.runId,
                  stamp: task.stamp,
                  poller,
                  sticky: pick % 2 === 0,
                })
              : workflow.try({
                  type: "startActivityTask",
                  runId: task.runId,
                  scheduledEventId: task.scheduledEventId,
                  stamp: task.stamp,
                  poller,
                });
          if (reply instanceof Rejection || reply === undefined) continue;
          if ("task" in reply) started.push(reply);
          else running.push(reply);
        } else if (kind === "complete" && current) workflow.complete(current);
        else if (kind === "completeWithCommands" && current) {
          const retry = pick % 2 === 0 ? {} : { retryPolicy: { maximumAttempts: 2 } };
          workflow.complete(current, [
            commands.activity(`a${++ids}`, { heartbeatTimeout: toDuration(3_000), ...retry }),
            commands.timer(`t${ids}`, ms),
            ...(activity ? [commands.cancelActivity(activity.activity.scheduledEventId)] : []),
          ]);
        } else if (kind === "fail" && current)
          workflow.try({
            type: "failWorkflowTask",
            task: current.task,
            request: workflowservice.RespondWorkflowTaskFailedRequest.create(),
          });
        else if (kind === "close" && current)
          workflow.complete(current, [
            [commands.completeWorkflow(), commands.failWorkflow(), commands.continueAsNew()][pick % 3]!,
          ]);
        else if (kind === "stale" && started[0]) workflow.complete(started[0], [commands.timer(`s${++ids}`, 5)]);
        else if (kind === "signal")
          workflow.try({
            type: "signal",
            request: workflowservice.SignalWorkflowExecutionRequest.create({
              signalName: "s",
              requestId: pick === 0 ? "same" : "",
            }),
          });
        else if (kind === "completeActivity" && activity)
          workflow.try({
            type: "completeActivity",
            activity: { by: "token", ...activity.activity },
            result: undefined,
            identity: "w",
          });
        else if (kind === "failActivity" && activity)
          workflow.try({
            type: "failActivity",
            activity: { by: "token", ...activity.activity },
            failure: applicationFailure("x"),
            lastHeartbeatDetails: undefined,
            identity: "w",
          });
        else if (kind === "heartbeat" && activity)
          workflow.try({
            type: "heartbeatActivity",
            activity: { by: "token", ...activity.activity },
            details: undefined,
            identity: "w",
          });
        else if (kind === "cancel") requestCancel(workflow);
        else if (kind === "advance") workflow.advance(ms);
        else if (kind === "terminate" && pick === 0)
          workflow.try({ type: "terminate", request: workflowservice.TerminateWorkflowExecutionRequest.create() });
        else if (kind === "pause" || kind === "unpause")
          workflow.try({ type: kind, runId: "", identity: "o", reason: "r", requestId: `${pick}` });
        else if (kind === "options")
          workflow.try({
            type: "updateOptions",
            request: workflowservice.UpdateWorkflowExecutionOptionsRequest.create({
              workflowExecutionOptions: {
                priority: { priorityKey: pick, fairnessKey: "", fairnessWeight: 0 },
                versioningOverride: undefined,
                timeSkippingConfig: undefined,
              },
              updateMask: { paths: ["priority"] },
            }),
          });
        else if (kind === "start")
          workflow.try({
            type: "startWorkflow",
            request: startRequest({
              requestId: `again${ids}`,
              workflowIdConflictPolicy: pick === 0 ? Conflict.TERMINATE_EXISTING : Conflict.USE_EXISTING,
              ...(pick > 2 && { onConflictOptions: { attachRequestId: true, attachLinks: pick > 3 } }),
            }),
          });
      }
    }),
    { numRuns: 300 },
  );
});
