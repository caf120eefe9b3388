/** How activities come to workers, are held back, taken away, and tried again. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ActivityCancellationType } from "@temporalio/common";
import proto from "@temporalio/proto";
import { Worker } from "@temporalio/worker";
import * as activities from "./dispatch-activities.ts";
import { allowed, deedsOf } from "./dispatch-activities.ts";
import * as workflows from "./dispatch-workflows.ts";
import { type Context, count, eventsOf, eventually, type Scenario } from "./harness.ts";

function deedDone(workflowId: string, deed: string): Promise<void> {
  return eventually(() => deedsOf(workflowId, deed).length === 1, `the activity has ${deed}`);
}

async function cancelled(context: Context, cancellationType: ActivityCancellationType): Promise<unknown> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const abandoned = cancellationType === ActivityCancellationType.ABANDON;
  const end = abandoned ? "finished" : "cleaned up";
  const handle = await client.workflow.start(workflows.cancelTypes, {
    args: [cancellationType],
    workflowId,
    taskQueue,
  });
  await deedDone(workflowId, "begun");
  await handle.signal(workflows.goOn);
  const answers = async () => count(await eventsOf(handle), "WORKFLOW_TASK_COMPLETED");
  if (abandoned) await eventually(async () => (await answers()) === 2, "the workflow has abandoned the activity");
  if (cancellationType !== ActivityCancellationType.TRY_CANCEL) allowed.add(`${workflowId}/${end}`);
  if (abandoned) {
    await deedDone(workflowId, end);
    await handle.signal(workflows.goOn);
  }
  assert.equal(await handle.result(), "cancelled");
  const endedBefore = deedsOf(workflowId, end).length === 1;
  allowed.add(`${workflowId}/${end}`);
  await deedDone(workflowId, end);
  const events = await eventsOf(handle);
  return {
    endedBefore,
    requested: count(events, "ACTIVITY_TASK_CANCEL_REQUESTED"),
    cancelled: count(events, "ACTIVITY_TASK_CANCELED"),
  };
}

async function cancellationTypes(context: Context): Promise<void> {
  const { TRY_CANCEL, WAIT_CANCELLATION_COMPLETED, ABANDON } = ActivityCancellationType;
  const [tried, waited, abandoned] = await Promise.all(
    [TRY_CANCEL, WAIT_CANCELLATION_COMPLETED, ABANDON].map((each) => cancelled(context, each)),
  );
  assert.deepEqual(tried, { endedBefore: false, requested: 1, cancelled: 0 });
  assert.deepEqual(waited, { endedBefore: true, requested: 1, cancelled: 1 });
  assert.deepEqual(abandoned, { endedBefore: true, requested: 0, cancelled: 0 });
}

function between(workflowId: string, deed: string): number {
  const [first = 0, second = 0] = deedsOf(workflowId, deed);
  return second - first;
}

async function nextRetryDelay(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  assert.equal(await client.workflow.execute(workflows.delayed, { workflowId, taskQueue }), 2);
  assert.ok(between(workflowId, "tried") >= 1_000, `the second attempt came after ${between(workflowId, "tried")} ms`);
}

async function localActivityLong(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.napping, {
    args: [13_000],
    workflowId: context.newId(),
    taskQueue,
    workflowTaskTimeout: "12s",
  });
  assert.equal(await handle.result(), 1, "how often it ran");
  const events = await eventsOf(handle);
  assert.deepEqual([count(events, "WORKFLOW_TASK_TIMED_OUT"), count(events, "MARKER_RECORDED")], [0, 1]);
  const tasks = count(events, "WORKFLOW_TASK_COMPLETED");
  assert.ok(tasks >= 2, `${tasks} workflow tasks of 12 s held a local activity of 13 s`);
}

async function localActivityBackoff(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const handle = await client.workflow.start(workflows.localBackoff, { workflowId, taskQueue });
  assert.equal(await handle.result(), 2, "the attempt that succeeded");
  assert.ok(between(workflowId, "tried") >= 2_000, `the second attempt came after ${between(workflowId, "tried")} ms`);
  const events = await eventsOf(handle);
  assert.deepEqual(
    ["TIMER_STARTED", "TIMER_FIRED", "MARKER_RECORDED"].map((name) => count(events, name)),
    [1, 1, 2],
  );
}

async function rateLimit({ client, connection, workflowBundle, ...context }: Context): Promise<void> {
  const taskQueue = `${context.taskQueue}-limited-${randomUUID()}`;
  const workflowId = `${taskQueue}-workflow`;
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle,
    activities,
    maxTaskQueueActivitiesPerSecond: 5,
  });
  await worker.runUntil(client.workflow.execute(workflows.ticking, { args: [20], workflowId, taskQueue }));
  const ticked = deedsOf(workflowId, "ticked");
  assert.equal(ticked.length, 20);
  // Five may come at once, the other fifteen at five a second.
  const tookMs = ticked[19]! - ticked[0]!;
  assert.ok(tookMs > 2_500, `20 ticks within ${tookMs} ms`);
}

async function eagerActivity({ client, connection, workflowBundle, ...context }: Context): Promise<void> {
  const taskQueue = `${context.taskQueue}-eager-${randomUUID()}`;
  // From now on the queue itself gives no activity to anybody.
  await client.workflowService.updateTaskQueueConfig({
    namespace: client.options.namespace,
    taskQueue,
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    updateQueueRateLimit: { rateLimit: { requestsPerSecond: 0 } },
  });
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, activities });
  const outcomes = await worker.runUntil(
    Promise.all(
      [true, false].map((allowed) => {
        const workflowId = `${taskQueue}-${allowed}`;
        return client.workflow.execute(workflows.eagerTick, { args: [allowed], workflowId, taskQueue });
      }),
    ),
  );
  assert.deepEqual(outcomes, ["ticked", "timed out"]);
}

async function workerShutdown(context: Context): Promise<void> {
  const { client, connection, workflowBundle } = context;
  const taskQueue = `${context.taskQueue}-shut-down-${randomUUID()}`;
  const workflowId = context.newId();
  const worker = () => Worker.create({ connection, taskQueue, workflowBundle, activities, shutdownGraceTime: 0 });
  const first = await worker();
  const handle = await first.runUntil(async () => {
    const started = await client.workflow.start(workflows.outlivesWorker, { workflowId, taskQueue });
    await deedDone(workflowId, "begun");
    return started;
  });
  const result = await (await worker()).runUntil(handle.result());
  assert.deepEqual(result, { attempt: 2, details: "half way" });
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  "cancellation-types": cancellationTypes,
  "next-retry-delay": nextRetryDelay,
  "local-activity-long": localActivityLong,
  "local-activity-backoff": localActivityBackoff,
  "rate-limit": rateLimit,
  "eager-activity": eagerActivity,
  "worker-shutdown": workerShutdown,
};
