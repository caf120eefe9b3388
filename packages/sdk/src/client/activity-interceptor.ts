/** Interceptors of clients, around calls about activities without a workflow. */
import type { Headers, Next } from "../value/interceptors.ts";
import type { ActivityDescribeOptions, ActivityHandle, ActivityOptions } from "./activity-client.ts";
import type {
  ActivityExecutionDescription,
  ActivityExecutionInfo,
  CountActivityExecutions,
} from "./activity-description.ts";
import type {
  ActivityOptionsUpdate,
  ActivityOptionsUpdateResult,
  ActivityPauseOptions,
  ActivityUnpauseOptions,
} from "./activity-options-update.ts";

export interface ActivityStartInput {
  readonly activityType: string;
  readonly options: ActivityOptions;
  readonly headers: Headers;
}

export interface ActivityGetResultInput {
  readonly activityId: string;
  /** Empty: the current run. */
  readonly activityRunId: string;
  readonly headers: Headers;
}
export interface ActivityDescribeInput extends ActivityGetResultInput {
  readonly options: ActivityDescribeOptions;
}
export interface ActivityCancelInput extends ActivityGetResultInput {
  readonly reason: string;
}
export type ActivityTerminateInput = ActivityCancelInput;

export interface ActivityPauseInput extends ActivityGetResultInput {
  readonly options: ActivityPauseOptions;
}
export interface ActivityUnpauseInput extends ActivityGetResultInput {
  readonly options: ActivityUnpauseOptions;
}
export interface ActivityUpdateOptionsInput extends ActivityGetResultInput {
  readonly options: ActivityOptionsUpdate;
}
export type ActivityRestoreOriginalOptionsInput = ActivityGetResultInput;

export interface ActivityListInput {
  readonly query: string;
  readonly headers: Headers;
}
export type ActivityCountInput = ActivityListInput;

export interface ActivityClientInterceptor {
  start?: (input: ActivityStartInput, next: Next<ActivityClientInterceptor, "start">) => Promise<ActivityHandle>;
  getResult?: (input: ActivityGetResultInput, next: Next<ActivityClientInterceptor, "getResult">) => Promise<unknown>;
  describe?: (
    input: ActivityDescribeInput,
    next: Next<ActivityClientInterceptor, "describe">,
  ) => Promise<ActivityExecutionDescription>;
  cancel?: (input: ActivityCancelInput, next: Next<ActivityClientInterceptor, "cancel">) => Promise<void>;
  terminate?: (input: ActivityTerminateInput, next: Next<ActivityClientInterceptor, "terminate">) => Promise<void>;
  pause?: (input: ActivityPauseInput, next: Next<ActivityClientInterceptor, "pause">) => Promise<void>;
  unpause?: (input: ActivityUnpauseInput, next: Next<ActivityClientInterceptor, "unpause">) => Promise<void>;
  updateOptions?: (
    input: ActivityUpdateOptionsInput,
    next: Next<ActivityClientInterceptor, "updateOptions">,
  ) => Promise<ActivityOptionsUpdateResult>;
  restoreOriginalOptions?: (
    input: ActivityRestoreOriginalOptionsInput,
    next: Next<ActivityClientInterceptor, "restoreOriginalOptions">,
  ) => Promise<ActivityOptionsUpdate>;
  list?: (
    input: ActivityListInput,
    next: Next<ActivityClientInterceptor, "list">,
  ) => AsyncIterable<ActivityExecutionInfo>;
  count?: (
    input: ActivityCountInput,
    next: Next<ActivityClientInterceptor, "count">,
  ) => Promise<CountActivityExecutions>;
}
