/** The ways in which a workflow ends, and what a second start with its id gives. */
import assert from "node:assert/strict";
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  type WorkflowStartOptions,
} from "@temporalio/client";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  type Duration,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowNotFoundError,
} from "@temporalio/common";
import { deeds } from "./activities.ts";
import {
  type Context,
  count,
  eventsOf,
  eventually,
  instance,
  namesOf,
  one,
  rejection,
  type Scenario,
} from "./harness.ts";
import * as workflows from "./workflows.ts";

async function cancel(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.cancellable, { workflowId: context.newId(), taskQueue });
  await eventually(() => deeds.has(handle.workflowId), "the activity begins");
  await handle.cancel();
  const error = await rejection(WorkflowFailedError, handle.result());
  instance(CancelledFailure, error.cause);
  assert.deepEqual(deeds.get(handle.workflowId), ["begun", "cleaned up", "compensated"]);
  assert.equal((await handle.describe()).status.name, "CANCELLED");
  const events = await eventsOf(handle);
  for (const name of [
    "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    "ACTIVITY_TASK_CANCEL_REQUESTED",
    "ACTIVITY_TASK_CANCELED",
  ]) {
    assert.equal(count(events, name), 1, name);
  }
  assert.equal(namesOf(events).at(-1), "WORKFLOW_EXECUTION_CANCELED");
}

async function terminate(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.obedient, {
    args: ["wait"],
    workflowId: context.newId(),
    taskQueue,
  });
  await client.workflowService.terminateWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: handle.workflowId },
    reason: "the test says so",
    details: { payloads: [client.options.loadedDataConverter.payloadConverter.toPayload("a detail")] },
  });
  const failure = instance(TerminatedFailure, (await rejection(WorkflowFailedError, handle.result())).cause);
  assert.equal(failure.message, "the test says so");
  assert.equal((await handle.describe()).status.name, "TERMINATED");
  const event = one(await eventsOf(handle), "WORKFLOW_EXECUTION_TERMINATED");
  const { reason, details } = event.workflowExecutionTerminatedEventAttributes!;
  assert.equal(reason, "the test says so");
  assert.equal(Buffer.from(details!.payloads![0]!.data!).toString(), '"a detail"');
  await rejection(WorkflowNotFoundError, handle.terminate("once more"));
  // Cancelling what has ended is what the caller wanted, so it is no error.
  await handle.cancel();
}

async function workflowFailure(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const own = await client.workflow.start(workflows.obedient, {
    args: ["fail"],
    workflowId: context.newId(),
    taskQueue,
  });
  const failure = instance(ApplicationFailure, (await rejection(WorkflowFailedError, own.result())).cause);
  assert.deepEqual([failure.message, failure.type, failure.details], ["as told", "ToldToFail", [{ order: 12 }]]);
  assert.equal((await own.describe()).status.name, "FAILED");

  const ofActivity = await client.workflow.start(workflows.failing, { workflowId: context.newId(), taskQueue });
  const activityFailure = instance(ActivityFailure, (await rejection(WorkflowFailedError, ofActivity.result())).cause);
  assert.ok(activityFailure.identity, "the identity of the worker is in the failure");
  const refusal = instance(ApplicationFailure, activityFailure.cause);
  assert.deepEqual([refusal.message, refusal.type], ["refused", "Refusal"]);
  const root = instance(ApplicationFailure, refusal.cause);
  assert.deepEqual([root.message, root.type], ["the root of it", "Root"]);

  await rejection(WorkflowNotFoundError, client.workflow.getHandle("typescript-nobody").result());
}

async function runTimeout(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const timesOut = async (
    suffix: string,
    timeout: { workflowRunTimeout: Duration } | { workflowExecutionTimeout: Duration },
  ) => {
    const workflowId = context.newId(suffix);
    const handle = await client.workflow.start(workflows.obedient, {
      args: ["wait"],
      workflowId,
      taskQueue,
      ...timeout,
    });
    const failure = instance(TimeoutFailure, (await rejection(WorkflowFailedError, handle.result())).cause);
    assert.equal(failure.timeoutType, "START_TO_CLOSE");
    assert.equal((await handle.describe()).status.name, "TIMED_OUT");
    assert.equal(namesOf(await eventsOf(handle)).at(-1), "WORKFLOW_EXECUTION_TIMED_OUT");
  };
  await Promise.all([
    timesOut("-run", { workflowRunTimeout: "1s" }),
    timesOut("-execution", { workflowExecutionTimeout: "1s" }),
  ]);
}

async function workflowRetry(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.failOnce, {
    workflowId: context.newId(),
    taskQueue,
    retry: { initialInterval: 100, maximumAttempts: 3 },
  });
  assert.equal(await handle.result(), 2, "the attempt that succeeded");
  const firstRun = client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
  const end = one(await eventsOf(firstRun), "WORKFLOW_EXECUTION_FAILED").workflowExecutionFailedEventAttributes;
  assert.equal(end?.failure?.message, "the first run fails");
  assert.equal((await handle.describe()).runId, end?.newExecutionRunId, "the first run names the second");
}

async function alreadyStarted(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  type Policies = Pick<WorkflowStartOptions, "workflowIdReusePolicy" | "workflowIdConflictPolicy">;
  const start = (then: "wait" | "fail" | "end", policies: Policies = {}) =>
    client.workflow.start(workflows.obedient, { args: [then], workflowId, taskQueue, ...policies });
  const refused = (policies: Policies = {}) => rejection(WorkflowExecutionAlreadyStartedError, start("wait", policies));

  const running = await start("wait");
  const error = await refused();
  assert.deepEqual([error.workflowId, error.workflowType], [workflowId, "obedient"]);

  const existing = await start("wait", { workflowIdConflictPolicy: "USE_EXISTING" });
  assert.equal(existing.firstExecutionRunId, running.firstExecutionRunId, "USE_EXISTING");
  const replacing = await start("end", { workflowIdConflictPolicy: "TERMINATE_EXISTING" });
  assert.equal(await resultOfRun(context, replacing), "end");
  const ended = client.workflow.getHandle(workflowId, running.firstExecutionRunId, { followRuns: false });
  instance(TerminatedFailure, (await rejection(WorkflowFailedError, ended.result())).cause);

  await refused({ workflowIdReusePolicy: "REJECT_DUPLICATE" });
  await refused({ workflowIdReusePolicy: "ALLOW_DUPLICATE_FAILED_ONLY" });
  const failing = await start("fail", { workflowIdReusePolicy: "ALLOW_DUPLICATE" });
  await rejection(WorkflowFailedError, failing.result());
  const afterFailure = await start("end", { workflowIdReusePolicy: "ALLOW_DUPLICATE_FAILED_ONLY" });
  assert.equal(await resultOfRun(context, afterFailure), "end", "after a failed run");
}

function resultOfRun(
  { client }: Context,
  { workflowId, firstExecutionRunId }: WorkflowHandle & { readonly firstExecutionRunId: string },
): Promise<unknown> {
  return client.workflow.getHandle(workflowId, firstExecutionRunId).result();
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  cancel,
  terminate,
  "workflow-failure": workflowFailure,
  "run-timeout": runTimeout,
  "workflow-retry": workflowRetry,
  "already-started": alreadyStarted,
};
