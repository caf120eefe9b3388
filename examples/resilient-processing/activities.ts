import { ApplicationFailure, activityInfo, sleep } from "@pawl/sdk/activity";

/** A service that misbehaves in every way there is, by the record's name. */
export async function processRecord(record: string): Promise<{ attempt: number }> {
  const { attempt } = activityInfo();
  const kind = record.split("-")[0];
  // Any error is tried again, by the retry policy.
  if (kind === "flaky" && attempt < 3) throw new Error("connection reset");
  if (kind === "down") throw new Error("service unavailable");
  // The service says when to come back; that is better than the policy's guess.
  if (kind === "busy" && attempt === 1) {
    throw ApplicationFailure.create({
      message: "rate limit",
      type: "TooManyRequests",
      nextRetryDelay: "300 milliseconds",
    });
  }
  // The activity knows that trying again is of no use,
  if (kind === "invalid") throw ApplicationFailure.nonRetryable("a field is missing", "InvalidRecord", { record });
  // or the workflow knows, by nonRetryableErrorTypes.
  if (kind === "huge") throw new RangeError("the amount is out of range");
  // An attempt that hangs is ended by its timeout, and tried again.
  if (kind === "slow" && attempt === 1) await sleep("1 minute");
  return { attempt };
}
