/** What the workflows of `pattern-workflows.ts` call. `deeds` and `tokens` are how scenarios see what happened here. */
import { ApplicationFailure, activityInfo, CompleteAsyncError, Context, heartbeat, sleep } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";

/** What activities did, in order, by workflow id. */
export const deeds = new Map<string, string[]>();
/** Task tokens by workflow id. */
export const tokens = new Map<string, Uint8Array>();

/** How often this was done before for the same workflow. */
function note(deed: string): number {
  const done = deeds.get(workflowId()) ?? [];
  deeds.set(workflowId(), [...done, deed]);
  return done.filter((each) => each === deed).length;
}

function workflowId(): string {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) throw new Error("the activity belongs to no workflow");
  return workflowExecution.workflowId;
}

/** The activity, heartbeating ten times in each heartbeat timeout for as long as it runs; it need not know of that. */
function autoHeartbeat<A extends unknown[], R>(run: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    const context = Context.current();
    const beating = setInterval(() => context.heartbeat("beating"), (context.info.heartbeatTimeoutMs ?? 60_000) / 10);
    return run(...args).finally(() => clearInterval(beating));
  };
}

export const sleepUnaware = autoHeartbeat(async (ms: number): Promise<string> => {
  note("begun");
  try {
    await sleep(ms);
  } catch (error) {
    if (error instanceof CancelledFailure) note("cancelled");
    throw error;
  }
  return "slept";
});

export async function workUntilDeadline(items: number): Promise<{ done: number; whole: boolean }> {
  const { currentAttemptScheduledTimestampMs, startToCloseTimeoutMs } = activityInfo();
  const deadlineMs = currentAttemptScheduledTimestampMs + startToCloseTimeoutMs;
  let done = 0;
  while (done < items && deadlineMs - Date.now() > 5_000) {
    await sleep(100);
    heartbeat(++done);
  }
  return { done, whole: done === items };
}

export interface Order {
  readonly orderId: string;
  readonly amount: number;
}

export async function validateQuickly({ amount }: Order): Promise<string> {
  note("validated locally");
  if (amount < 0) throw ApplicationFailure.nonRetryable("no amount can be negative", "InvalidOrder");
  if (amount > 1_000) throw ApplicationFailure.retryable("too much for a quick look");
  return "valid";
}

export async function validateThoroughly(_order: Order): Promise<string> {
  note("validated remotely");
  if (activityInfo().isLocal) throw ApplicationFailure.nonRetryable("the fallback is a local activity");
  return "valid after all";
}

export async function processPayment({ orderId }: Order): Promise<string> {
  note("paid");
  return `${orderId} paid`;
}

export interface Decision {
  readonly approved: boolean;
  readonly approver: string;
}

export async function notifyRequestCreated(title: string): Promise<void> {
  note(`asked for ${title}`);
}

export async function awaitDecision(_title: string): Promise<Decision> {
  tokens.set(workflowId(), activityInfo().taskToken);
  throw new CompleteAsyncError();
}

export async function executeApproved(title: string): Promise<void> {
  note(`did ${title}`);
}

export async function pollOften(): Promise<string> {
  while (note("polled") < 4) {
    heartbeat();
    await sleep(50);
  }
  return "ready";
}

export async function pollOnce(): Promise<string> {
  if (note("polled") < 3) throw ApplicationFailure.retryable("not ready yet", "NotReady");
  return "ready";
}

export async function look(): Promise<boolean> {
  return note("polled") === 4;
}

export async function book(what: string): Promise<void> {
  note(`book ${what}`);
  if (what === "car") throw ApplicationFailure.nonRetryable("no cars left", "SoldOut");
}

export async function cancelBooking(what: string): Promise<void> {
  // A compensation is retried until it succeeds.
  if (note(`cancel ${what}`) === 0) throw ApplicationFailure.retryable("try again");
}

export async function callExternal(request: string): Promise<{ found: boolean }> {
  const earlier = note(request);
  if (request === "rate limited" && earlier < 2) throw ApplicationFailure.retryable("too many requests", "RateLimit");
  if (request === "invalid") throw ApplicationFailure.nonRetryable("Invalid input: no id", "InvalidInput");
  return { found: request !== "unknown" };
}
