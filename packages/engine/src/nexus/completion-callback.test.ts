import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { enums, toDuration, type workflowservice } from "@pawl/protocol";
import type { CompletionCallback } from "../state/outside-call.ts";
import type { CommandOf } from "../vocabulary.ts";
import { pendingEffects } from "../workflow/pending-effects.ts";
import { applicationFailure, commands, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { decodeCallback, encodeCallback } from "./nexus-snapshot.ts";

const url = "temporal://system";
const { CallbackState } = enums;

function withCallbacks(count = 1, more = {}): ScriptedWorkflow {
  const run = new ScriptedWorkflow();
  const completionCallbacks = Array.from({ length: count }, (_, index) => ({
    nexus: { url, header: { n: `${index}` } },
  }));
  run.start({ completionCallbacks, ...more });
  return run;
}

function answer(run: ScriptedWorkflow, problem?: CommandOf<"completionCallbackEnded">["problem"]): void {
  const { from, callbackId, attempt } = run.takeCall("completionCallback");
  run.do({ type: "completionCallbackEnded", runId: from.runId, callbackId, attempt, problem });
}

const later = { retryable: true, failure: applicationFailure("not now") };
const never = { retryable: false, failure: applicationFailure("no") };

function states(run: ScriptedWorkflow, runId = ""): number[] {
  const described = run.do({ type: "describe", runId }) as workflowservice.DescribeWorkflowExecutionResponse;
  return described.callbacks.map(({ state }) => state);
}

test("callbacks wait until the run has ended, and each is told then", () => {
  const run = withCallbacks(2);
  assert.deepEqual(states(run), [CallbackState.STANDBY, CallbackState.STANDBY]);
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  assert.deepEqual(
    run.calls.map((call) => call.type === "completionCallback" && call.closedEventId),
    [5, 5],
  );
  assert.deepEqual(states(run), [CallbackState.SCHEDULED, CallbackState.SCHEDULED]);
  answer(run);
  answer(run, never);
  assert.deepEqual(states(run), [CallbackState.SUCCEEDED, CallbackState.FAILED]);
});

test("a callback that is not told before a restart is told after it", () => {
  const run = withCallbacks();
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  const call = run.takeCall("completionCallback");
  assert.deepEqual(pendingEffects(run.run()), [{ type: "call", call }]);
});

test("a callback that cannot be reached is tried again, while the run is kept", () => {
  const run = withCallbacks();
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  answer(run, later);
  assert.deepEqual(states(run), [CallbackState.BACKING_OFF]);
  assert.equal(run.wakeAtMs(), run.nowMs + 1_000);
  run.advance(1_000);
  assert.equal(run.calls[0]?.attempt, 2);
  answer(run);
  assert.deepEqual(states(run), [CallbackState.SUCCEEDED]);
});

test("an answer to an attempt that is over is refused", () => {
  const run = withCallbacks();
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  const { from, callbackId, attempt } = run.takeCall("completionCallback");
  const ended = {
    type: "completionCallbackEnded",
    runId: from.runId,
    callbackId,
    attempt,
    problem: undefined,
  } as const;
  run.do(ended);
  assert.equal(run.refused(ended).code, "NOT_FOUND");
});

test("a run that continues as new, or is retried, hands its callbacks on", () => {
  const run = withCallbacks(1, { retryPolicy: { maximumAttempts: 2 } });
  const first = run.currentRunId!;
  run.complete(run.pollTask(), [commands.continueAsNew()]);
  assert.deepEqual(states(run, first), [CallbackState.STANDBY]);
  run.advance(1_000);
  assert.equal(run.events()[0]!.workflowExecutionStartedEventAttributes?.completionCallbacks.length, 1);
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  assert.equal(run.calls.length, 1);
});

test("only the last attempt of a workflow tells", () => {
  const run = withCallbacks(1, { retryPolicy: { maximumAttempts: 2, initialInterval: toDuration(1_000) } });
  run.complete(run.pollTask(), [commands.failWorkflow()]);
  assert.equal(run.calls.length, 0);
  run.advance(1_000);
  run.complete(run.pollTask(), [commands.failWorkflow()]);
  assert.equal(run.calls.length, 1);
});

test("the first run of a cron schedule tells, and those after it have nobody to tell", () => {
  const run = withCallbacks(1, { cronSchedule: "@every 1s" });
  run.advance(1_000);
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  assert.equal(run.calls.length, 1);
  assert.equal(run.run().callbacks.size, 0);
});

test("a link that a callback has too is not repeated on the start", () => {
  const workflowEvent = { namespace: "ns", workflowId: "caller", runId: "r", eventRef: { eventId: 5 } };
  const run = new ScriptedWorkflow();
  const other = { workflowEvent: { ...workflowEvent, workflowId: "other" } };
  run.start({
    links: [{ workflowEvent }, other],
    completionCallbacks: [{ nexus: { url }, links: [{ workflowEvent }] }],
  });
  assert.deepEqual(
    run.events()[0]!.links.map((link) => link.workflowEvent?.workflowId),
    ["other"],
  );
});

test("a closed run is not deleted while somebody is being told, and is when nobody can be", () => {
  const run = withCallbacks();
  const runId = run.currentRunId!;
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  run.do({ type: "delete", runId });
  assert(run.has(runId));
  answer(run, later);
  run.advance(1_000);
  assert(!run.has(runId));
});

test("a callback that was attached says by which request, and a snapshot of before that was kept is read", () => {
  const run = withCallbacks();
  run.start({
    ...{ requestId: "later", workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.USE_EXISTING },
    onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: true, attachLinks: false },
    completionCallbacks: [{ nexus: { url, header: { n: "1" } } }],
  });
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  const requestIds = run.calls.map((call) => call.type === "completionCallback" && call.attachedRequestId);
  assert.deepEqual(requestIds, ["", "later"]);
  const { attachedRequestId: _, ...before } = decode(encodeCallback(run.run().callbacks.get(1))!) as CompletionCallback;
  assert.equal(decodeCallback(encode(before)).attachedRequestId, "");
});

test("a reset that ends another run than its base has that run's callbacks told, and leaves the base's to the new run (K2)", () => {
  const run = new ScriptedWorkflow();
  run.start();
  const base = run.currentRunId!;
  run.complete(run.pollTask(), [commands.completeWorkflow()]);
  run.start({ completionCallbacks: [{ nexus: { url, header: {} } }] });
  const other = run.currentRunId!;
  run.reset(4, { runId: base });
  assert.equal(run.calls.length, 1);
  assert.equal(run.calls[0]!.from.runId, other);

  const single = withCallbacks();
  single.complete(single.pollTask(), [commands.timer("t", 60_000)]);
  single.reset(4);
  assert.equal(single.calls.length, 0);
  const chain = withCallbacks();
  const first = chain.currentRunId!;
  chain.complete(chain.pollTask(), [commands.continueAsNew()]);
  chain.reset(4, { runId: first });
  assert.equal(chain.calls.length, 0);
});
