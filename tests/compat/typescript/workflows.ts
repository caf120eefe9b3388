/** All workflows of the scenarios: what the worker bundles. */
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  TimeoutFailure,
  workflowInfo,
} from "@temporalio/workflow";
import type * as activities from "./activities.ts";

export * from "./calling-workflows.ts";
export * from "./controlling-workflows.ts";
export * from "./dispatch-workflows.ts";
export * from "./pattern-workflows.ts";
export * from "./relating-workflows.ts";
export * from "./seeds/long-running-workflows.ts";

const { double, step, pause, compensate, refuse } = proxyActivities<typeof activities>({ startToCloseTimeout: "10s" });

export async function sequenceAndParallel(start: number): Promise<number[]> {
  let number = start;
  for (let round = 0; round < 3; round++) number = await double(number);
  return Promise.all([0, 1, 2, 3, 4].map((index) => double(number + index)));
}

export async function retrying(): Promise<number> {
  const { failTwice } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10s",
    retry: { initialInterval: 200, backoffCoefficient: 2 },
  });
  return failTwice();
}

export async function rejected(how: string): Promise<void> {
  const { reject } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10s",
    retry: { initialInterval: 10, maximumAttempts: 2, nonRetryableErrorTypes: ["NotFound"] },
  });
  await reject(how);
}

export interface TimedOut {
  readonly type?: string | undefined;
  readonly retry?: string | undefined;
  readonly heartbeat?: unknown;
  readonly cause?: string;
}

const activityOptions = {
  "start to close": { startToCloseTimeout: "3s", retry: { initialInterval: 50, maximumAttempts: 2 } },
  heartbeat: { startToCloseTimeout: "10s", heartbeatTimeout: "5s", retry: { maximumAttempts: 1 } },
  "schedule to start": {
    taskQueue: "nobody-polls-here",
    scheduleToStartTimeout: 500,
    startToCloseTimeout: "10s",
  },
  "schedule to close": { scheduleToCloseTimeout: 500 },
  // The next attempt would come after the deadline.
  "no time to retry": { scheduleToCloseTimeout: "30s", retry: { initialInterval: "60s" } },
} as const;
export type Timeout = keyof typeof activityOptions;

export async function timingOut(which: Timeout): Promise<TimedOut> {
  const { hang, alwaysFail } = proxyActivities<typeof activities>(activityOptions[which]);
  try {
    await (which === "no time to retry" ? alwaysFail() : hang(which === "heartbeat"));
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { cause, retryState } = error;
    if (!(cause instanceof TimeoutFailure)) return { cause: String(cause?.message), retry: retryState };
    return { type: cause.timeoutType, retry: retryState, heartbeat: cause.lastHeartbeatDetails };
  }
  throw ApplicationFailure.nonRetryable("the activity did not time out");
}

export async function local(number: number): Promise<number> {
  const { localSquare } = proxyLocalActivities<typeof activities>({
    startToCloseTimeout: "10s",
    retry: { initialInterval: 10, maximumAttempts: 3 },
  });
  return localSquare(number);
}

export async function timers(): Promise<number> {
  const began = Date.now();
  await sleep(400);
  const slept = Date.now() - began;
  const long = new CancellationScope();
  const slow = long.run(() => sleep("1 hour"));
  await Promise.race([slow, sleep(100)]);
  long.cancel();
  await slow.catch((error) => {
    if (!isCancellation(error)) throw error;
  });
  // The cancellation of the long timer is only on record once a workflow task has carried it.
  await sleep(10);
  return slept;
}

export async function approval(): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (const title of ["by token", "by id", "refused"]) {
    const { requestHumanApproval } = proxyActivities<typeof activities>({
      activityId: title,
      startToCloseTimeout: "7 days",
      retry: { maximumAttempts: 1 },
    });
    try {
      outcomes.push(await requestHumanApproval(title));
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      outcomes.push(error.cause?.message);
    }
  }
  return outcomes;
}

export const add = defineSignal<[item: string, count: number]>("add");
export const checkOut = defineSignal("check-out");
export const size = defineQuery<number>("size");
export const has = defineQuery<boolean, [item: string]>("has");
export const broken = defineQuery<string>("broken");

/** Collects what is signalled until it is checked out. */
export async function basket(): Promise<string[]> {
  const content: string[] = [];
  let checkedOut = false;
  setHandler(add, (item, count) => {
    for (let each = 0; each < count; each++) content.push(item);
  });
  setHandler(checkOut, () => {
    checkedOut = true;
  });
  setHandler(size, () => content.length);
  setHandler(has, (item) => content.includes(item));
  setHandler(broken, () => {
    throw new Error("this query cannot be answered");
  });
  await condition(() => checkedOut);
  // Signals that arrive during the last activity are still received, in the task after it.
  await pause(50);
  return content;
}

export const stop = defineSignal("stop");
export const progress = defineQuery<number>("progress");

/** Queried all the time while activities run: queries ride on workflow tasks and go past them. */
export async function busy(): Promise<number> {
  let rounds = 0;
  let stopped = false;
  setHandler(stop, () => {
    stopped = true;
  });
  setHandler(progress, () => rounds);
  for (; !stopped; rounds++) await pause(10);
  return rounds;
}

export async function cancellable(): Promise<void> {
  const { reserveForLong } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 minute",
    heartbeatTimeout: "10s",
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  try {
    await reserveForLong();
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(compensate);
    throw error;
  }
}

/** Does as it is told; `wait` is for ever. */
export async function obedient(then: "wait" | "fail" | "end"): Promise<string> {
  if (then === "wait") await condition(() => false);
  if (then === "fail") throw ApplicationFailure.nonRetryable("as told", "ToldToFail", { order: 12 });
  return then;
}

export async function failing(): Promise<void> {
  await refuse();
}

export async function failOnce(): Promise<number> {
  const { attempt } = workflowInfo();
  if (attempt === 1) throw ApplicationFailure.retryable("the first run fails");
  return attempt;
}

export const go = defineSignal("go");

/** Runs one activity, then waits with another one in retry until it is let go. */
export async function observed(): Promise<string> {
  const { failForNow } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10s",
    retry: { initialInterval: "1 minute" },
  });
  let letGo = false;
  setHandler(go, () => {
    letGo = true;
  });
  await step(1);
  const retried = new CancellationScope();
  const waiting = retried.run(() => failForNow());
  // Handled from the start: it is rejected only below, by the cancellation.
  const ended = waiting.catch((error) => {
    if (!isCancellation(error)) throw error;
  });
  await condition(() => letGo);
  retried.cancel();
  await ended;
  return "seen";
}

export async function steps(rounds: number, width: number): Promise<number> {
  let total = 0;
  for (let round = 0; round < rounds; round++) {
    const results = await Promise.all(Array.from({ length: width }, (_, index) => step(round * width + index)));
    for (const result of results) total += result;
  }
  return total;
}

/** What a careless change of `steps` would be. */
export async function stepsInAnotherOrder(rounds: number, width: number): Promise<number> {
  await sleep("1s");
  return rounds * width;
}

export async function resumable(): Promise<{ attempt: number; resumedAt: number; processed: number }> {
  const { processItems } = proxyActivities<typeof activities>({
    startToCloseTimeout: "5 minutes",
    heartbeatTimeout: "10s",
    retry: { initialInterval: 100 },
  });
  return processItems(7);
}

export const receive = defineSignal<[number: number]>("receive");

export async function outlasting(rounds: number, signals: number): Promise<number[]> {
  const { mark } = proxyActivities<typeof activities>({ startToCloseTimeout: "2s", retry: { initialInterval: 100 } });
  const received: number[] = [];
  setHandler(receive, (number) => {
    received.push(number);
  });
  await condition(() => received.length > 0);
  for (let number = 0; number < rounds; number++) {
    await mark(number);
    await sleep(20);
  }
  await condition(() => received.length >= signals);
  return received;
}
