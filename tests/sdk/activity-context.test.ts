/** What an activity's context does for it: heartbeats by itself, progress, its deadline. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { activityInfo, cancelled, deadline, getRemainingTime, heartbeat, progress, sleep } from "@pawl/sdk/activity";
import * as workflows from "./activity-context/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();
const workflowsPath = fileURLToPath(new URL("./activity-context/workflows.ts", import.meta.url));

export function activitiesOf(beats: number[]) {
  return {
    async waits(milliseconds: number): Promise<string> {
      using _ = heartbeat.auto({ everyMs: 50, progress: () => beats.push(Date.now()) });
      await Promise.race([sleep(milliseconds), cancelled()]);
      return `attempt ${activityInfo().attempt}`;
    },
    async advances(): Promise<unknown> {
      const { attempt, heartbeatDetails } = activityInfo();
      if (attempt > 1) return heartbeatDetails;
      assert.ok((deadline()?.getTime() ?? 0) - Date.now() > 20_000 && getRemainingTime() > 20_000);
      progress({ done: 3, total: 10, message: "files" });
      await sleep(20);
      throw new Error("in the middle");
    },
    async misuses(): Promise<void> {
      progress({ done: 11, total: 10 });
    },
  };
}

async function run<R>(workflow: () => Promise<R>): Promise<{ result: R; beats: number[] }> {
  const beats: number[] = [];
  const worker = await newWorker(target, {
    workflowsPath,
    activities: activitiesOf(beats),
    maxHeartbeatThrottleInterval: 100,
  });
  const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
  const result = (await worker.runUntil(target.client.workflow.execute(workflow, options as never))) as R;
  return { result, beats };
}

test("heartbeats that go by themselves keep a waiting activity alive, and end with it", async () => {
  const { result, beats } = await run(workflows.outlives);
  assert.equal(result, "attempt 1");
  assert.ok(beats.length >= 5, `${beats.length} heartbeats`);
  const before = beats.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(beats.length, before);
});

test("they bring the news of a cancellation", async () => {
  assert.equal((await run(workflows.cancels)).result, "cancelled");
});

test("progress is what the next attempt goes on from", async () => {
  assert.deepEqual((await run(workflows.continues)).result, { done: 3, total: 10, message: "files" });
});

test("progress that cannot be is refused", async () => {
  assert.equal(
    (await run(workflows.reportsNonsense)).result,
    "progress(): total must be a number of at least done (11), not 10",
  );
});
