/** Standalone activities outlive the server: it is killed (-9) while they wait, run, back off and are delayed, and started again on its file. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startPawl } from "../rig/server.ts";
import { Connection } from "./connection.ts";
import { applicationFailure, seconds, text } from "./requests.ts";
import { fail, start } from "./standalone-activity.ts";
import { Play } from "./story.ts";

test("activities without a workflow go on where they were when the server was killed", {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "standalone-"));
  const dbFilename = join(folder, "state.db");
  try {
    const before = await startPawl({ dbFilename });
    const first = await playOn(before.address);
    const one = (activityId: string) => ({ activityId, requestId: activityId, taskQueue: { name: activityId } });
    await start(first, one("running"));
    const held = await first.activityTask("running");
    const quick = { initialInterval: seconds(0.5), backoffCoefficient: 1 };
    await start(first, { ...one("retried"), retryPolicy: quick });
    await fail(first, await first.activityTask("retried"), applicationFailure("before"));
    await start(first, one("waiting"));
    await start(first, { ...one("delayed"), startDelay: seconds(1) });
    await start(first, { ...one("silent"), heartbeatTimeout: seconds(1), retryPolicy: quick });
    await first.activityTask("silent");
    await start(first, one("done"));
    const done = await first.activityTask("done");
    const answer = { namespace: "default", identity: "worker", result: text("kept") };
    await first.call("RespondActivityTaskCompleted", { ...answer, taskToken: done.taskToken });
    await before.kill9();

    const after = await startPawl({ dbFilename });
    const second = await playOn(after.address);
    const outcomeOf = (activityId: string) =>
      second.call("PollActivityExecution", { namespace: "default", activityId });
    // The token of a worker that has not noticed anything.
    await second.call("RespondActivityTaskCompleted", { ...answer, taskToken: held.taskToken });
    const attempts: number[] = [];
    for (const queue of ["waiting", "retried", "delayed", "silent"]) {
      const task = await second.activityTask(queue);
      attempts.push(task.attempt);
      await second.call("RespondActivityTaskCompleted", { ...answer, taskToken: task.taskToken });
    }
    assert.deepEqual(attempts, [1, 2, 1, 2]);
    for (const activityId of ["running", "waiting", "retried", "delayed", "silent", "done"]) {
      const { outcome } = await outcomeOf(activityId);
      assert.equal(Buffer.from(outcome!.result!.payloads[0]!.data).toString(), '"kept"', activityId);
    }
    const query = "ExecutionStatus = 'Completed'";
    const { count } = await second.call("CountActivityExecutions", { namespace: "default", query });
    assert.equal(count, 6);
    assert.equal(await after.stop(), 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function playOn(address: string): Promise<Play> {
  return new Play("standalone-restart", await Connection.open(address));
}
