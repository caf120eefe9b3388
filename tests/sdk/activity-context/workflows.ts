import { type ActivityFailure, CancellationScope, isCancellation, proxyActivities, sleep } from "@pawl/sdk/workflow";
import type * as activities from "../activity-context.test.ts";

type Activities = Awaited<ReturnType<typeof activities.activitiesOf>>;
const { waits, advances, misuses } = proxyActivities<Activities>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout: "3 seconds",
  retry: { maximumAttempts: 2, initialInterval: 10 },
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
});

/** An activity that waits longer than its heartbeat timeout, which a busy machine must not make pass by itself. */
export async function outlives(): Promise<string> {
  return await waits(4_500);
}

export async function cancels(): Promise<string> {
  try {
    await CancellationScope.withTimeout(300, () => waits(60_000));
    return "not cancelled";
  } catch (error) {
    return isCancellation(error) ? "cancelled" : String(error);
  }
}

export async function continues(): Promise<unknown> {
  return await advances();
}

export async function reportsNonsense(): Promise<unknown> {
  await sleep(1);
  try {
    return await misuses();
  } catch (error) {
    return (error as ActivityFailure).cause?.message;
  }
}
