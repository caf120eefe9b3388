/** What clients and operators do to a standalone activity that runs: cancel, terminate, delete, pause, unpause, reset, change options. */
import { type activity as api, durationMs, enums, failure, type Init, toDuration } from "@pawl/protocol";
import {
  answeredOptions,
  changedOptions,
  changeOptions,
  holdAttempts,
  releaseAttempts,
  resetAttempts,
} from "../activity/attempt-operator.ts";
import { Rejection } from "../rejection.ts";
import type { Attempts } from "../state/activity.ts";
import type { Step } from "../step.ts";
import { textPayloads } from "../text-payload.ts";
import type { CommandOf } from "../vocabulary.ts";
import { deleteDue } from "../workflow/deletion.ts";
import { closeCanceled, closeStandalone, invalidTransition } from "./standalone-answers.ts";
import { type StandaloneRun, standaloneTaskOf, stateOf } from "./standalone-run.ts";

/** Who asks for an end, and why. A request that comes again under its id is no news. */
export interface EndRequest {
  readonly requestId: string;
  readonly reason: string;
  readonly identity: string;
}

type Done = Record<never, never> | Rejection;

function precondition(message: string): Rejection {
  return new Rejection("FAILED_PRECONDITION", message);
}

/** A worker is told with its next heartbeat; without one the activity is cancelled at once. */
export function requestCancelStandalone(run: StandaloneRun, step: Step, request: EndRequest): Done {
  const { requestId, reason, identity } = request;
  if (run.cancelRequest?.requestId === requestId) return {};
  if (run.status.type === "closed") return inTerminalState(run);
  if (run.cancelRequest)
    return precondition(`cancellation already requested with request ID ${run.cancelRequest.requestId}`);
  run.cancelRequest = { requestId, reason, identity };
  run.changes.core = true;
  if (run.attempts.status.type !== "started") closeCanceled(run, step, textPayloads(reason));
  return {};
}

function inTerminalState(run: StandaloneRun): Rejection {
  return precondition(`activity is in terminal state ${stateOf(run)}`);
}

export function terminateStandalone(run: StandaloneRun, step: Step, request: EndRequest): Done {
  const { requestId, reason, identity } = request;
  if (run.status.type === "closed") {
    if (run.terminationRequestId === null) return invalidTransition(run);
    return run.terminationRequestId === requestId
      ? {}
      : precondition(`already terminated with request ID ${run.terminationRequestId}`);
  }
  run.terminationRequestId = requestId;
  const cause = failure.Failure.create({ message: reason, terminatedFailureInfo: { identity } });
  closeStandalone(run, step, enums.ActivityExecutionStatus.TERMINATED, { failure: cause });
  return {};
}

/** An open run is terminated first. */
export function deleteStandalone(run: StandaloneRun, step: Step): Record<never, never> {
  if (run.status.type === "open")
    terminateStandalone(run, step, { requestId: "", reason: "Delete activity execution", identity: "" });
  run.deletion = { atMs: step.nowMs, asked: true };
  run.changes.core = true;
  deleteDue(run, step);
  return {};
}

export function pauseStandalone(run: StandaloneRun, step: Step, command: CommandOf<"pauseActivity">): Done {
  if (command.requestId !== "" && run.lastPauseRequestId === command.requestId) return {};
  const state = stateOf(run);
  if (state !== "Scheduled" && state !== "Started") return precondition(`activity is in non-pausable state ${state}`);
  holdAttempts(run.attempts, step.nowMs, command);
  run.lastPauseRequestId = command.requestId;
  run.changes.core = true;
  run.changes.visibility = true;
  return {};
}

export function unpauseStandalone(run: StandaloneRun, step: Step, command: CommandOf<"unpauseActivity">): Done {
  if (run.status.type === "closed") return inTerminalState(run);
  const state = stateOf(run);
  if (state !== "Paused" && state !== "PauseRequested")
    return precondition(`activity is in non-unpausable state ${state}`);
  operate(run, step, (attempts) => releaseAttempts(attempts, step.nowMs, command));
  return {};
}

export function resetStandalone(run: StandaloneRun, step: Step, command: CommandOf<"resetActivity">): Done {
  if (run.status.type === "closed") return precondition("activity execution is not running");
  if (run.cancelRequest) return precondition("cannot reset an activity with a pending cancellation");
  operate(run, step, (attempts) => resetAttempts(attempts, step.nowMs, command));
  return {};
}

/**
 * Does something to the attempts that may make an earlier dispatch void: the activity is dispatched anew if it waits for a worker. Unlike a
 * workflow's activity it goes on showing why its last attempt failed, and nothing brings its first attempt forward but a change of the delay.
 */
function operate(run: StandaloneRun, step: Step, act: (attempts: Attempts) => void): void {
  const { attempts } = run;
  const { lastFailure } = attempts;
  act(attempts);
  attempts.lastFailure = lastFailure;
  const { status, scheduledAtMs } = attempts;
  if (status.type !== "started" && isDelayed(run, step) && status.dispatchAtMs < scheduledAtMs)
    attempts.status = { type: "backingOff", dispatchAtMs: scheduledAtMs };
  run.changes.core = true;
  run.changes.visibility = true;
  const task = standaloneTaskOf(run);
  if (task) step.dispatch(task);
}

const delayPath = "start_delay";

export function updateStandaloneOptions(
  run: StandaloneRun,
  step: Step,
  command: CommandOf<"updateActivityOptions">,
): { readonly options: Init<api.ActivityOptions> } | Rejection {
  if (run.status.type === "closed") return precondition(`Cannot update options for activity in state ${stateOf(run)}`);
  const { attempts, activityId } = run;
  const paths = command.paths ?? [];
  const changesDelay = paths.includes(delayPath);
  if (changesDelay && !isDelayed(run, step))
    return new Rejection("INVALID_ARGUMENT", "cannot update start_delay: activity is no longer in its delay window");
  const masked = { options: command.options, paths: paths.filter((path) => path !== delayPath) };
  const { activityType } = run.start;
  const options = command.restoreOriginal
    ? (attempts.originalOptions ?? attempts.options)
    : changedOptions(attempts.options, masked, { runTimeoutMs: 0, activityId, activityType });
  if (options instanceof Rejection) return options;
  if (changesDelay) delayFirstAttempt(run, step, durationMs(command.options?.startDelay));
  operate(run, step, (attempts) => changeOptions(attempts, step.nowMs, options));
  const { startDelayMs } = run;
  return {
    options: { ...answeredOptions(options), ...(startDelayMs > 0 && { startDelay: toDuration(startDelayMs) }) },
  };
}

function isDelayed({ attempts }: StandaloneRun, { nowMs }: Step): boolean {
  return attempts.lastStartedAtMs === null && attempts.scheduledAtMs > nowMs;
}

function delayFirstAttempt(run: StandaloneRun, { nowMs }: Step, startDelayMs: number): void {
  const atMs = run.start.scheduledAtMs + startDelayMs;
  run.startDelayMs = startDelayMs;
  run.attempts = {
    ...run.attempts,
    scheduledAtMs: atMs,
    status: { type: atMs > nowMs ? "backingOff" : "scheduled", dispatchAtMs: Math.max(atMs, nowMs) },
    stamp: run.attempts.stamp + 1,
  };
}
