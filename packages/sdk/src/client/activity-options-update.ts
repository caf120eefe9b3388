/** What may be changed of an activity that runs: how it is paused, and its options. */
import type { activity, Init, workflowservice } from "@pawl/protocol";
import { type Duration, msOptionalToNumber } from "../value/duration.ts";
import type { Priority } from "../value/options.ts";
import { compileRetryPolicy, type RetryPolicy, retryPolicyOf } from "../value/retry-policy.ts";
import { compiledRetryPolicy, wireDuration, wireDurationMs, wireRetryPolicy } from "../value/wire.ts";

/** The reason is kept for descriptions. Default: none. */
export interface ActivityPauseOptions {
  reason?: string;
}

/** How a paused activity goes on. */
export interface ActivityUnpauseOptions {
  reason?: string;
  /** It starts at a random time within this. Default: at once. */
  jitter?: Duration;
}

/** What is left out stays as it is; `null` takes an option away, or back to its default. */
export interface ActivityOptionsUpdate {
  taskQueue?: string;
  scheduleToCloseTimeout?: Duration | null;
  scheduleToStartTimeout?: Duration | null;
  startToCloseTimeout?: Duration | null;
  heartbeatTimeout?: Duration | null;
  retry?: RetryPolicy | null;
  priority?: Priority | null;
  startDelay?: Duration | null;
}

/** The options as they are now; durations in milliseconds. */
export type ActivityOptionsUpdateResult = {
  [K in keyof ActivityOptionsUpdate]: Exclude<ActivityOptionsUpdate[K], null>;
};

const durationPaths = {
  scheduleToCloseTimeout: "schedule_to_close_timeout",
  scheduleToStartTimeout: "schedule_to_start_timeout",
  startToCloseTimeout: "start_to_close_timeout",
  heartbeatTimeout: "heartbeat_timeout",
  startDelay: "start_delay",
} as const satisfies Partial<Record<keyof ActivityOptionsUpdate, string>>;
type DurationName = keyof typeof durationPaths;
const durationNames = Object.keys(durationPaths) as DurationName[];

/** Throws `TypeError` naming the option at fault. */
export function activityUpdateRequest(
  options: ActivityOptionsUpdate,
): Pick<Init<workflowservice.UpdateActivityExecutionOptionsRequest>, "activityOptions" | "updateMask"> {
  const { taskQueue, retry, priority } = options;
  const paths: string[] = [];
  const activityOptions: Init<activity.ActivityOptions> = {};
  if (taskQueue !== undefined) {
    if (typeof taskQueue !== "string" || taskQueue === "") throw new TypeError("options.taskQueue is missing");
    paths.push("task_queue.name");
    activityOptions.taskQueue = { name: taskQueue };
  }
  for (const name of durationNames) {
    const duration = options[name];
    if (duration === undefined) continue;
    paths.push(durationPaths[name]);
    activityOptions[name] = wireDuration(msOptionalToNumber(duration ?? undefined, `options.${name}`));
  }
  if (retry !== undefined) {
    paths.push("retry_policy");
    activityOptions.retryPolicy = retry === null ? undefined : wireRetryPolicy(compileRetryPolicy(retry));
  }
  if (priority !== undefined) {
    paths.push("priority");
    activityOptions.priority = priority ?? undefined;
  }
  return { activityOptions, updateMask: { paths } };
}

export function activityOptionsOf(wire: activity.ActivityOptions | undefined): ActivityOptionsUpdateResult {
  const { taskQueue, priority } = wire ?? {};
  const retry = compiledRetryPolicy(wire?.retryPolicy);
  const result: ActivityOptionsUpdateResult = {};
  if (taskQueue?.name) result.taskQueue = taskQueue.name;
  for (const name of durationNames) {
    const durationMs = wireDurationMs(wire?.[name]);
    if (durationMs !== undefined) result[name] = durationMs;
  }
  if (retry) result.retry = retryPolicyOf(retry);
  if (priority) result.priority = priority;
  return result;
}
