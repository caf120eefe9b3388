/** Retry policies: their defaults, and when the next attempt is due, by the rules of the reference server. */
import { type common, durationMs, enums, type failure, toDuration } from "@pawl/protocol";

/** A retry policy with every default filled in. Intervals are in milliseconds. */
export interface RetryPolicy {
  readonly initialIntervalMs: number;
  readonly backoffCoefficient: number;
  readonly maximumIntervalMs: number;
  /** 0 = no limit. */
  readonly maximumAttempts: number;
  readonly nonRetryableErrorTypes: readonly string[];
}

const defaultInitialIntervalMs = 1_000;
const defaultCoefficient = 2;
/** The default maximum interval is this many times the initial one. */
const maximumIntervalFactor = 100;

export function resolveRetryPolicy(policy: common.RetryPolicy | undefined): RetryPolicy {
  const initialIntervalMs = durationMs(policy?.initialInterval) || defaultInitialIntervalMs;
  return {
    initialIntervalMs,
    backoffCoefficient: policy?.backoffCoefficient || defaultCoefficient,
    maximumIntervalMs: durationMs(policy?.maximumInterval) || initialIntervalMs * maximumIntervalFactor,
    maximumAttempts: policy?.maximumAttempts ?? 0,
    nonRetryableErrorTypes: policy?.nonRetryableErrorTypes ?? [],
  };
}

/** The policy as messages carry it. */
export function wireRetryPolicy(policy: RetryPolicy): common.RetryPolicy {
  return {
    initialInterval: toDuration(policy.initialIntervalMs),
    backoffCoefficient: policy.backoffCoefficient,
    maximumInterval: toDuration(policy.maximumIntervalMs),
    maximumAttempts: policy.maximumAttempts,
    nonRetryableErrorTypes: [...policy.nonRetryableErrorTypes],
  };
}

/** Why a policy cannot be used, or undefined. */
export function retryPolicyProblem(policy: common.RetryPolicy | undefined): string | undefined {
  if (!policy) return undefined;
  if (policy.maximumAttempts === 1) return undefined;
  const initialMs = durationMs(policy.initialInterval);
  const maximumMs = durationMs(policy.maximumInterval);
  if (initialMs < 0) return "invalid InitialInterval set on retry policy: negative duration";
  if (policy.backoffCoefficient !== 0 && !(policy.backoffCoefficient >= 1))
    return "BackoffCoefficient cannot be less than 1 on retry policy.";
  if (maximumMs < 0) return "invalid MaximumInterval set on retry policy: negative duration";
  if (maximumMs > 0 && maximumMs < initialMs)
    return "MaximumInterval cannot be less than InitialInterval on retry policy.";
  if (policy.maximumAttempts < 0) return "MaximumAttempts cannot be negative on retry policy.";
  for (const type of policy.nonRetryableErrorTypes) {
    const timeout = type.startsWith(timeoutTypePrefix) ? type.slice(timeoutTypePrefix.length) : undefined;
    if (timeout !== undefined && !Object.values(timeoutNames).includes(timeout))
      return `Invalid timeout type value: ${timeout}.`;
  }
  return undefined;
}

const timeoutTypePrefix = "TemporalTimeout:";
const timeoutNames: Record<number, string> = {
  [enums.TimeoutType.START_TO_CLOSE]: "StartToClose",
  [enums.TimeoutType.SCHEDULE_TO_START]: "ScheduleToStart",
  [enums.TimeoutType.SCHEDULE_TO_CLOSE]: "ScheduleToClose",
  [enums.TimeoutType.HEARTBEAT]: "Heartbeat",
};

export function timeoutName(type: enums.TimeoutType): string {
  return timeoutNames[type] ?? "Unspecified";
}

export type RetryDecision =
  | { readonly retry: true; readonly delayMs: number }
  | { readonly retry: false; readonly state: enums.RetryState };

/**
 * Whether attempt `attempt`, which just failed, is followed by another. `expiresAtMs` 0 = the policy alone limits.
 * A delay that the failure itself asks for (`nextRetryDelay`) replaces the computed one and ignores the maximum interval.
 * What fails into a pause may always be tried again: whoever paused it decides when, and neither attempts nor time run out before.
 */
export function decideRetry(
  policy: RetryPolicy,
  state: { attempt: number; nowMs: number; expiresAtMs: number },
  cause: failure.Failure | undefined,
  paused = false,
): RetryDecision {
  if (!isRetryable(cause, policy.nonRetryableErrorTypes))
    return { retry: false, state: enums.RetryState.NON_RETRYABLE_FAILURE };
  if (paused) return { retry: true, delayMs: 0 };
  if (policy.maximumAttempts > 0 && state.attempt >= policy.maximumAttempts)
    return { retry: false, state: enums.RetryState.MAXIMUM_ATTEMPTS_REACHED };
  const asked = cause?.applicationFailureInfo?.nextRetryDelay;
  const delayMs = asked ? durationMs(asked) : intervalMs(policy, state.attempt);
  if (state.expiresAtMs > 0 && state.nowMs + delayMs > state.expiresAtMs)
    return { retry: false, state: enums.RetryState.TIMEOUT };
  return { retry: true, delayMs };
}

/** The pause after attempt `attempt` failed: initial × coefficient^(attempt-1), at most the maximum. */
export function intervalMs(policy: RetryPolicy, attempt: number): number {
  const grown = policy.initialIntervalMs * policy.backoffCoefficient ** Math.max(0, attempt - 1);
  return Number.isFinite(grown) && grown <= policy.maximumIntervalMs ? Math.round(grown) : policy.maximumIntervalMs;
}

function isRetryable(cause: failure.Failure | undefined, nonRetryableTypes: readonly string[]): boolean {
  if (!cause) return true;
  if (cause.terminatedFailureInfo || cause.canceledFailureInfo) return false;
  if (cause.timeoutFailureInfo) {
    const type = cause.timeoutFailureInfo.timeoutType;
    if (type !== enums.TimeoutType.START_TO_CLOSE && type !== enums.TimeoutType.HEARTBEAT) return false;
    return !nonRetryableTypes.includes(timeoutTypePrefix + timeoutName(type));
  }
  if (cause.serverFailureInfo) return !cause.serverFailureInfo.nonRetryable;
  if (cause.applicationFailureInfo) {
    const { nonRetryable, type } = cause.applicationFailureInfo;
    return !nonRetryable && !nonRetryableTypes.includes(type);
  }
  return true;
}
