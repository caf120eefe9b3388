/** I15: that an activity is tried again is a consequence of its last failure, allowed by its policy, and not before the backoff is over. */
import { decideRetry } from "../backoff.ts";
import type { Attempts } from "../state/activity.ts";
import { Violation } from "./violation.ts";

/**
 * An operator who pauses, resets or changes an activity decides by himself when it is tried again: it has no last failure then. What a worker has
 * was decided before its options may have been changed.
 */
export function* checkAttempts(one: Attempts, name: string): Generator<Violation> {
  const { attempt, status, lastFailure, lastAttemptCompletedAtMs, options, paused } = one;
  if (!Number.isInteger(attempt) || attempt < 1) return yield new Violation("I15", `${name} has attempt ${attempt}`);
  if (status.type === "started" || !lastFailure || paused) return;
  if (attempt < 2) return yield new Violation("I15", `${name} has failed before its first attempt`);
  const state = { attempt: attempt - 1, nowMs: 0, expiresAtMs: 0 };
  const decision = decideRetry(options.retryPolicy, state, lastFailure);
  if (!decision.retry)
    return yield new Violation("I15", `attempt ${attempt} of ${name} is one that its policy does not allow`);
  // When an attempt has timed out is not kept, and of a failure that was cut short it is not known whether it asked for another delay.
  if (lastAttemptCompletedAtMs === null || lastFailure.serverFailureInfo) return;
  const earlyMs = lastAttemptCompletedAtMs + decision.delayMs - status.dispatchAtMs;
  if (earlyMs > 0) yield new Violation("I15", `attempt ${attempt} of ${name} is ${earlyMs} ms early`);
}
