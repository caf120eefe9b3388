/** What the workflows of `workflows.ts` call. `attempts`, `deeds` and `tokens` are how scenarios see what happened here. */
import { ApplicationFailure, activityInfo, CompleteAsyncError, heartbeat, sleep } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";

/** When each attempt of a workflow's activity began, in milliseconds of this process, by workflow id. */
export const attempts = new Map<string, number[]>();
/** What activities did, in order, by workflow id. */
export const deeds = new Map<string, string[]>();
/** Task tokens by workflow id and activity id. */
export const tokens = new Map<string, Uint8Array>();

export async function double(number: number): Promise<number> {
  return number * 2;
}

export async function failTwice(): Promise<number> {
  const attempt = noteAttempt();
  if (attempt < 3) throw ApplicationFailure.create({ message: `attempt ${attempt} fails`, type: "Flaky" });
  return attempt;
}

export async function reject(how: string): Promise<void> {
  noteAttempt();
  if (how === "non-retryable") throw ApplicationFailure.nonRetryable("no such account", "InvalidInput", { account: 7 });
  if (how === "by type") throw ApplicationFailure.retryable("listed by the policy", "NotFound");
  throw new RangeError("an ordinary error");
}

export async function hang(heartbeatFirst: boolean): Promise<void> {
  noteAttempt();
  if (heartbeatFirst) heartbeat("half way");
  await sleep(10_000);
}

export async function alwaysFail(): Promise<void> {
  throw ApplicationFailure.retryable("not today");
}

export async function localSquare(number: number): Promise<number> {
  if (!activityInfo().isLocal) throw ApplicationFailure.nonRetryable("the activity is not local");
  if (noteAttempt() === 1) throw ApplicationFailure.retryable("once more, locally");
  return number * number;
}

export async function requestHumanApproval(title: string): Promise<{ approved: boolean; approver: string }> {
  const { taskToken, workflowExecution } = activityInfo();
  tokens.set(`${workflowExecution?.workflowId}/${title}`, taskToken);
  throw new CompleteAsyncError();
}

export async function pause(ms: number): Promise<void> {
  await sleep(ms);
}

export async function reserveForLong(): Promise<void> {
  noteDeed("begun");
  try {
    for (;;) {
      heartbeat();
      await sleep(50);
    }
  } catch (error) {
    if (error instanceof CancelledFailure) noteDeed("cleaned up");
    throw error;
  }
}

export async function compensate(): Promise<void> {
  noteDeed("compensated");
}

export async function refuse(): Promise<void> {
  throw ApplicationFailure.create({
    message: "refused",
    type: "Refusal",
    nonRetryable: true,
    cause: ApplicationFailure.create({ message: "the root of it", type: "Root" }),
  });
}

export async function step(number: number): Promise<number> {
  return number;
}

export async function failForNow(): Promise<void> {
  throw ApplicationFailure.retryable("not yet", "NotYet");
}

/** The rounds that were marked, by workflow id. */
export const marked = new Map<string, number[]>();

export async function mark(number: number): Promise<number> {
  add(marked, activityInfo().workflowExecution?.workflowId, number);
  await sleep(50);
  return number;
}

export const items = 20;

export async function processItems(
  slowAfter: number,
): Promise<{ attempt: number; resumedAt: number; processed: number }> {
  const { attempt, heartbeatDetails } = activityInfo();
  const start: number = heartbeatDetails ?? 0;
  for (let index = start; index < items; index++) {
    // The first attempt never gets past `slowAfter`: its process is killed there.
    if (attempt === 1 && index >= slowAfter) await sleep(3_600_000);
    await sleep(20);
    heartbeat(index + 1);
  }
  return { attempt, resumedAt: start, processed: items - start };
}

function noteAttempt(): number {
  const { attempt, workflowExecution } = activityInfo();
  add(attempts, workflowExecution?.workflowId, performance.now());
  return attempt;
}

function noteDeed(deed: string): void {
  add(deeds, activityInfo().workflowExecution?.workflowId, deed);
}

function add<T>(map: Map<string, T[]>, workflowId: string | undefined, value: T): void {
  if (workflowId === undefined) throw new Error("the activity belongs to no workflow");
  map.set(workflowId, [...(map.get(workflowId) ?? []), value]);
}
