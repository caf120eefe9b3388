import { type ActivityFailure, CancellationScope, isCancellation, proxyActivities, sleep } from "@pawl/sdk/workflow";
import type * as activities from "../activity-context.test.ts";

type Activities = Awaited<ReturnType<typeof activities.activitiesOf>>;
const { waits, advances, misuses } = proxyActivities<Activities>({
  ...{ startToCloseTimeout: "30 seconds", heartbeatTimeout: 400, retry: { maximumAttempts: 2, initialInterval: 10 } },
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
});

/** An activity that waits much longer than its heartbeat timeout. */
export async function outlives(): Promise<string> {
  return await waits(1_500);
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
