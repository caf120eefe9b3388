/**
 * What operators do to pending activities: pause, unpause, reset, change options. No history is written for any of it.
 *
 *   O1. A paused activity is not given to workers and its waiting has no deadline; an attempt that runs may finish, and fails into the pause.
 *   O2. Whatever changes when or whether an activity may start makes earlier dispatches of it void.
 */
import { type activity as api, durationMs, type Init, toDuration } from "@pawl/protocol";
import { activityTaskOf, resolveTimeouts } from "./activity.ts";
import { resolveRetryPolicy, retryPolicyProblem, wireRetryPolicy } from "./backoff.ts";
import { Rejection } from "./rejection.ts";
import { type Activity, type ActivityOptions, isOpen, type Run, touchActivity } from "./run.ts";
import type { Step } from "./step.ts";

/** One activity by its id, all of a type, or all. */
export interface Selection {
  readonly activityId?: string | undefined;
  readonly activityType?: string | undefined;
  readonly all?: boolean | undefined;
}

function select(run: Run, { activityId: id, activityType: type, all }: Selection): Activity[] | Rejection {
  if (!isOpen(run)) return new Rejection("NOT_FOUND", "workflow execution already completed");
  const chosen = all
    ? [...run.activities.values()]
    : [...run.activities.values()].filter((one) =>
        id === undefined ? one.activityType === type : one.activityId === id,
      );
  if (chosen.length === 0 && !all) {
    return new Rejection(
      "NOT_FOUND",
      id === undefined ? `no pending activity has type ${type}` : `cannot find pending activity with ActivityID ${id}`,
    );
  }
  return chosen;
}

export interface Pause extends Selection {
  readonly identity: string;
  readonly reason: string;
  readonly requestId: string;
}

export function pauseActivities(run: Run, step: Step, command: Pause): Record<never, never> | Rejection {
  const { identity, reason, requestId } = command;
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  const already = chosen.find(({ paused }) => paused && (requestId === "" || paused.requestId !== requestId));
  if (already && command.activityId !== undefined)
    return new Rejection("FAILED_PRECONDITION", `activity ${already.activityId} is already paused`);
  for (const one of chosen) {
    if (one.paused) continue;
    one.paused = { atMs: step.nowMs, identity, reason, requestId };
    if (one.status.type !== "started") one.stamp += 1;
    touchActivity(run, one);
  }
  return {};
}

export interface Unpause extends Selection {
  readonly resetAttempts: boolean;
  readonly resetHeartbeat: boolean;
  /** How long the activity waits before it may start; drawn by the caller. */
  readonly delayMs: number;
}

export function unpauseActivities(run: Run, step: Step, command: Unpause): Record<never, never> | Rejection {
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  for (const one of chosen) {
    if (!one.paused) continue;
    one.paused = null;
    if (command.resetAttempts) one.attempt = 1;
    if (command.resetHeartbeat) clearHeartbeat(one);
    if (one.status.type === "started") touchActivity(run, one);
    else reschedule(run, step, one, command.delayMs);
  }
  return {};
}

export interface Reset extends Selection {
  readonly resetHeartbeat: boolean;
  readonly keepPaused: boolean;
  readonly restoreOriginalOptions: boolean;
  readonly delayMs: number;
}

/** Back to the first attempt: at once when no worker runs it, otherwise when the running attempt fails. */
export function resetActivities(run: Run, step: Step, command: Reset): Record<never, never> | Rejection {
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  for (const one of chosen) {
    if (command.restoreOriginalOptions) restoreOptions(one);
    if (one.paused && !command.keepPaused) one.paused = null;
    if (one.status.type === "started") {
      one.reset = { heartbeat: command.resetHeartbeat };
      touchActivity(run, one);
      continue;
    }
    one.attempt = 1;
    if (command.resetHeartbeat) clearHeartbeat(one);
    reschedule(run, step, one, command.delayMs);
  }
  return {};
}

function clearHeartbeat(one: Activity): void {
  one.heartbeatDetails = undefined;
  one.lastHeartbeatAtMs = null;
}

/** O2: to be started from now on, or after `delayMs`. A paused one waits all the same. */
function reschedule(run: Run, step: Step, one: Activity, delayMs: number): void {
  one.stamp += 1;
  one.status = { type: delayMs > 0 ? "backingOff" : "scheduled", dispatchAtMs: step.nowMs + delayMs };
  touchActivity(run, one);
  const task = activityTaskOf(run, one);
  if (task) step.dispatch(task);
}

export interface OptionsChange extends Selection {
  readonly options: api.ActivityOptions | undefined;
  /** Field paths of the mask, in snake case. */
  readonly paths: readonly string[];
  readonly restoreOriginal: boolean;
}

export function updateActivityOptions(
  run: Run,
  step: Step,
  command: OptionsChange,
): { readonly options: Init<api.ActivityOptions> } | Rejection {
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  const changes: { one: Activity; options: ActivityOptions }[] = [];
  for (const one of chosen) {
    const options = command.restoreOriginal ? (one.originalOptions ?? one.options) : changed(run, one.options, command);
    if (options instanceof Rejection) return options;
    changes.push({ one, options });
  }
  for (const { one, options } of changes) {
    one.originalOptions ??= one.options;
    one.options = options;
    // A running attempt keeps its deadlines until it ends; a waiting one is dispatched anew, perhaps to another queue.
    if (one.status.type === "scheduled") reschedule(run, step, one, 0);
    else touchActivity(run, one);
  }
  return { options: changes[0] ? wireOptions(changes[0].options) : {} };
}

function restoreOptions(one: Activity): void {
  if (one.originalOptions) one.options = one.originalOptions;
  one.originalOptions = null;
}

/** The options with the masked fields replaced, checked and resolved like a new activity's. */
function changed(
  run: Run,
  before: ActivityOptions,
  { options: wanted, paths }: OptionsChange,
): ActivityOptions | Rejection {
  const merged: api.ActivityOptions = { ...(wireOptions(before) as api.ActivityOptions) };
  for (const path of paths) {
    const problem = applyPath(merged, path, wanted);
    if (problem) return problem;
  }
  const bad = (message: string) => new Rejection("INVALID_ARGUMENT", message);
  const policyProblem = retryPolicyProblem(merged.retryPolicy);
  if (policyProblem !== undefined) return bad(policyProblem);
  const timeouts = resolveTimeouts(
    { ...merged, activityId: "", requestEagerExecution: false, useWorkflowBuildId: false },
    run.start.runTimeoutMs,
  );
  if (typeof timeouts === "string") return bad(timeouts);
  if (!merged.taskQueue?.name) return bad("TaskQueue is not set on ActivityOptions.");
  return {
    ...timeouts,
    taskQueue: merged.taskQueue.name,
    retryPolicy: resolveRetryPolicy(merged.retryPolicy),
    priority: merged.priority,
  };
}

type OptionField = Exclude<keyof api.ActivityOptions, "startDelay">;
const fields: Readonly<Record<string, OptionField>> = {
  task_queue: "taskQueue",
  schedule_to_close_timeout: "scheduleToCloseTimeout",
  schedule_to_start_timeout: "scheduleToStartTimeout",
  start_to_close_timeout: "startToCloseTimeout",
  heartbeat_timeout: "heartbeatTimeout",
  retry_policy: "retryPolicy",
  priority: "priority",
};

function applyPath(
  merged: api.ActivityOptions,
  path: string,
  wanted: api.ActivityOptions | undefined,
): Rejection | undefined {
  const [head = "", leaf] = path.split(".", 2);
  const field = fields[head];
  if (!field) return new Rejection("INVALID_ARGUMENT", `unknown field ${path} in update mask`);
  if (leaf === undefined) {
    Object.assign(merged, { [field]: wanted?.[field] });
    return undefined;
  }
  const name = leaf.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const source = wanted?.[field] as Record<string, unknown> | undefined;
  const target = merged[field] as Record<string, unknown> | undefined;
  if (!source || !(name in source))
    return new Rejection("INVALID_ARGUMENT", `unknown or unset field ${path} in update mask`);
  Object.assign(merged, { [field]: { ...target, [name]: source[name] } });
  return undefined;
}

export function wireOptions(options: ActivityOptions): Init<api.ActivityOptions> {
  return {
    taskQueue: { name: options.taskQueue, normalName: options.taskQueue },
    scheduleToCloseTimeout: toDuration(options.scheduleToCloseTimeoutMs),
    scheduleToStartTimeout: toDuration(options.scheduleToStartTimeoutMs),
    startToCloseTimeout: toDuration(options.startToCloseTimeoutMs),
    heartbeatTimeout: toDuration(options.heartbeatTimeoutMs),
    retryPolicy: wireRetryPolicy(options.retryPolicy),
    priority: options.priority,
  };
}

/** The delay within a jitter, from a fraction that the caller draws. */
export function jitterMs(jitter: Parameters<typeof durationMs>[0], fraction: number): number {
  return Math.floor(Math.max(0, durationMs(jitter)) * fraction);
}
