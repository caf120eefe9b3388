/** Interceptors of clients, around calls about activities without a workflow. */
import type { Headers, Next } from "../value/interceptors.ts";
import type {
  ActivityExecutionDescription,
  ActivityExecutionInfo,
  CountActivityExecutions,
} from "./activity-description.ts";
import type { ActivityDescribeOptions, ActivityHandle } from "./activity-handle.ts";
import type { ActivityOptions } from "./activity-options.ts";
import type {
  ActivityOptionsUpdate,
  ActivityOptionsUpdateResult,
  ActivityPauseOptions,
  ActivityUnpauseOptions,
} from "./activity-options-update.ts";

/** What an interceptor of `start` sees, before the arguments become payloads; it may hand on another. Headers go to the activity. */
export interface ActivityStartInput {
  readonly activityType: string;
  readonly options: ActivityOptions;
  readonly headers: Headers;
}

/** Which activity's result is waited for. */
export interface ActivityGetResultInput {
  readonly activityId: string;
  /** Empty: the current run. */
  readonly activityRunId: string;
  readonly headers: Headers;
}
/** Which activity is described, and what the description should bring. */
export interface ActivityDescribeInput extends ActivityGetResultInput {
  readonly options: ActivityDescribeOptions;
}
/** Which activity is asked to end. The reason is "" when none was given. */
export interface ActivityCancelInput extends ActivityGetResultInput {
  readonly reason: string;
}
/** Which activity is ended without being asked. */
export type ActivityTerminateInput = ActivityCancelInput;

/** Which activity gets no further attempt for now. */
export interface ActivityPauseInput extends ActivityGetResultInput {
  readonly options: ActivityPauseOptions;
}
/** Which paused activity goes on, and within what time. */
export interface ActivityUnpauseInput extends ActivityGetResultInput {
  readonly options: ActivityUnpauseOptions;
}
/** What is changed of which activity's options; what is absent stays. */
export interface ActivityUpdateOptionsInput extends ActivityGetResultInput {
  readonly options: ActivityOptionsUpdate;
}
/** Which activity gets back the options that it was started with. */
export type ActivityRestoreOriginalOptionsInput = ActivityGetResultInput;

/** The query of a list; "" matches all. */
export interface ActivityListInput {
  readonly query: string;
  readonly headers: Headers;
}
/** The query of a count; "" matches all. */
export type ActivityCountInput = ActivityListInput;

/** Intercepts calls of an activity client. `next` calls the following interceptor, and after the last one the server. */
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
