/** A report that a schedule asks for again and again. */
import { proxyActivities, workflowInfo } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { writeReport } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });

/** About the time that it was scheduled for, which a backfill may have put into the past. */
export async function report(kind: string): Promise<string> {
  const [scheduledFor] = workflowInfo().searchAttributes["TemporalScheduledStartTime"] ?? [];
  return await writeReport(kind, new Date(scheduledFor as Date).toISOString());
}
