/** Activities of a workflow outlive the server: it is killed (-9) while they wait, run, back off and are paused, and started again on its file. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ResponseOf } from "@pawl/protocol";
import { startPawl } from "../rig/server.ts";
import { Connection } from "./connection.ts";
import { activity, applicationFailure, seconds, text } from "./requests.ts";
import { Play } from "./story.ts";

const namespace = "default";
const name = "activity-restart";
const identity = "worker";

test("activities go on where they were when the server was killed, and answers that come late or twice change nothing", {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "activity-"));
  const dbFilename = join(folder, "state.db");
  try {
    const before = await startPawl({ dbFilename });
    const first = await playOn(before.address);
    await first.start();
    // A queue for each, so that each is asked for by name.
    const one = (activityId: string, options: Parameters<typeof activity>[1] = {}) =>
      activity(`${name}-${activityId}`, { activityId, startToCloseTimeout: seconds(600), ...options });
    const quick = { initialInterval: seconds(0.1), backoffCoefficient: 1 };
    await first.step([
      one("running"),
      one("retried", { retryPolicy: quick }),
      one("backing-off", { retryPolicy: { initialInterval: seconds(3_600) } }),
      one("waiting"),
      one("paused"),
      one("timed-out", { scheduleToCloseTimeout: seconds(2), retryPolicy: { maximumAttempts: 1 } }),
    ]);
    const running = await taskOf(first, "running");
    const earlier = await taskOf(first, "retried");
    await fail(first, earlier);
    const retried = await taskOf(first, "retried");
    const details = text("half way");
    await first.call("RecordActivityTaskHeartbeat", { namespace, identity, taskToken: retried.taskToken, details });
    await fail(first, await taskOf(first, "backing-off"));
    await first.call("PauseActivity", {
      namespace,
      execution: { workflowId: name },
      id: "paused",
      identity: "operator",
    });
    const asItWas = await pendingOf(first);
    await before.kill9();

    const after = await startPawl({ dbFilename });
    const second = await playOn(after.address);
    const withoutTimedOut = (pending: typeof asItWas) => pending.filter(({ activityId }) => activityId !== "timed-out");
    assert.deepEqual(withoutTimedOut(await pendingOf(second)), withoutTimedOut(asItWas));

    const answer = { namespace, identity, result: text("done") };
    const completed = (taskToken: Uint8Array) =>
      second.attempt("RespondActivityTaskCompleted", { ...answer, taskToken });
    assert.equal(await completed(earlier.taskToken), undefined, "the attempt before is late");
    // Tokens that were given out before the server was killed, in the hands of somebody who has not noticed anything.
    for (const { taskToken } of [running, retried]) {
      assert.ok(await completed(taskToken));
      assert.equal(await completed(taskToken), undefined, "only once");
    }
    const byId = { ...answer, workflowId: name, activityId: "backing-off" };
    assert.ok(await second.attempt("RespondActivityTaskCompletedById", byId), "by its ids, between two attempts");
    assert.equal(await second.attempt("RespondActivityTaskCompletedById", byId), undefined, "only once");
    assert.ok(await completed((await taskOf(second, "waiting")).taskToken));
    await second.call("UnpauseActivity", {
      namespace,
      execution: { workflowId: name },
      id: "paused",
      identity: "operator",
    });
    assert.ok(await completed((await taskOf(second, "paused")).taskToken));

    const ends = new Map<string, string>();
    while (ends.size < 6) {
      const { events } = await second.step();
      const scheduled = new Map(
        events.map((event) => [event.eventId, event.activityTaskScheduledEventAttributes?.activityId ?? ""]),
      );
      for (const { activityTaskCompletedEventAttributes: done, activityTaskTimedOutEventAttributes: late } of events) {
        if (done) ends.set(scheduled.get(done.scheduledEventId) ?? "", "completed");
        if (late) ends.set(scheduled.get(late.scheduledEventId) ?? "", "timed out");
      }
    }
    assert.deepEqual(Object.fromEntries(ends), {
      ...{ running: "completed", retried: "completed", "backing-off": "completed" },
      ...{ waiting: "completed", paused: "completed", "timed-out": "timed out" },
    });
    assert.equal(await after.stop(), 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function playOn(address: string): Promise<Play> {
  return new Play(name, await Connection.open(address));
}

function taskOf(play: Play, activityId: string): Promise<ResponseOf<"PollActivityTaskQueue">> {
  return play.activityTask(`${name}-${activityId}`);
}

async function fail(play: Play, { taskToken }: ResponseOf<"PollActivityTaskQueue">): Promise<void> {
  await play.call("RespondActivityTaskFailed", {
    namespace,
    identity,
    taskToken,
    failure: applicationFailure("before"),
  });
}

async function pendingOf(play: Play) {
  const execution = { workflowId: name, runId: "" };
  return (await play.call("DescribeWorkflowExecution", { namespace, execution })).pendingActivities;
}
