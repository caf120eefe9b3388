/** What a workflow starts an operation of another service with. */
import type { Duration } from "../../value/duration.ts";

/** When an awaited operation throws in a scope that is cancelled. */
export const NexusOperationCancellationType = {
  /** Asks nobody; the caller's wait ends at once. */
  ABANDON: "ABANDON",
  /** Asks for the end and does not wait for anything. */
  TRY_CANCEL: "TRY_CANCEL",
  /** Waits until the handler has been told. */
  WAIT_CANCELLATION_REQUESTED: "WAIT_CANCELLATION_REQUESTED",
  /** Waits until the operation has ended, whichever way. */
  WAIT_CANCELLATION_COMPLETED: "WAIT_CANCELLATION_COMPLETED",
} as const;
export type NexusOperationCancellationType =
  (typeof NexusOperationCancellationType)[keyof typeof NexusOperationCancellationType];

/** How long an operation may take, and what its cancellation waits for. */
export interface StartNexusOperationOptions {
  /** From being scheduled to its end. Default: no limit but the server's. */
  readonly scheduleToCloseTimeout?: Duration;
  /** From being scheduled to its start, or its end when it ends at once. */
  readonly scheduleToStartTimeout?: Duration;
  /** From its start to its end. */
  readonly startToCloseTimeout?: Duration;
  /** Default: `WAIT_CANCELLATION_COMPLETED`. */
  readonly cancellationType?: NexusOperationCancellationType;
  /** One line that user interfaces show. */
  readonly summary?: string;
}
