/** One activity without a workflow: its result, and everything that can be said to it. */
import type { ActivityExecutionDescription } from "./activity-description.ts";
import type {
  ActivityOptionsUpdate,
  ActivityOptionsUpdateResult,
  ActivityPauseOptions,
  ActivityUnpauseOptions,
} from "./activity-options-update.ts";

/** What a description brings beside the rest. Default: none of it. */
export interface ActivityDescribeOptions {
  includeInput?: boolean;
  includeOutcome?: boolean;
  includeHeartbeatDetails?: boolean;
  includeLastFailure?: boolean;
}

/** An activity without a workflow: one that a client has started, or that is found by its id. */
export interface ActivityHandle<R = unknown> {
  readonly activityId: string;
  readonly runId: string | undefined;
  /** Throws `ActivityExecutionFailedError` with the reason as its cause. */
  result(): Promise<R>;
  describe(options?: ActivityDescribeOptions): Promise<ActivityExecutionDescription>;
  cancel(reason?: string): Promise<void>;
  terminate(reason?: string): Promise<void>;
  /** No further attempt starts; the one that runs hears of it with its next heartbeat. */
  pause(options?: ActivityPauseOptions): Promise<void>;
  unpause(options?: ActivityUnpauseOptions): Promise<void>;
  /** Gives all options as they are then. */
  updateOptions(options: ActivityOptionsUpdate): Promise<ActivityOptionsUpdateResult>;
  /** The options as at the activity's start. */
  restoreOriginalOptions(): Promise<ActivityOptionsUpdate>;
}

/** Which run of the id is meant. */
export interface GetActivityHandleOptions {
  /** Default: whichever run is current. */
  runId?: string;
}
