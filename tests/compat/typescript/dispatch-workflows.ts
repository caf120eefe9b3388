/** How activities come to workers, are held back, taken away, and tried again. */
import {
  ActivityCancellationType,
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  defineSignal,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  TimeoutFailure,
} from "@temporalio/workflow";
import type * as activities from "./dispatch-activities.ts";

export const goOn = defineSignal("goOn");

export async function cancelTypes(cancellationType: ActivityCancellationType): Promise<string> {
  const { cleanUpSlowly } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 minute",
    heartbeatTimeout: "10s",
    retry: { maximumAttempts: 1 },
    cancellationType,
  });
  let told = 0;
  setHandler(goOn, () => void told++);
  const scope = new CancellationScope();
  const running = scope.run(() => cleanUpSlowly());
  await condition(() => told > 0);
  scope.cancel();
  try {
    await running;
  } catch (error) {
    const cancelled = error instanceof ActivityFailure ? error.cause : error;
    if (!(cancelled instanceof CancelledFailure)) throw error;
    // What the activity was left to do must not end with the workflow.
    if (cancellationType === ActivityCancellationType.ABANDON) await condition(() => told > 1);
    return "cancelled";
  }
  return "not cancelled";
}

export async function delayed(): Promise<number> {
  const retry = { initialInterval: "1 hour" } as const;
  return proxyActivities<typeof activities>({ startToCloseTimeout: "10s", retry }).askForDelay();
}

export async function napping(ms: number): Promise<number> {
  return proxyLocalActivities<typeof activities>({ startToCloseTimeout: "1 minute" }).localNap(ms);
}

export async function localBackoff(): Promise<number> {
  const retry = { initialInterval: "2s" } as const;
  const options = { startToCloseTimeout: "10s", localRetryThreshold: "500ms", retry } as const;
  return proxyLocalActivities<typeof activities>(options).localFlaky();
}

export async function ticking(ticks: number): Promise<void> {
  const { tick } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });
  await Promise.all(Array.from({ length: ticks }, () => tick()));
}

export async function eagerTick(allowEagerDispatch: boolean): Promise<string> {
  const { tick } = proxyActivities<typeof activities>({
    scheduleToStartTimeout: "2s",
    startToCloseTimeout: "10s",
    allowEagerDispatch,
  });
  try {
    await tick();
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure) return "timed out";
    throw error;
  }
  return "ticked";
}

export async function outlivesWorker(): Promise<{ attempt: number; details: unknown }> {
  const retry = { initialInterval: 100 };
  const options = { startToCloseTimeout: "1 minute", heartbeatTimeout: "10s", retry } as const;
  return proxyActivities<typeof activities>(options).untilShutdown();
}
