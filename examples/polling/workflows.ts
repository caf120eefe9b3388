/** Three ways to wait for a service that does not call back. Which one fits depends on how often it has to be asked, and for how long. */
import { continueAsNew, executeChild, log, proxyActivities, sleep, workflowInfo } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

/** Many times a second or a minute: one activity asks in a loop. Its heartbeat shows that it lives. */
const frequent = proxyActivities<typeof activities>({ startToCloseTimeout: "1 hour", heartbeatTimeout: "5 seconds" });

/** Seldom: each attempt asks once, and the server's retry timer is the pause. The history does not grow. */
const infrequent = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 seconds",
  retry: { initialInterval: "400 milliseconds", backoffCoefficient: 1 },
});

/** In the workflow itself: asked by an ordinary activity with the usual retries, so that pauses and questions may change as it goes. */
const sequence = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

const asksPerRun = 3;

export type Way = "frequent" | "infrequent" | "sequence";

export async function print(way: Way): Promise<string> {
  const jobId = await sequence.submit(workflowInfo().workflowId);
  switch (way) {
    case "frequent":
      return await frequent.pollUntilDone(jobId, 100);
    case "infrequent":
      return await infrequent.askOnce(jobId);
    case "sequence":
      return await executeChild(pollSequence, { args: [jobId, 100] });
    default:
      return way satisfies never;
  }
}

/** A child, because it continues as new before its history grows long, and its parent need not know. */
export async function pollSequence(jobId: string, pauseMs: number): Promise<string> {
  let waitMs = pauseMs;
  for (let asked = 0; asked < asksPerRun; asked++) {
    const state = await sequence.stateOf(jobId);
    if (state.type === "done") return state.result;
    await sleep(waitMs);
    waitMs *= 1.2;
  }
  log.info("still printing, in a new run", { jobId, waitMs });
  return await continueAsNew<typeof pollSequence>(jobId, waitMs);
}
