/** Activities of every kind, and timers. */
import assert from "node:assert/strict";
import { Client, WorkflowFailedError } from "@temporalio/client";
import { ActivityFailure, ApplicationFailure } from "@temporalio/common";
import { attempts, tokens } from "./activities.ts";
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
  timeMs,
} from "./harness.ts";
import * as workflows from "./workflows.ts";

async function activities(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.sequenceAndParallel, {
    args: [1],
    workflowId: context.newId(),
    taskQueue,
  });
  assert.deepEqual(await handle.result(), [16, 18, 20, 22, 24]);
  const events = await eventsOf(handle);
  const names = namesOf(events);
  assert.deepEqual(names.slice(0, 3), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
  ]);
  for (const name of ["ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"]) {
    assert.equal(count(events, name), 8, name);
  }
  assert.equal(names.at(-1), "WORKFLOW_EXECUTION_COMPLETED");
}

async function retries(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.retrying, { workflowId: context.newId(), taskQueue });
  assert.equal(await handle.result(), 3, "the attempt that succeeded");
  const [first, second, third] = attempts.get(handle.workflowId) as [number, number, number];
  assert.ok(second - first >= 199, `the first backoff took ${second - first} ms`);
  assert.ok(third - second >= 399, `the second backoff took ${third - second} ms`);
  const started = one(await eventsOf(handle), "ACTIVITY_TASK_STARTED").activityTaskStartedEventAttributes;
  assert.equal(started?.attempt, 3, "attempt in history");
  assert.equal(started?.lastFailure?.message, "attempt 2 fails");
  assert.equal(started?.lastFailure?.applicationFailureInfo?.type, "Flaky");
}

async function nonRetryable(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  for (const [how, type, retryState, tries] of [
    ["non-retryable", "InvalidInput", "NON_RETRYABLE_FAILURE", 1],
    ["by type", "NotFound", "NON_RETRYABLE_FAILURE", 1],
    ["ordinary", "RangeError", "MAXIMUM_ATTEMPTS_REACHED", 2],
  ] as const) {
    const workflowId = context.newId();
    const running = client.workflow.execute(workflows.rejected, { args: [how], workflowId, taskQueue });
    const activityFailure = instance(ActivityFailure, (await rejection(WorkflowFailedError, running)).cause);
    assert.equal(activityFailure.activityType, "reject");
    assert.equal(activityFailure.retryState, retryState, how);
    const failure = instance(ApplicationFailure, activityFailure.cause);
    assert.equal(failure.type, type);
    assert.equal(attempts.get(workflowId)?.length, tries, `attempts when ${how}`);
    if (how === "non-retryable") {
      assert.deepEqual(failure.details, [{ account: 7 }]);
      assert.equal(failure.nonRetryable, true);
    }
  }
}

async function activityTimeouts(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const ids = new Map<workflows.Timeout, string>();
  const outcome = (which: workflows.Timeout) => {
    ids.set(which, context.newId());
    return client.workflow.execute(workflows.timingOut, { args: [which], workflowId: ids.get(which)!, taskQueue });
  };
  const [close, heartbeat, start, overall, noTime] = await Promise.all([
    outcome("start to close"),
    outcome("heartbeat"),
    outcome("schedule to start"),
    outcome("schedule to close"),
    outcome("no time to retry"),
  ]);
  assert.equal(close.type, "START_TO_CLOSE");
  assert.equal(close.retry, "MAXIMUM_ATTEMPTS_REACHED");
  assert.equal(attempts.get(ids.get("start to close")!)?.length, 2, "attempts that timed out");
  assert.equal(heartbeat.type, "HEARTBEAT");
  assert.equal(heartbeat.heartbeat, "half way", "last heartbeat details");
  assert.equal(start.type, "SCHEDULE_TO_START");
  assert.deepEqual([overall.type, overall.retry], ["SCHEDULE_TO_CLOSE", "TIMEOUT"]);
  assert.deepEqual(noTime, { cause: "not today", retry: "TIMEOUT" });
}

async function localActivity(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.local, { args: [9], workflowId: context.newId(), taskQueue });
  assert.equal(await handle.result(), 81);
  const events = await eventsOf(handle);
  assert.equal(count(events, "ACTIVITY_TASK_SCHEDULED"), 0, "activities in history");
  assert.ok(one(events, "MARKER_RECORDED").markerRecordedEventAttributes?.markerName);
  assert.equal(attempts.get(handle.workflowId)?.length, 2, "local attempts");
}

async function timer(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.timers, { workflowId: context.newId(), taskQueue });
  const slept = await handle.result();
  assert.ok(slept >= 400, `the timer of 400 ms took ${slept} ms of workflow time`);
  const events = await eventsOf(handle);
  const names = namesOf(events);
  assert.deepEqual(
    ["STARTED", "FIRED", "CANCELED"].map((what) => count(events, `TIMER_${what}`)),
    [4, 3, 1],
  );
  const tookMs = timeMs(events[names.indexOf("TIMER_FIRED")]!) - timeMs(events[names.indexOf("TIMER_STARTED")]!);
  assert.ok(tookMs >= 400, `the timer of 400 ms fired after ${tookMs} ms`);
}

async function asyncCompletion(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.approval, { workflowId: context.newId(), taskQueue });
  const tokenOf = async (title: string) => {
    const key = `${handle.workflowId}/${title}`;
    await eventually(() => tokens.has(key), `the activity asks for approval ${title}`);
    return tokens.get(key)!;
  };
  const byToken = await tokenOf("by token");
  await client.activity.heartbeat(byToken, "asked alice");
  await client.activity.complete(byToken, { approved: true, approver: "alice" });
  await tokenOf("by id");
  const { workflowId, firstExecutionRunId: runId } = handle;
  await client.activity.complete({ workflowId, runId, activityId: "by id" }, { approved: true, approver: "bob" });
  await client.activity.fail(await tokenOf("refused"), ApplicationFailure.nonRetryable("Rejected by compliance"));
  assert.deepEqual(await handle.result(), [
    { approved: true, approver: "alice" },
    { approved: true, approver: "bob" },
    "Rejected by compliance",
  ]);
}

async function eagerStart(context: Context): Promise<void> {
  const { connection, taskQueue } = context;
  // An eager start needs the client to share the worker's own connection.
  const client = new Client({ connection });
  const handle = await client.workflow.start(workflows.sequenceAndParallel, {
    args: [2],
    workflowId: context.newId(),
    taskQueue,
    requestEagerStart: true,
  });
  assert.ok(handle.eagerlyStarted, "the server gave the first task with the start");
  assert.deepEqual(await handle.result(), [32, 34, 36, 38, 40]);
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  activities,
  retries,
  "non-retryable": nonRetryable,
  "activity-timeouts": activityTimeouts,
  "local-activity": localActivity,
  timer,
  "async-completion": asyncCompletion,
  "eager-start": eagerStart,
};
