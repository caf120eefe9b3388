import assert from "node:assert/strict";
import { test } from "node:test";
import { activityInfo, Context, heartbeat, sleep, workerShutdown } from "@pawl/sdk/activity";
import { CancelledFailure } from "@pawl/sdk/common";
import { MockActivityEnvironment } from "@pawl/testing";

test("an activity sees its context: what it is told, what it says, what it returns and throws", async () => {
  const env = new MockActivityEnvironment({ attempt: 3, heartbeatDetails: 40 });
  const said: unknown[] = [];
  env.on("heartbeat", (details) => said.push(details));
  const resumed = async (by: number) => {
    const { attempt, heartbeatDetails } = activityInfo();
    heartbeat({ at: heartbeatDetails + by });
    return attempt;
  };
  assert.equal(await env.run(resumed, 2), 3);
  assert.deepEqual(said, [{ at: 42 }]);
  await assert.rejects(
    env.run(() => {
      throw new RangeError("no");
    }),
    RangeError,
  );
  assert.throws(() => Context.current(), { name: "IllegalStateError" });
});

test("an activity hears of its cancellation and of its worker's end", async () => {
  const env = new MockActivityEnvironment();
  const cancelled = env.run(async () => await sleep("1 hour"));
  env.shutdown();
  assert.equal(await env.run(() => workerShutdown().aborted), true);
  env.cancel("enough");
  await assert.rejects(cancelled, (error) => error instanceof CancelledFailure && error.message === "enough");
  assert.equal(env.context.cancellationDetails?.cancelRequested, true);
});
