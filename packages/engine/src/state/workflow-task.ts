import type { enums } from "@pawl/protocol";
import type { DeploymentVersion } from "./versioning.ts";

/**
 * A workflow task. `transient` = attempt ≥ 2, whose scheduled and started events are written only when it completes: its ids are those that
 * history would give next.
 */
export type WorkflowTask =
  | { readonly type: "none" }
  | {
      readonly type: "scheduled";
      readonly transient: boolean;
      /** Made for an update alone: known to memory only, and gone without a trace when the update is rejected. */
      readonly speculative: boolean;
      readonly scheduledEventId: number;
      readonly attempt: number;
      readonly stamp: number;
      readonly scheduledAtMs: number;
      /** First of a chain of workflow tasks that only keep a long local activity alive. */
      readonly originalScheduledAtMs: number;
      readonly timeoutMs: number;
      /** Set on a sticky queue: when to give up on it. */
      readonly scheduleToStartAtMs: number | null;
    }
  | {
      readonly type: "started";
      readonly transient: boolean;
      /** Made for an update alone: known to memory only, and gone without a trace when the update is rejected. */
      readonly speculative: boolean;
      readonly scheduledEventId: number;
      readonly startedEventId: number;
      readonly attempt: number;
      readonly stamp: number;
      readonly scheduledAtMs: number;
      readonly originalScheduledAtMs: number;
      readonly timeoutMs: number;
      readonly startedAtMs: number;
      readonly identity: string;
      readonly requestId: string;
      readonly historySizeBytes: number;
      readonly continueAsNewReasons: readonly enums.SuggestContinueAsNewReason[];
      /** Of the worker that has it. */
      readonly deploymentVersion?: DeploymentVersion | undefined;
      /** Its worker is told that the target version is another than the run's own. */
      readonly targetVersionChanged?: boolean;
    };

export interface Sticky {
  readonly queue: string;
  readonly scheduleToStartTimeoutMs: number;
}
