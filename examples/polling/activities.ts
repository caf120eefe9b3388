import { ApplicationFailure, activityInfo, heartbeat, log, sleep } from "@pawl/sdk/activity";
import { ApplicationFailureCategory } from "@pawl/sdk/common";
import { type JobState, jobState, submitJob } from "./printer.ts";

export async function submit(jobId: string): Promise<string> {
  submitJob(jobId);
  return jobId;
}

export async function stateOf(jobId: string): Promise<JobState> {
  return jobState(jobId);
}

export async function pollUntilDone(jobId: string, pauseMs: number): Promise<string> {
  for (let asked = 1; ; asked++) {
    const state = jobState(jobId);
    if (state.type === "done") {
      log.info("done", { jobId, asked });
      return state.result;
    }
    heartbeat({ asked });
    await sleep(pauseMs);
  }
}

export async function askOnce(jobId: string): Promise<string> {
  const state = jobState(jobId);
  if (state.type === "done") {
    log.info("done", { jobId, attempt: activityInfo().attempt });
    return state.result;
  }
  // To be expected, so neither logged nor counted as an error.
  throw ApplicationFailure.create({
    ...{ message: "not printed yet", type: "NotYet" },
    category: ApplicationFailureCategory.BENIGN,
  });
}
