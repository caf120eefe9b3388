/** Effects on a ledger that no fault reaches: a file to which each attempt of an effect adds its key as a line. */
import { appendFileSync } from "node:fs";
import { activityInfo, CompleteAsyncError } from "@temporalio/activity";

export interface Activities {
  /** Has its effect once per workflow and step, however often it is tried. */
  apply(step: string): Promise<string>;
  /** Completed from outside. */
  approve(): Promise<string>;
}

export function createActivities(ledger: string): Activities {
  return {
    async apply(step) {
      const key = `${activityInfo().workflowExecution?.workflowId}/${step}`;
      appendFileSync(ledger, `${key}\n`);
      return key;
    },
    async approve() {
      throw new CompleteAsyncError();
    },
  };
}
