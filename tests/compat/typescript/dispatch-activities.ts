/** What the workflows of `dispatch-workflows.ts` call. */
import { ApplicationFailure, activityInfo, Context, heartbeat, sleep } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";

/** When activities did something, in milliseconds of this process, by workflow id and what it was. */
const deedTimes = new Map<string, number[]>();

export function deedsOf(workflowId: string, deed: string): readonly number[] {
  return deedTimes.get(`${workflowId}/${deed}`) ?? [];
}

function note(deed: string): readonly number[] {
  const { workflowExecution } = activityInfo();
  const key = `${workflowExecution?.workflowId}/${deed}`;
  const times = [...(deedTimes.get(key) ?? []), performance.now()];
  deedTimes.set(key, times);
  return times;
}

/** What activities may do, as a workflow id and the deed: they wait for it, so that nothing hangs on who is faster. */
export const allowed = new Set<string>();

export async function cleanUpSlowly(): Promise<void> {
  note("begun");
  const workflowId = activityInfo().workflowExecution?.workflowId;
  try {
    while (!allowed.has(`${workflowId}/finished`)) {
      heartbeat();
      await sleep(100);
    }
    note("finished");
  } catch (error) {
    if (error instanceof CancelledFailure) {
      // The sleep of the SDK would be cancelled too.
      while (!allowed.has(`${workflowId}/cleaned up`)) await new Promise((resolve) => setTimeout(resolve, 100));
      note("cleaned up");
    }
    throw error;
  }
}

export async function askForDelay(): Promise<number> {
  if (note("tried").length === 1) {
    throw ApplicationFailure.create({ message: "not before a second from now", nextRetryDelay: "1s" });
  }
  return activityInfo().attempt;
}

export async function localNap(ms: number): Promise<number> {
  const naps = note("napped");
  await sleep(ms);
  return naps.length;
}

export async function localFlaky(): Promise<number> {
  if (note("tried").length === 1) throw ApplicationFailure.retryable("once more, much later");
  return activityInfo().attempt;
}

export async function tick(): Promise<void> {
  note("ticked");
}

export async function untilShutdown(): Promise<{ attempt: number; details: unknown }> {
  const { attempt, heartbeatDetails } = activityInfo();
  if (attempt > 1) return { attempt, details: heartbeatDetails };
  note("begun");
  try {
    return await Context.current().cancelled;
  } catch (error) {
    heartbeat("half way");
    throw ApplicationFailure.retryable(`cancelled: ${(error as Error).message}`);
  }
}
