/** What operators do to pending activities of a workflow: pause, unpause, reset, change options. No history is written for any of it. */
import { type activity as api, durationMs, type Init } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import { noteNoRetry } from "../run/derived-attribute.ts";
import type { Activity, ActivityOptions } from "../state/activity.ts";
import { isOpen, type Run, touchActivity } from "../state/run.ts";
import type { Step } from "../step.ts";
import { activityTaskOf } from "./activity.ts";
import {
  answeredOptions,
  changedOptions,
  changeOptions,
  holdAttempts,
  missingOptions,
  releaseAttempts,
  resetAttempts,
} from "./attempt-operator.ts";
import type { OptionsChange, Pause, Reset, Selection, Unpause } from "./operator-command.ts";

function select(run: Run, { activityId: id, activityType: type, all }: Selection): Activity[] | Rejection {
  if (!isOpen(run)) return new Rejection("NOT_FOUND", "workflow execution already completed");
  const chosen = all
    ? [...run.activities.values()]
    : [...run.activities.values()].filter((one) =>
        id === undefined ? one.activityType === type : one.activityId === id,
      );
  return chosen.length === 0 ? noSuchActivity : chosen;
}

const noSuchActivity = new Rejection(
  "NOT_FOUND",
  "Can't find pending activity with such ID. Invalid activityID or activity already completed",
);

export function pauseActivities(run: Run, step: Step, command: Pause): Record<never, never> | Rejection {
  const { identity, reason, requestId } = command;
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  if (chosen.some(({ paused }) => paused && paused.requestId !== requestId))
    return new Rejection("FAILED_PRECONDITION", "activity is already paused");
  for (const one of chosen) {
    if (one.paused) continue;
    holdAttempts(one, step.nowMs, { identity, reason, requestId });
    run.changes.visibility = true;
    touchActivity(run, one);
  }
  return {};
}

export function unpauseActivities(run: Run, step: Step, command: Unpause): Record<never, never> | Rejection {
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  for (const one of chosen) {
    if (!one.paused) continue;
    releaseAttempts(one, step.nowMs, command);
    run.changes.visibility = true;
    changed(run, step, one);
  }
  return {};
}

/** Back to the first attempt: at once when no worker runs it, otherwise when the running attempt fails. */
export function resetActivities(run: Run, step: Step, command: Reset): Record<never, never> | Rejection {
  const chosen = select(run, command);
  if (chosen instanceof Rejection) return chosen;
  for (const one of chosen) {
    if (one.paused && !command.keepPaused) run.changes.visibility = true;
    noteNoRetry(run, one);
    resetAttempts(one, step.nowMs, command);
    changed(run, step, one);
  }
  return {};
}

/** A waiting activity whose earlier dispatch is void is dispatched anew (O2); a paused one waits all the same. */
function changed(run: Run, step: Step, one: Activity): void {
  touchActivity(run, one);
  const task = activityTaskOf(run, one);
  if (task) step.dispatch(task);
}

export function updateActivityOptions(
  run: Run,
  step: Step,
  command: OptionsChange,
): { readonly options: Init<api.ActivityOptions> } | Rejection {
  const missing = isOpen(run) && !command.restoreOriginal ? missingOptions(command) : undefined;
  const chosen = missing ?? select(run, command);
  if (chosen instanceof Rejection) return chosen;
  const changes: { one: Activity; options: ActivityOptions }[] = [];
  for (const one of chosen) {
    const options = command.restoreOriginal
      ? (one.originalOptions ?? one.options)
      : changedOptions(one.options, command, { ...one, runTimeoutMs: run.start.runTimeoutMs });
    if (options instanceof Rejection) return options;
    changes.push({ one, options });
  }
  for (const { one, options } of changes) {
    changeOptions(one, step.nowMs, options);
    changed(run, step, one);
  }
  return { options: answeredOptions(changes[0]!.options, command.restoreOriginal) };
}

/** The delay within a jitter, from a fraction that the caller draws. */
export function jitterMs(jitter: Parameters<typeof durationMs>[0], fraction: number): number {
  return Math.floor(Math.max(0, durationMs(jitter)) * fraction);
}
