/** Activities of the SDK's tests. What they did is seen by the tests, which run in the same process. */
import {
  ApplicationFailure,
  activityInfo,
  CompleteAsyncError,
  Context,
  getRemainingTime,
  heartbeat,
  sleep,
} from "@pawl/sdk/activity";

export interface Seen {
  readonly attempts: string[];
  readonly cancelled: string[];
  readonly tokens: Uint8Array[];
}
export const seen: Seen = { attempts: [], cancelled: [], tokens: [] };

export async function greet(name: string): Promise<string> {
  return `Hello, ${name}!`;
}

/** Fails until it is tried for the third time. */
export async function failTwice(name: string): Promise<string> {
  const { attempt, workflowExecution } = activityInfo();
  seen.attempts.push(`${workflowExecution.workflowId} ${attempt}`);
  if (attempt < 3) throw new Error(`attempt ${attempt} fails`);
  return `${name} at attempt ${attempt}`;
}

export async function failForGood(): Promise<never> {
  const cause = new TypeError("the root of it");
  throw ApplicationFailure.create({
    message: "no way",
    type: "NoWay",
    nonRetryable: true,
    details: [{ code: 7 }, "x"],
    cause,
  });
}

export async function echo(...values: unknown[]): Promise<unknown[]> {
  return values;
}

export async function nothing(): Promise<void> {}

export async function bytes(): Promise<Uint8Array> {
  return new Uint8Array([0, 1, 255]);
}

/** Heartbeats until it is cancelled; then says so. */
export async function untilCancelled(): Promise<never> {
  const { workflowExecution } = activityInfo();
  try {
    for (let beat = 1; ; beat++) {
      heartbeat({ beat });
      await sleep(50);
    }
  } catch (error) {
    const { cancellationDetails } = Context.current();
    seen.cancelled.push(`${workflowExecution.workflowId} ${cancellationDetails?.cancelRequested}`);
    throw error;
  }
}

/** Leaves its progress in heartbeats, and fails once in the middle. */
export async function resume(total: number): Promise<{ from: number; total: number }> {
  const { heartbeatDetails, attempt } = activityInfo();
  const from = (heartbeatDetails as number | undefined) ?? 0;
  for (let at = from; at < total; at++) {
    heartbeat(at + 1);
    if (attempt === 1 && at + 1 === 5) throw new Error("interrupted");
  }
  return { from, total };
}

export async function completeElsewhere(): Promise<string> {
  seen.tokens.push(activityInfo().taskToken);
  throw new CompleteAsyncError();
}

export async function remaining(): Promise<{ remainingMs: number; deadlineIn: number }> {
  const { deadline } = Context.current();
  return { remainingMs: getRemainingTime(), deadlineIn: (deadline?.getTime() ?? 0) - Date.now() };
}

export async function tooLong(): Promise<void> {
  await sleep("1 minute");
}

/** Waits until the worker says that it stops, and saves what it has. */
export async function untilShutdown(): Promise<string> {
  const { workerShutdown } = Context.current();
  await new Promise<void>((resolve) => {
    if (workerShutdown.aborted) resolve();
    workerShutdown.addEventListener("abort", () => resolve(), { once: true });
  });
  return "saved";
}

export async function wait(milliseconds: number): Promise<string> {
  await sleep(milliseconds);
  return `waited ${milliseconds}`;
}
