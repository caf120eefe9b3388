/** A batch of records, each with its own luck. What may help is tried again, what cannot help is not, and one bad record does not stop the others. */
import { ActivityFailure, ApplicationFailure, proxyActivities, RetryState, TimeoutFailure } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { processRecord } = proxyActivities<typeof activities>({
  // One attempt that hangs ends here,
  startToCloseTimeout: "1 second",
  // and all attempts together here, whatever the retry policy still allows.
  scheduleToCloseTimeout: "30 seconds",
  retry: {
    initialInterval: "50 milliseconds",
    backoffCoefficient: 2,
    maximumInterval: "1 second",
    maximumAttempts: 4,
    // Errors that know nothing of workflows are told apart by their names.
    nonRetryableErrorTypes: ["RangeError"],
  },
});

export interface Outcome {
  record: string;
  result: string;
  /** Of the attempt that succeeded, or why there is none. */
  why: string;
}

export async function processBatch(records: string[]): Promise<Outcome[]> {
  return await Promise.all(
    records.map(async (record) => {
      try {
        const { attempt } = await processRecord(record);
        return { record, result: "processed", why: `attempt ${attempt}` };
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
        return { record, result: resultOf(error), why: whyOf(error.cause) };
      }
    }),
  );
}

/** Rejected: trying again would not have helped. Given up: it might have. */
function resultOf({ retryState }: ActivityFailure): string {
  return retryState === RetryState.NON_RETRYABLE_FAILURE ? "rejected" : "given up";
}

function whyOf(cause: Error | undefined): string {
  if (cause instanceof ApplicationFailure) return `${cause.type}: ${cause.message}`;
  if (cause instanceof TimeoutFailure) return `timeout: ${cause.timeoutType}`;
  return String(cause);
}
