/** A person decides. The activity only asks; whoever has the link, or the task token, completes it days later. */
import { ActivityFailure, log, proxyActivities, TimeoutFailure } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Expense {
  title: string;
  amount: number;
}

export interface Decision {
  approved: boolean;
  approver?: string;
}

// People take days, and send no heartbeats.
const { requestApproval } = proxyActivities<typeof activities>({
  startToCloseTimeout: "7 days",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

const { payOut } = proxyActivities<typeof activities>({ startToCloseTimeout: "30 seconds" });

export async function expense(request: Expense): Promise<string> {
  const { approved, approver = "somebody" } = await decide(request);
  log.info("decided", { approved, approver });
  if (!approved) return `refused by ${approver}`;
  return `${await payOut(request)}, approved by ${approver}`;
}

async function decide(request: Expense): Promise<Decision> {
  try {
    return await requestApproval(request);
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure) {
      return { approved: false, approver: "nobody in time" };
    }
    throw error;
  }
}
