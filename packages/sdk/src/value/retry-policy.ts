/** How often and how fast something is tried again. Every field has the server's default: 1 s, ×2, up to 100 × the first interval, without end. */
import { type Duration, msOptionalToNumber } from "./duration.ts";
import { ValueError } from "./errors.ts";

/** For activities and workflows alike. A wrong field is refused with a `ValueError` that names it. */
export interface RetryPolicy {
  /** Interval before the second attempt. Default: 1 second. */
  initialInterval?: Duration;
  /** Each interval is the one before times this. At least 1. Default: 2. */
  backoffCoefficient?: number;
  /** Default: 100 × `initialInterval`. */
  maximumInterval?: Duration;
  /** Attempts in all, the first included; `Number.POSITIVE_INFINITY` or absent means without end. */
  maximumAttempts?: number;
  /** Types of `ApplicationFailure`, and names of errors, that are not tried again. */
  nonRetryableErrorTypes?: string[];
}

/** A checked policy in plain numbers: what crosses the sandbox and becomes a message at its edge. Zero means the server's default. */
export interface CompiledRetryPolicy {
  initialIntervalMs: number;
  backoffCoefficient: number;
  maximumIntervalMs: number;
  maximumAttempts: number;
  nonRetryableErrorTypes: string[];
}

/** Throws `ValueError` naming the option at fault. */
export function compileRetryPolicy(policy: RetryPolicy): CompiledRetryPolicy {
  const { backoffCoefficient, maximumAttempts, nonRetryableErrorTypes } = policy;
  if (backoffCoefficient !== undefined && !(backoffCoefficient >= 1)) {
    throw new ValueError("RetryPolicy.backoffCoefficient must be at least 1");
  }
  const endless = maximumAttempts === undefined || maximumAttempts === Number.POSITIVE_INFINITY;
  if (!endless && !(Number.isInteger(maximumAttempts) && maximumAttempts >= 1)) {
    throw new ValueError("RetryPolicy.maximumAttempts must be a whole number of at least 1");
  }
  const initialIntervalMs = msOptionalToNumber(policy.initialInterval, "RetryPolicy.initialInterval");
  const maximumIntervalMs = msOptionalToNumber(policy.maximumInterval, "RetryPolicy.maximumInterval");
  if (initialIntervalMs === 0) throw new ValueError("RetryPolicy.initialInterval must be more than 0");
  if (maximumIntervalMs === 0) throw new ValueError("RetryPolicy.maximumInterval must be more than 0");
  if (maximumIntervalMs !== undefined && maximumIntervalMs < (initialIntervalMs ?? 1_000)) {
    throw new ValueError("RetryPolicy.maximumInterval must not be less than its initialInterval");
  }
  return {
    initialIntervalMs: initialIntervalMs ?? 1_000,
    backoffCoefficient: backoffCoefficient ?? 0,
    maximumIntervalMs: maximumIntervalMs ?? 0,
    maximumAttempts: endless ? 0 : maximumAttempts,
    nonRetryableErrorTypes: nonRetryableErrorTypes ?? [],
  };
}

/** A policy of the wire as its user would write it. */
export function retryPolicyOf(policy: CompiledRetryPolicy): RetryPolicy {
  return {
    ...(policy.initialIntervalMs > 0 ? { initialInterval: policy.initialIntervalMs } : {}),
    ...(policy.backoffCoefficient > 0 ? { backoffCoefficient: policy.backoffCoefficient } : {}),
    ...(policy.maximumIntervalMs > 0 ? { maximumInterval: policy.maximumIntervalMs } : {}),
    ...(policy.maximumAttempts > 0 ? { maximumAttempts: policy.maximumAttempts } : {}),
    nonRetryableErrorTypes: [...policy.nonRetryableErrorTypes],
  };
}

/** Milliseconds until the attempt after `attempt` (1 = the first). */
export function nextIntervalMs(policy: CompiledRetryPolicy, attempt: number): number {
  const initialMs = policy.initialIntervalMs || 1_000;
  const maximumMs = policy.maximumIntervalMs || initialMs * 100;
  return Math.min(initialMs * (policy.backoffCoefficient || 2) ** (attempt - 1), maximumMs);
}
