/**
 * Requests to somebody outside the shard: the handler of a Nexus operation, whoever wants to know how a run ended. The run keeps what it asks for
 * until there is an answer for good, so that a crash loses none; one that was answered may be made again, and the asked recognise it.
 */
import type { common, failure } from "@pawl/protocol";
import { intervalMs, type RetryPolicy } from "./backoff.ts";
import type { Sender } from "./state/execution.ts";
import type { CallAttempts, NexusOperation } from "./state/outside-call.ts";

/** Who asks for it, and for which time: the answer names both. */
interface CallHead {
  readonly from: Sender;
  readonly attempt: number;
}

/** What both requests about an operation say. */
interface NexusCall extends CallHead, OfOperation {
  /** Later the answer is of no use. null = no time was set. */
  readonly untilMs: number | null;
}

/** `scheduled` only when memory still has what the scheduled event holds. */
type OfOperation = Readonly<
  Pick<
    NexusOperation,
    "scheduledEventId" | "endpoint" | "endpointId" | "service" | "operation" | "requestId" | "scheduled"
  >
>;

export type Call =
  | (NexusCall & {
      readonly type: "startNexusOperation";
      /** What the handler is told of the time it has, from the moment of the request; `atMs` bounds it. */
      readonly timeout: { readonly startToCloseMs: number; readonly closeAtMs: number | null };
    })
  | (NexusCall & { readonly type: "cancelNexusOperation"; readonly operationToken: string })
  /** Tell of the run's end; the closing event says what it was. */
  | (CallHead & {
      readonly type: "completionCallback";
      readonly callbackId: number;
      readonly callback: common.Callback;
      readonly attachedRequestId: string;
      readonly closedEventId: number;
      readonly startedAtMs: number;
      readonly closedAtMs: number;
    });

export type CallEffect = { readonly type: "call"; readonly call: Call };

/** Why an attempt came to nothing. */
export interface CallFailure {
  readonly retryable: boolean;
  readonly failure: failure.Failure;
}

/** CallAttempts go on for ever: what bounds them is the operation's own time, or the run's retention. */
const retryPolicy: RetryPolicy = {
  initialIntervalMs: 1_000,
  backoffCoefficient: 2,
  maximumIntervalMs: 3_600_000,
  maximumAttempts: 0,
  nonRetryableErrorTypes: [],
};

export function noAttempts(): CallAttempts {
  return { attempt: 0, lastAttemptCompletedAtMs: null, lastFailure: undefined };
}

/** An attempt is over. */
export function countAttempt(attempts: CallAttempts, nowMs: number, lastFailure: failure.Failure | undefined): void {
  attempts.attempt += 1;
  attempts.lastAttemptCompletedAtMs = nowMs;
  attempts.lastFailure = lastFailure;
}

/** When the attempt after the one that has just failed is due. */
export function nextAttemptAtMs({ attempt }: CallAttempts, nowMs: number): number {
  return nowMs + intervalMs(retryPolicy, attempt);
}
