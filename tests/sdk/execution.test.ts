/** Workflows of the SDK run against a real server: what they do, and that their histories replay. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums } from "@pawl/protocol";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowContinuedAsNewError,
  WorkflowFailedError,
} from "@pawl/sdk/client";
import { defaultPayloadConverter } from "@pawl/sdk/common";
import { Worker } from "@pawl/sdk/worker";
import { seen } from "./activities.ts";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

type AnyWorkflow = (...args: never[]) => Promise<unknown>;

/** Runs one workflow to its end, then replays its history: what was done once must be done again. */
async function execute<W extends AnyWorkflow>(workflow: W, ...args: Parameters<W>): Promise<Awaited<ReturnType<W>>> {
  const worker = await newWorker(target);
  const { taskQueue } = worker.options;
  return await worker.runUntil(async () => {
    const handle = await target.client.workflow.start(workflow as never, {
      ...{ workflowId: newId(workflow.name), taskQueue, args: args as never, workflowTaskTimeout: "2 seconds" },
    });
    try {
      return (await handle.result()) as Awaited<ReturnType<W>>;
    } finally {
      await Worker.runReplayHistory({ workflowsPath }, await handle.fetchHistory(), handle.workflowId);
    }
  });
}

async function failureOf(work: Promise<unknown>): Promise<WorkflowFailedError> {
  const error = await work.then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  return error;
}

describe("activities", () => {
  test("an activity's result is the workflow's", async () => {
    assert.equal(await execute(workflows.greeting, "Ada"), "Hello, Ada!");
  });

  test("one call of an activity can have options of its own", async () => {
    const worker = await newWorker(target);
    const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
    await worker.runUntil(async () => {
      assert.equal(await target.client.workflow.execute(workflows.ownOptions, options), "Hello, y!");
      const { events } = await target.client.workflow.getHandle(options.workflowId).fetchHistory();
      const scheduled = events.find((each) => each.activityTaskScheduledEventAttributes);
      assert.equal(scheduled?.activityTaskScheduledEventAttributes?.activityId, "mine");
      assert.equal(new TextDecoder().decode(scheduled?.userMetadata?.summary?.data), '"of this call"');
    });
  });

  test("a failed activity is tried again by its policy", async () => {
    assert.equal(await execute(workflows.retries, "Ada"), "Ada at attempt 3");
  });

  test("a failure reaches the client with its chain of causes", async () => {
    const { cause } = await failureOf(execute(workflows.failure));
    assert.ok(cause instanceof ActivityFailure);
    assert.equal(cause.activityType, "failForGood");
    assert.ok(cause.cause instanceof ApplicationFailure);
    assert.deepEqual(cause.cause.details, [{ code: 7 }, "x"]);
    assert.equal(cause.cause.cause?.message, "the root of it");
  });

  test("a workflow's failure says where in its sources it and its cause were made", async () => {
    const { cause } = await failureOf(execute(workflows.failsOfItself));
    assert.ok(cause instanceof ApplicationFailure && cause.cause instanceof ApplicationFailure);
    for (const { stack } of [cause, cause.cause])
      assert.match(stack?.split("\n")[1] ?? "", /at failsOfItself .*workflows\.ts:\d+:\d+/);
  });

  test("a failure is caught in the workflow with all that it says", async () => {
    assert.deepEqual(await execute(workflows.caughtFailure), {
      ...{ type: "NoWay", message: "no way", details: [{ code: 7 }, "x"], nonRetryable: true, root: "the root of it" },
      ...{ activityType: "failForGood", activityId: "1", retryState: "NON_RETRYABLE_FAILURE" },
    });
  });

  test("JSON, bytes, null and undefined come through as what they were", async () => {
    const expected = [1, "two", null, { three: [3] }, true, null, true, [0, 1, 255]];
    assert.deepEqual(await execute(workflows.values), expected);
  });

  test("a start-to-close timeout is a TimeoutFailure", async () => {
    assert.equal(await execute(workflows.activityTimesOut), "START_TO_CLOSE");
  });

  test("an attempt goes on where the last one's heartbeat was", async () => {
    assert.deepEqual(await execute(workflows.resumes), { from: 5, total: 10 });
  });

  test("an activity knows how much time it has", async () => {
    const { remainingMs, deadlineIn } = await execute(workflows.remainingTime);
    assert.ok(remainingMs > 9_000 && remainingMs <= 10_000, `${remainingMs}`);
    assert.ok(Math.abs(remainingMs - deadlineIn) < 100);
  });

  test("an activity that is completed elsewhere ends by its token", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const before = seen.tokens.length;
      const handle = await target.client.workflow.start(workflows.asyncCompletion, { workflowId: newId(), taskQueue });
      while (seen.tokens.length === before) await new Promise((resolve) => setImmediate(resolve));
      // The worker must have let go of it: the answer of one that had not would be taken as the attempt's.
      await target.client.activity.complete(seen.tokens.at(-1)!, "approved");
      assert.equal(await handle.result(), "approved");
    });
  });

  test("an activity that is completed elsewhere ends by its id", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const before = seen.tokens.length;
      const workflowId = newId();
      const handle = await target.client.workflow.start(workflows.asyncCompletion, { workflowId, taskQueue });
      while (seen.tokens.length === before) await new Promise((resolve) => setImmediate(resolve));
      await target.client.activity.fail({ workflowId, activityId: "1" }, ApplicationFailure.nonRetryable("refused"));
      const { cause } = await failureOf(handle.result());
      assert.equal(cause?.cause instanceof Error ? cause.cause.message : "", "refused");
    });
  });
});

describe("local activities", () => {
  test("they run, side by side and again after failures", async () => {
    assert.deepEqual(await execute(workflows.localActivities), ["Hello, one!", "Hello, two!", "local at attempt 3"]);
  });

  test("the marker of one says what it was for", async () => {
    const worker = await newWorker(target);
    await worker.runUntil(async () => {
      const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
      const handle = await target.client.workflow.start(workflows.localActivities, options);
      await handle.result();
      const markers = (await handle.fetchHistory()).events.filter((each) => each.markerRecordedEventAttributes);
      const summaries = markers.map(
        ({ userMetadata }) => userMetadata?.summary && defaultPayloadConverter.fromPayload(userMetadata.summary),
      );
      assert.deepEqual(summaries, [undefined, undefined, "fails at first"]);
    });
  });

  test("one that takes longer than its workflow task keeps the task alive", async () => {
    assert.equal(await execute(workflows.slowLocalActivity), "waited 3000, Hello, after!");
  });

  test("their failure is an ActivityFailure", async () => {
    assert.equal(await execute(workflows.localActivityFails), "NoWay: no way");
  });

  test("a backoff beyond the threshold is a timer", async () => {
    assert.equal(await execute(workflows.localBackoff), "by timers at attempt 3");
  });

  test("a cancelled one ends as cancelled", async () => {
    assert.equal(await execute(workflows.cancelledLocalActivity), "cancelled");
  });
});

describe("time", () => {
  test("a timer takes at least its time, by the workflow's clock", async () => {
    const passed = await execute(workflows.timer, 120);
    assert.ok(passed >= 119, `${passed}`);
  });

  test("setTimeout is durable and clearTimeout undoes it", async () => {
    assert.deepEqual(await execute(workflows.globalTimers), ["early", "late"]);
  });

  test("a condition gives up when its time is over", async () => {
    assert.equal(await execute(workflows.waitsForSignalOrTime), false);
  });
});

describe("cancellation", () => {
  test("a scope is cancelled when its time is over", async () => {
    assert.equal(await execute(workflows.scopeWithTimeout), "timed out");
  });

  test("what was begun and cancelled in one activation leaves no trace", async () => {
    assert.equal(await execute(workflows.takesBack), "done");
  });

  test("a cancelled activity is waited for when the workflow asks for it", async () => {
    assert.equal(await execute(workflows.waitsForCancelledActivity), "cancelled: ActivityFailure");
    assert.match(seen.cancelled.at(-1) ?? "", /true$/);
  });

  test("a cancelled workflow cleans up and ends as cancelled", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await target.client.workflow.start(workflows.cleansUp, { workflowId: newId(), taskQueue });
      while ((await handle.describe()).raw.pendingActivities.length === 0);
      await handle.cancel();
      const { cause } = await failureOf(handle.result());
      assert.ok(cause instanceof CancelledFailure);
      assert.equal((await handle.describe()).status.name, "CANCELLED");
      await Worker.runReplayHistory({ workflowsPath }, await handle.fetchHistory());
    });
  });
});

describe("other workflows", () => {
  test("children run side by side", async () => {
    assert.deepEqual(await execute(workflows.parent, ["a", "b"]), ["Hello, a!", "Hello, b!"]);
  });

  test("a child's failure is a ChildWorkflowFailure", async () => {
    assert.equal(await execute(workflows.parentOfFailure), "failure: no way");
  });

  test("a child is signalled through its handle and by its id", async () => {
    assert.equal(await execute(workflows.parentSignals), 5);
  });

  test("a child is cancelled with the scope that it was begun in", async () => {
    assert.equal(await execute(workflows.parentCancels), "child cancelled");
  });

  test("a child whose id is taken is refused", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const taken = newId("taken");
      const other = await target.client.workflow.start(workflows.messages, { workflowId: taken, taskQueue });
      const options = { workflowId: newId(), taskQueue, args: [taken] as [string] };
      assert.equal(
        await target.client.workflow.execute(workflows.childExists, options),
        "WorkflowExecutionAlreadyStartedError",
      );
      const cancels = { workflowId: newId(), taskQueue, args: [taken] as [string] };
      const heard = await target.client.workflow.execute(workflows.externalTargets, cancels);
      assert.deepEqual(heard, ["ApplicationFailure"]);
      assert.ok((await failureOf(other.result())).cause instanceof CancelledFailure);
    });
  });

  test("continue-as-new carries arguments and memo, and the result is the last run's", async () => {
    assert.deepEqual(await execute(workflows.counts, 1), { n: 3, memo: { reached: 2 }, continued: true });
  });

  test("a handle that does not follow runs says which one continues", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const options = { workflowId: newId(), taskQueue, args: [2] as [number], followRuns: false };
      const handle = await target.client.workflow.start(workflows.counts, options);
      await assert.rejects(handle.result(), WorkflowContinuedAsNewError);
    });
  });
});

describe("the workflow itself", () => {
  test("patches are known again when replayed", async () => {
    assert.equal(await execute(workflows.patches), "new new");
  });

  test("memo and search attributes are set and removed, and lists are filtered by them", async () => {
    const { client, connection } = target;
    await connection.workflowService.addSearchAttributes({
      ...{ namespace: "default", searchAttributes: { CustomKeywordField: enums.IndexedValueType.KEYWORD } },
    });
    assert.deepEqual(await execute(workflows.attributes), {
      ...{ memo: { b: 2 }, searchAttributes: { CustomKeywordField: ["blue"] } },
    });
    const query = "CustomKeywordField = 'blue' AND WorkflowType = 'attributes'";
    // The reference server's lists follow a moment later.
    while ((await client.workflow.count(query)).count === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    for await (const { type, memo } of client.workflow.list({ query, pageSize: 1 })) {
      assert.deepEqual({ type, memo }, { type: "attributes", memo: { b: 2 } });
    }
  });

  test("it knows what it is", async () => {
    const known = (await execute(workflows.information)) as Record<string, unknown>;
    assert.equal(known["workflowType"], "information");
    assert.deepEqual([known["attempt"], known["namespace"], known["isDate"]], [1, "default", true]);
    assert.ok(Number(known["historyLength"]) >= 3);
  });

  test("a retried workflow counts its attempts", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    const options = { workflowId: newId(), taskQueue, retry: { initialInterval: 10 } };
    assert.equal(await worker.runUntil(target.client.workflow.execute(workflows.retried, options)), 3);
  });

  test("its run timeout is a TimeoutFailure, its termination a TerminatedFailure", async () => {
    const { client } = target;
    const options = { taskQueue: newId("nobody"), args: ["x"] as [string] };
    const timed = await client.workflow.start(workflows.greeting, {
      ...options,
      workflowId: newId(),
      workflowRunTimeout: 1_000,
    });
    const ended = await client.workflow.start(workflows.greeting, { ...options, workflowId: newId() });
    await ended.terminate("enough");
    const { cause, message } = await failureOf(ended.result());
    assert.ok(cause instanceof TerminatedFailure);
    assert.equal(message, "enough");
    assert.ok((await failureOf(timed.result())).cause instanceof TimeoutFailure);
  });
});
