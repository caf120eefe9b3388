/** Patterns that are made of activities. */
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  continueAsNew,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import type * as activities from "./pattern-activities.ts";

const short = proxyActivities<typeof activities>({ startToCloseTimeout: "10s" });

export async function autoHeartbeat(ms: number): Promise<string> {
  const { sleepUnaware } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 minute",
    heartbeatTimeout: "10s",
    retry: { maximumAttempts: 1 },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  return sleepUnaware(ms);
}

export async function deadlineAware(items: number): Promise<{ done: number; whole: boolean }> {
  const { workUntilDeadline } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10s",
    heartbeatTimeout: "5s",
    retry: { maximumAttempts: 1 },
  });
  return workUntilDeadline(items);
}

export async function processOrder(order: activities.Order): Promise<string[]> {
  const { validateQuickly } = proxyLocalActivities<typeof activities>({
    startToCloseTimeout: "5s",
    localRetryThreshold: "5s",
    retry: { initialInterval: 100, maximumAttempts: 3 },
  });
  let valid: string;
  try {
    valid = await validateQuickly(order);
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    if (cause instanceof ApplicationFailure && cause.type === "InvalidOrder") throw error;
    valid = await short.validateThoroughly(order);
  }
  return [valid, await short.processPayment(order)];
}

export const approvalId = "approval";

export async function humanApproval(title: string): Promise<activities.Decision> {
  const { awaitDecision } = proxyActivities<typeof activities>({
    activityId: approvalId,
    startToCloseTimeout: "7 days",
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  await short.notifyRequestCreated(title);
  const decision = await awaitDecision(title);
  if (decision.approved) await short.executeApproved(title);
  return decision;
}

/** Looks twice in each of its runs. */
export async function periodic(): Promise<string> {
  for (let times = 0; times < 2; times++) {
    if (await short.look()) return "ready";
    await sleep(50);
  }
  return continueAsNew<typeof periodic>();
}

export async function polling(how: "frequent" | "infrequent" | "periodic"): Promise<string> {
  if (how === "frequent") {
    const options = { startToCloseTimeout: "1 minute", heartbeatTimeout: "5s" } as const;
    return proxyActivities<typeof activities>(options).pollOften();
  }
  if (how === "infrequent") {
    const retry = { initialInterval: 100, backoffCoefficient: 1 };
    return proxyActivities<typeof activities>({ startToCloseTimeout: "10s", retry }).pollOnce();
  }
  return executeChild(periodic, { workflowId: `${workflowInfo().workflowId}-child` });
}

export async function saga(): Promise<void> {
  const { cancelBooking } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10s",
    retry: { initialInterval: 50 },
  });
  const compensations: (() => Promise<void>)[] = [];
  try {
    for (const what of ["flight", "hotel", "car"]) {
      await short.book(what);
      compensations.unshift(() => cancelBooking(what));
    }
  } catch (error) {
    for (const compensate of compensations) await compensate();
    throw error;
  }
}

export async function classified(request: string): Promise<{ found: boolean }> {
  const { callExternal } = proxyActivities<typeof activities>({
    startToCloseTimeout: "30s",
    retry: { initialInterval: 100, backoffCoefficient: 2, maximumInterval: "60s", maximumAttempts: 5 },
  });
  return callExternal(request);
}
