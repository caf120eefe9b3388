/** The service of this example: it takes a job and is done with it some time later. */
const jobMs = 1_500;
const startedAtMs = new Map<string, number>();

export type JobState = { type: "printing" } | { type: "done"; result: string };

/** The same job twice is one job. */
export function submitJob(jobId: string): void {
  if (!startedAtMs.has(jobId)) startedAtMs.set(jobId, Date.now());
}

export function jobState(jobId: string): JobState {
  const startedAt = startedAtMs.get(jobId);
  if (startedAt === undefined) throw new Error(`there is no job ${jobId}`);
  return Date.now() - startedAt < jobMs ? { type: "printing" } : { type: "done", result: `${jobId} is printed` };
}
