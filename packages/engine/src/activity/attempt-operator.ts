/**
 * What operators do to the attempts of a workflow's activity. One that is an execution of its own takes a pause and a reset otherwise
 * (`standalone-attempts.ts`).
 *
 *   O1. A paused activity is not given to workers and has no deadline; an attempt that runs may finish, and fails into the pause.
 *   O2. Whatever changes when or whether an activity may start makes earlier dispatches of it void: the caller dispatches it anew.
 */
import { activity as api, enums, type Init, toDuration } from "@pawl/protocol";
import { intervalMs, resolveRetryPolicy, retryPolicyProblem, wireRetryPolicy } from "../backoff.ts";
import { Rejection } from "../rejection.ts";
import type { ActivityOptions, Attempts } from "../state/activity.ts";
import { resolveTimeouts } from "./attempt.ts";
import type { MaskedOptions, Release, StartOver } from "./operator-command.ts";

export function holdAttempts(
  one: Attempts,
  nowMs: number,
  by: { readonly identity: string; readonly reason: string; readonly requestId: string },
): void {
  one.paused = { atMs: nowMs, identity: by.identity, reason: by.reason, requestId: by.requestId };
  if (one.status.type !== "started") one.stamp += 1;
}

export function releaseAttempts(one: Attempts, nowMs: number, release: Release): void {
  one.paused = null;
  if (release.resetAttempts) one.attempt = 1;
  if (release.resetHeartbeat) clearHeartbeat(one);
  if (one.status.type !== "started") reschedule(one, nowMs + release.delayMs, nowMs);
}

/** Back to the first attempt: at once when no worker runs it, otherwise when the running attempt fails. */
export function resetAttempts(one: Attempts, nowMs: number, command: StartOver): void {
  if (command.restoreOriginalOptions) {
    if (one.originalOptions) one.options = one.originalOptions;
    one.originalOptions = null;
  }
  if (one.paused && !command.keepPaused) one.paused = null;
  if (one.status.type === "started") {
    one.reset = { heartbeat: command.resetHeartbeat };
    return;
  }
  one.attempt = 1;
  if (command.resetHeartbeat) clearHeartbeat(one);
  if (!one.paused) reschedule(one, nowMs + command.delayMs, nowMs);
}

/** What waits is dispatched anew, perhaps to another queue or after another backoff; a running attempt goes on. */
export function changeOptions(one: Attempts, nowMs: number, options: ActivityOptions): void {
  one.originalOptions ??= one.options;
  one.options = options;
  if (one.status.type === "started") return;
  const { status, lastAttemptCompletedAtMs: completedAtMs, attempt } = one;
  const waits = status.type === "backingOff" && completedAtMs !== null;
  const dueAtMs = waits ? completedAtMs + intervalMs(options.retryPolicy, attempt - 1) : nowMs;
  reschedule(one, Math.max(nowMs, dueAtMs), nowMs);
}

function clearHeartbeat(one: Attempts): void {
  one.heartbeatDetails = undefined;
  one.lastHeartbeatAtMs = null;
}

/** O2: to be started from `atMs` on. A paused one waits all the same. */
function reschedule(one: Attempts, atMs: number, nowMs: number): void {
  one.stamp += 1;
  // The attempt that is to come is no longer the consequence of the last one's failure.
  one.lastFailure = undefined;
  one.status = { type: atMs > nowMs ? "backingOff" : "scheduled", dispatchAtMs: atMs };
}

/** What an update of options lacks, or undefined. */
export function missingOptions({ options, paths }: MaskedOptions): Rejection | undefined {
  if (!options) return new Rejection("INVALID_ARGUMENT", "ActivityOptions are not provided");
  return paths ? undefined : new Rejection("INVALID_ARGUMENT", "UpdateMask is not provided");
}

/** The options with the masked fields replaced, checked and resolved like a new activity's. */
export function changedOptions(
  before: ActivityOptions,
  { options: wanted, paths }: MaskedOptions,
  activity: { readonly runTimeoutMs: number; readonly activityId?: string; readonly activityType?: string },
): ActivityOptions | Rejection {
  const merged: api.ActivityOptions = { ...(wireOptions(before) as api.ActivityOptions) };
  for (const path of paths ?? []) {
    const problem = applyPath(merged, path, wanted ?? api.ActivityOptions.create());
    if (problem) return problem;
  }
  const bad = (message: string) => new Rejection("INVALID_ARGUMENT", message);
  const policyProblem = retryPolicyProblem(merged.retryPolicy);
  if (policyProblem !== undefined) return bad(policyProblem);
  const timeouts = resolveTimeouts(
    { ...merged, activityId: activity.activityId ?? "", activityType: { name: activity.activityType ?? "" } },
    activity.runTimeoutMs,
  );
  if (typeof timeouts === "string") return bad(timeouts);
  if (!merged.taskQueue?.name) return bad("missing task queue name");
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

function applyPath(merged: api.ActivityOptions, path: string, wanted: api.ActivityOptions): Rejection | undefined {
  const [head = "", leaf] = path.split(".", 2);
  const field = fields[head];
  if (!field) return new Rejection("INVALID_ARGUMENT", `unknown field ${path} in update mask`);
  if (leaf === undefined) {
    Object.assign(merged, { [field]: wanted[field] });
    return undefined;
  }
  const name = leaf.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const source = wanted[field] as Record<string, unknown> | undefined;
  const target = merged[field] as Record<string, unknown> | undefined;
  if (!source) return new Rejection("INVALID_ARGUMENT", `${field[0]!.toUpperCase()}${field.slice(1)} is not provided`);
  if (!(name in source)) return new Rejection("INVALID_ARGUMENT", `unknown field ${path} in update mask`);
  Object.assign(merged, { [field]: { ...target, [name]: source[name] } });
  return undefined;
}

/**
 * As the answer to a change shows them: like the reference server, without the queue's normal name, and with its kind unless the options are
 * the original ones.
 */
export function answeredOptions(options: ActivityOptions, original = false): Init<api.ActivityOptions> {
  const name = options.taskQueue;
  const taskQueue = original ? { name } : { name, kind: enums.TaskQueueKind.NORMAL };
  return { ...wireOptions(options), taskQueue };
}

export function wireOptions(options: ActivityOptions): Init<api.ActivityOptions> {
  return { taskQueue: { name: options.taskQueue, normalName: options.taskQueue }, ...wireRules(options) };
}

/** Everything but where it runs. */
export function wireRules(options: ActivityOptions): Omit<Init<api.ActivityOptions>, "taskQueue"> {
  return {
    scheduleToCloseTimeout: toDuration(options.scheduleToCloseTimeoutMs),
    scheduleToStartTimeout: toDuration(options.scheduleToStartTimeoutMs),
    startToCloseTimeout: toDuration(options.startToCloseTimeoutMs),
    heartbeatTimeout: toDuration(options.heartbeatTimeoutMs),
    retryPolicy: wireRetryPolicy(options.retryPolicy),
    priority: options.priority,
  };
}
