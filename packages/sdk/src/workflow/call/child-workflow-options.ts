/** What a workflow starts another one with. */
import type { BaseWorkflowOptions } from "../../value/options.ts";

/** What happens to a child that is open when its parent closes. */
export const ParentClosePolicy = {
  TERMINATE: "TERMINATE",
  ABANDON: "ABANDON",
  REQUEST_CANCEL: "REQUEST_CANCEL",
} as const;
export type ParentClosePolicy = (typeof ParentClosePolicy)[keyof typeof ParentClosePolicy];

/** When an awaited child throws `ChildWorkflowFailure`, with a `CancelledFailure` as cause, in a scope that is cancelled. */
export const ChildWorkflowCancellationType = {
  /** At once; the child hears nothing of it. */
  ABANDON: "ABANDON",
  /** At once; the child is asked to end. */
  TRY_CANCEL: "TRY_CANCEL",
  /** When the child has ended. */
  WAIT_CANCELLATION_COMPLETED: "WAIT_CANCELLATION_COMPLETED",
  /** When the request has reached the child. */
  WAIT_CANCELLATION_REQUESTED: "WAIT_CANCELLATION_REQUESTED",
} as const;
export type ChildWorkflowCancellationType =
  (typeof ChildWorkflowCancellationType)[keyof typeof ChildWorkflowCancellationType];

/** Options of a child workflow. Timeouts have the same defaults as for a workflow that a client starts. */
export interface ChildWorkflowOptions extends BaseWorkflowOptions {
  /** Default: a UUID that is the same when replayed. */
  workflowId?: string;
  /** Default: this workflow's. */
  taskQueue?: string;
  /** Default: `WAIT_CANCELLATION_COMPLETED`. */
  cancellationType?: ChildWorkflowCancellationType;
  /** Default: `TERMINATE`. */
  parentClosePolicy?: ParentClosePolicy;
}
