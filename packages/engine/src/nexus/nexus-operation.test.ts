import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, toDuration, type workflowservice } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import type { NexusCancelOutcome, NexusOutcome, NexusStartOutcome } from "../vocabulary.ts";
import { pendingEffects } from "../workflow/pending-effects.ts";
import { applicationFailure, commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";

const scheduledEventId = 5;
const result = payloads("out").payloads[0]!;
const done: NexusOutcome = { type: "completed", result };

/** A caller whose first workflow task has scheduled one operation. */
function caller(more: Parameters<typeof commands.nexus>[0] = {}, start = {}): ScriptedWorkflow {
  const run = new ScriptedWorkflow();
  run.start(start);
  run.complete(run.pollTask(), [commands.nexus(more)]);
  return run;
}

function started(operationToken = "token"): NexusStartOutcome {
  return { type: "started", operationToken, links: [] };
}

function refused(retryable: boolean): Extract<NexusStartOutcome, { type: "refused" }> {
  return { type: "refused", retryable, failure: applicationFailure("handler says no") };
}

/** Answers the request to start that is to be made. */
function answerStart(run: ScriptedWorkflow, outcome: NexusStartOutcome) {
  const { from, attempt } = run.takeCall("startNexusOperation");
  return run.try({ type: "startNexusOperationEnded", runId: from.runId, scheduledEventId, attempt, outcome });
}

function answerCancel(run: ScriptedWorkflow, outcome: NexusCancelOutcome) {
  const { from, attempt } = run.takeCall("cancelNexusOperation");
  return run.try({ type: "cancelNexusOperationEnded", runId: from.runId, scheduledEventId, attempt, outcome });
}

function tellEnd(
  run: ScriptedWorkflow,
  outcome: NexusOutcome,
  more: { requestId?: string; startedAtMs?: number } = {},
) {
  const runId = run.currentRunId!;
  const requestId = run.run().nexusOperations.get(scheduledEventId)?.requestId ?? "";
  const about = { requestId, operationToken: "token", startedAtMs: null, startedLinks: [] };
  return run.try({ type: "completeNexusOperation", runId, scheduledEventId, ...about, outcome, ...more });
}

function pending(run: ScriptedWorkflow) {
  const described = run.do({ type: "describe", runId: "" }) as workflowservice.DescribeWorkflowExecutionResponse;
  return described.pendingNexusOperations[0];
}

test("an operation that is answered with its result has no started event", () => {
  const run = caller();
  assert.deepEqual(run.eventTypes().slice(4), ["NEXUS_OPERATION_SCHEDULED"]);
  answerStart(run, { ...done, links: [] });
  assert.deepEqual(run.eventTypes().slice(5), ["NEXUS_OPERATION_COMPLETED", "WORKFLOW_TASK_SCHEDULED"]);
  assert.equal(run.run().nexusOperations.size, 0);
});

test("a request names what the event says, in the same words every time", () => {
  const run = caller({ input: result, nexusHeader: { "X-Trace": "1" }, scheduleToCloseTimeout: toDuration(60_000) });
  const { requestId } = run.events()[4]!.nexusOperationScheduledEventAttributes!;
  const first = run.takeCall("startNexusOperation");
  assert.equal(first.requestId, requestId);
  assert.deepEqual(first.scheduled?.nexusHeader, { "x-trace": "1" });
  assert.deepEqual([...first.scheduled.input!.data], [...result.data]);
  assert.equal(first.untilMs, run.nowMs + 60_000);
  const [again] = pendingEffects(run.run());
  assert(again?.type === "call");
  assert.deepEqual({ ...again.call, scheduled: first.scheduled }, first);
});

test("an operation that goes on elsewhere starts, and ends when its handler tells so", () => {
  const run = caller();
  answerStart(run, started());
  assert.deepEqual(run.eventTypes().slice(5), ["NEXUS_OPERATION_STARTED", "WORKFLOW_TASK_SCHEDULED"]);
  assert.equal(pending(run)?.operationToken, "token");
  run.complete(run.pollTask());
  tellEnd(run, done);
  assert.deepEqual(run.eventTypes().slice(9), ["NEXUS_OPERATION_COMPLETED", "WORKFLOW_TASK_SCHEDULED"]);
});

test("an end that overtakes the answer to the start brings the started event along, with its time", () => {
  const run = caller();
  const call = run.takeCall("startNexusOperation");
  run.advance(5_000);
  tellEnd(run, { type: "failed", failure: applicationFailure("broke") }, { startedAtMs: 2_000 });
  assert.deepEqual(run.eventTypes().slice(5), [
    "NEXUS_OPERATION_STARTED",
    "NEXUS_OPERATION_FAILED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  assert.equal(run.events()[5]!.eventTime!.seconds, 2);
  const { failure } = run.events()[6]!.nexusOperationFailedEventAttributes!;
  assert.equal(failure?.nexusOperationExecutionFailureInfo?.operationToken, "token");
  assert.equal(failure.cause?.message, "broke");
  const { runId } = call.from;
  const late = run.refused({
    type: "startNexusOperationEnded",
    runId,
    scheduledEventId,
    attempt: 1,
    outcome: started(),
  });
  assert.equal(late.code, "NOT_FOUND");
});

test("an end with another request id, of an unknown operation or of a closed run is refused", () => {
  const run = caller();
  answerStart(run, started());
  assert(tellEnd(run, done, { requestId: "another" }) instanceof Rejection);
  assert(!(tellEnd(run, done) instanceof Rejection));
  assert(tellEnd(run, done, { requestId: "any" }) instanceof Rejection);
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  const closed = tellEnd(run, done);
  assert.equal(closed instanceof Rejection && closed.message, "workflow execution already completed");
});

test("a start that may be tried again is, after 1 s, 2 s, 4 s, … at most an hour", () => {
  const run = caller();
  const delays: number[] = [];
  for (let attempt = 1; attempt <= 14; attempt++) {
    answerStart(run, refused(true));
    assert.equal(pending(run)?.attempt, attempt);
    assert.equal(pending(run)?.lastAttemptFailure?.message, "handler says no");
    delays.push(run.wakeAtMs()! - run.nowMs);
    assert.equal(run.calls.length, 0);
    run.advance(delays.at(-1)!);
  }
  assert.deepEqual(delays.slice(0, 4), [1_000, 2_000, 4_000, 8_000]);
  assert.deepEqual(delays.slice(-2), [3_600_000, 3_600_000]);
  assert.equal(run.eventTypes().at(-1), "NEXUS_OPERATION_SCHEDULED");
});

test("a start that is refused for good fails the operation", () => {
  const run = caller();
  answerStart(run, refused(false));
  const { failure } = run.events()[5]!.nexusOperationFailedEventAttributes!;
  assert.equal(failure?.message, "nexus operation completed unsuccessfully");
  assert.equal(failure.cause?.message, "handler says no");
});

test("an answer to an attempt that is over changes nothing", () => {
  const run = caller();
  const { from, attempt } = run.takeCall("startNexusOperation");
  const answer = { type: "startNexusOperationEnded", runId: from.runId, scheduledEventId, attempt } as const;
  run.do({ ...answer, outcome: refused(true) });
  assert.equal(run.refused({ ...answer, outcome: started() }).code, "NOT_FOUND");
  run.advance(1_000);
  assert.equal(run.refused({ ...answer, outcome: started() }).code, "NOT_FOUND");
});

for (const [timeout, field, outcome] of [
  ["SCHEDULE_TO_CLOSE", "scheduleToCloseTimeout", undefined],
  ["SCHEDULE_TO_CLOSE", "scheduleToCloseTimeout", started()],
  ["SCHEDULE_TO_START", "scheduleToStartTimeout", undefined],
  ["START_TO_CLOSE", "startToCloseTimeout", started()],
] as const) {
  test(`an operation ${outcome ? "that has started" : "that has not started"} ends by its ${timeout} timeout`, () => {
    const run = caller({ [field]: toDuration(5_000) });
    if (outcome) answerStart(run, outcome);
    run.advance(4_999);
    assert(!run.eventTypes().includes("NEXUS_OPERATION_TIMED_OUT"));
    run.advance(1);
    const event = run.events().find(({ nexusOperationTimedOutEventAttributes: end }) => end);
    const { cause } = event!.nexusOperationTimedOutEventAttributes!.failure!;
    assert.equal(cause?.message, "operation timed out");
    assert.equal(cause.timeoutFailureInfo?.timeoutType, enums.TimeoutType[timeout]);
  });
}

test("an operation that has started is not late to start any more", () => {
  const run = caller({ scheduleToStartTimeout: toDuration(5_000) });
  answerStart(run, started());
  run.advance(60_000);
  assert.equal(pending(run)?.operationToken, "token");
});

test("no timeout is longer than the run's, nor a part longer than the whole", () => {
  const timeouts = { scheduleToStartTimeout: toDuration(20_000), startToCloseTimeout: toDuration(5_000) };
  const run = caller(timeouts, { workflowRunTimeout: toDuration(10_000) });
  const event = run.events()[4]!.nexusOperationScheduledEventAttributes!;
  assert.deepEqual(
    [event.scheduleToCloseTimeout, event.scheduleToStartTimeout, event.startToCloseTimeout].map(
      (given) => given?.seconds,
    ),
    [10, 10, 5],
  );
});

test("what happens to an operation while a worker holds the task comes after the signals, and its end last", () => {
  const run = caller();
  run.signal("first");
  const task = run.pollTask();
  answerStart(run, started());
  tellEnd(run, done);
  run.signal("second");
  run.complete(task);
  assert.deepEqual(run.eventTypes().slice(-4), [
    "NEXUS_OPERATION_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "NEXUS_OPERATION_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("a started operation is cancelled by a request, whose success is an event", () => {
  const run = caller();
  answerStart(run, started());
  run.complete(run.pollTask(), [commands.cancelNexus(scheduledEventId)]);
  assert.equal(run.calls[0]?.type === "cancelNexusOperation" && run.calls[0].operationToken, "token");
  answerCancel(run, { type: "done" });
  assert.deepEqual(run.eventTypes().slice(9), [
    "NEXUS_OPERATION_CANCEL_REQUESTED",
    "NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  assert.equal(run.events()[10]!.workerMayIgnore, true);
  assert.equal(pending(run)?.cancellationInfo?.state, enums.NexusOperationCancellationState.SUCCEEDED);
});

test("an operation that has not started is cancelled as soon as it has", () => {
  const run = new ScriptedWorkflow();
  run.start();
  run.complete(run.pollTask(), [commands.nexus(), commands.cancelNexus(scheduledEventId)]);
  assert.deepEqual(
    run.calls.map(({ type }) => type),
    ["startNexusOperation"],
  );
  assert.equal(pending(run)?.cancellationInfo?.state, enums.NexusOperationCancellationState.UNSPECIFIED);
  answerStart(run, started());
  answerCancel(run, { type: "done" });
  assert.equal(run.eventTypes().at(-1), "NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED");
});

test("a cancellation is tried again while it may be, and its failure for good is an event", () => {
  const run = caller();
  answerStart(run, started());
  run.complete(run.pollTask(), [commands.cancelNexus(scheduledEventId)]);
  answerCancel(run, refused(true));
  assert.equal(pending(run)?.cancellationInfo?.attempt, 1);
  run.advance(1_000);
  answerCancel(run, refused(false));
  assert.equal(run.eventTypes().at(-2), "NEXUS_OPERATION_CANCEL_REQUEST_FAILED");
  assert.equal(pending(run)?.cancellationInfo?.state, enums.NexusOperationCancellationState.FAILED);
  assert.equal(run.calls.length, 0);
});

test("a cancellation for which no time is left fails, and says before which timeout", () => {
  const run = caller({ startToCloseTimeout: toDuration(3_000), scheduleToCloseTimeout: toDuration(60_000) });
  answerStart(run, started());
  run.complete(run.pollTask(), [commands.cancelNexus(scheduledEventId)]);
  answerCancel(run, { type: "tooLate" });
  const { failure } = run.events()[10]!.nexusOperationCancelRequestFailedEventAttributes!;
  assert.equal(failure?.message, "not enough time to execute another request before StartToClose timeout");
});

test("an operation whose end is buffered can still be cancelled, to no effect", () => {
  const run = caller();
  run.signal("s");
  const task = run.pollTask();
  answerStart(run, { ...done, links: [] });
  const reply = run.complete(task, [commands.cancelNexus(scheduledEventId)]);
  assert(!(reply instanceof Rejection) && !reply.refused);
  assert.deepEqual(run.eventTypes().slice(-3), [
    "NEXUS_OPERATION_CANCEL_REQUESTED",
    "NEXUS_OPERATION_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("a run that closes leaves its operations to themselves, and nothing more happens to them", () => {
  const run = caller({ scheduleToCloseTimeout: toDuration(5_000) });
  run.signal("s");
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  assert(answerStart(run, started()) instanceof Rejection);
  assert.equal(pending(run), undefined);
  run.advance(10_000);
  assert.equal(run.eventTypes().at(-1), "WORKFLOW_EXECUTION_COMPLETED");
  assert.deepEqual(pendingEffects(run.run()), []);
});

const long = "x".repeat(1_001);
for (const [what, one, cause, message] of [
  ["an endpoint that is not there", commands.nexus({ endpoint: "no" }), 32, 'endpoint "no" not found'],
  ["a long service", commands.nexus({ service: long }), 32, "Service exceeds length limit of 1000"],
  ["a long operation", commands.nexus({ operation: long }), 32, "Operation exceeds length limit of 1000"],
  [
    "a negative timeout",
    commands.nexus({ startToCloseTimeout: { seconds: -1, nanos: 0 } }),
    32,
    "StartToCloseTimeout is invalid: negative duration",
  ],
  [
    "a header of the server's own",
    commands.nexus({ nexusHeader: { "Request-Timeout": "1s" } }),
    32,
    'NexusHeader contains a disallowed header key: "Request-Timeout"',
  ],
  ["a large header", commands.nexus({ nexusHeader: { a: "b".repeat(8_192) } }), 32, "NexusHeader exceeds size limit"],
  ["no attributes", { commandType: enums.CommandType.SCHEDULE_NEXUS_OPERATION }, 32, "empty ScheduleNexusOperation"],
  [
    "cancelling what is not there",
    commands.cancelNexus(99),
    34,
    "requested cancelation for a non-existing or already completed operation with scheduled event ID of 99",
  ],
] as const) {
  test(`${what} fails the workflow task`, () => {
    const run = new ScriptedWorkflow();
    run.start();
    const reply = run.complete(run.pollTask(), [one]);
    assert(!(reply instanceof Rejection) && reply.refused?.message.includes(message), JSON.stringify(reply));
    assert.equal(run.events()[3]!.workflowTaskFailedEventAttributes?.cause, cause);
    assert.equal(run.run().nexusOperations.size, 0);
  });
}

test("cancelling twice fails the workflow task", () => {
  const run = new ScriptedWorkflow();
  run.start();
  const twice = [commands.nexus(), commands.cancelNexus(5), commands.cancelNexus(5)];
  const reply = run.complete(run.pollTask(), twice);
  assert(!(reply instanceof Rejection));
  assert.match(reply.refused?.message ?? "", /cancelation was already requested/);
});

test("the 31st operation at once fails the workflow task", () => {
  const run = new ScriptedWorkflow();
  run.start();
  run.complete(
    run.pollTask(),
    Array.from({ length: 30 }, () => commands.nexus()),
  );
  run.signal("s");
  const reply = run.complete(run.pollTask(), [commands.nexus()]);
  assert(!(reply instanceof Rejection));
  assert.match(reply.refused?.message ?? "", /pending nexus operation limit of 30/);
  assert.equal(run.run().nexusOperations.size, 30);
});

test("too large an input ends the run", () => {
  const run = new ScriptedWorkflow();
  run.start();
  const data = new Uint8Array(2 * 1024 * 1024 + 1);
  run.complete(run.pollTask(), [commands.nexus({ input: { metadata: {}, data } })]);
  assert.equal(run.eventTypes().at(-1), "WORKFLOW_EXECUTION_TERMINATED");
});
