/** What clients and operators do to a standalone activity that runs: cancel, terminate, delete, pause, unpause, reset, change options. */
import { type activity as api, durationMs, enums, failure, type Init } from "@pawl/protocol";
import { answeredOptions, changedOptions, holdAttempts } from "../activity/attempt-operator.ts";
import type { Repeatable } from "../activity/operator-command.ts";
import { intervalMs } from "../backoff.ts";
import { Rejection } from "../rejection.ts";
import type { Step } from "../step.ts";
import { textPayloads } from "../text-payload.ts";
import type { CommandOf } from "../vocabulary.ts";
import { deleteDue } from "../workflow/deletion.ts";
import { closeCanceled, closeStandalone, invalidTransition } from "./standalone-answers.ts";
import { delayStart, reschedule, restoreOptions, retryAtMs, startOver } from "./standalone-attempts.ts";
import { shownDelay } from "./standalone-describe.ts";
import { type StandaloneRun, stateOf } from "./standalone-run.ts";

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
  // It takes precedence over whatever an operator wanted of the attempt.
  run.attempts.reset = null;
  run.attempts.paused = null;
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
  if (isRepeated(run, "pause", command)) return {};
  const state = stateOf(run);
  if (state !== "Scheduled" && state !== "Started") return precondition(`activity is in non-pausable state ${state}`);
  holdAttempts(run.attempts, step.nowMs, command);
  carriedOut(run, "pause", command);
  return {};
}

export function unpauseStandalone(run: StandaloneRun, step: Step, command: CommandOf<"unpauseActivity">): Done {
  if (isRepeated(run, "unpause", command)) return {};
  if (run.status.type === "closed") return inTerminalState(run);
  const state = stateOf(run);
  if (state !== "Paused" && state !== "PauseRequested")
    return precondition(`activity is in non-unpausable state ${state}`);
  run.attempts.paused = null;
  // What is left of the wait after a failure is waited for.
  if (state === "Paused") reschedule(run, step, Math.max(step.nowMs + command.delayMs, retryAtMs(run) ?? 0));
  carriedOut(run, "unpause", command);
  return {};
}

/** Back to the first attempt: at once when no worker runs it, otherwise when the running attempt fails. */
export function resetStandalone(run: StandaloneRun, step: Step, command: CommandOf<"resetActivity">): Done {
  if (isRepeated(run, "reset", command)) return {};
  if (run.status.type === "closed") return precondition("activity execution is not running");
  if (run.cancelRequest) return precondition("cannot reset an activity with a pending cancellation");
  if (run.attempts.reset) return precondition("cannot reset an activity with a pending reset");
  const { keepPaused, resetHeartbeat: heartbeat, restoreOriginalOptions: options, delayMs } = command;
  if (!keepPaused) run.attempts.paused = null;
  if (run.attempts.status.type === "started") run.attempts.reset = { heartbeat, options };
  else {
    if (options) restoreOptions(run);
    startOver(run, heartbeat);
    reschedule(run, step, step.nowMs + delayMs);
  }
  carriedOut(run, "reset", command);
  return {};
}

export function updateStandaloneOptions(
  run: StandaloneRun,
  step: Step,
  command: CommandOf<"updateActivityOptions">,
): { readonly options: Init<api.ActivityOptions> } | Rejection {
  if (isRepeated(run, "updateOptions", command)) return { options: shownOptions(run) };
  const state = stateOf(run);
  if (run.status.type === "closed" || state === "CancelRequested" || state === "ResetRequested")
    return precondition(`Cannot update options for activity in state ${state}`);
  const changed = command.restoreOriginal ? restoreOptions(run) : changeOptions(run, step, command);
  if (changed) return changed;
  followPolicy(run, command);
  if (run.attempts.status.type !== "started") reschedule(run, step, retryAtMs(run) ?? step.nowMs);
  carriedOut(run, "updateOptions", command);
  return { options: shownOptions(run) };
}

const delayPath = "start_delay";

function changeOptions(
  run: StandaloneRun,
  { nowMs }: Step,
  { options: wanted, paths = [] }: CommandOf<"updateActivityOptions">,
): Rejection | undefined {
  const { attempts, activityId } = run;
  const changesDelay = paths.includes(delayPath);
  if (
    changesDelay &&
    attempts.scheduledAtMs <= nowMs &&
    (attempts.lastStartedAtMs !== null || stateOf(run) !== "Paused")
  )
    return precondition("cannot update start_delay: the first activity attempt has already been dispatched");
  const masked = { options: wanted, paths: paths.filter((path) => path !== delayPath) };
  const { activityType } = run.start;
  const options = changedOptions(attempts.options, masked, { runTimeoutMs: 0, activityId, activityType });
  if (options instanceof Rejection) return options;
  attempts.originalOptions ??= attempts.options;
  attempts.options = options;
  if (changesDelay) delayStart(run, durationMs(wanted?.startDelay));
  return undefined;
}

/** A wait that the policy has set is that of the policy as it is now. */
function followPolicy(run: StandaloneRun, command: CommandOf<"updateActivityOptions">): void {
  const { attempts, retry } = run;
  const changesPolicy = command.restoreOriginal || command.paths?.some((path) => path.startsWith("retry_policy"));
  if (!changesPolicy || !retry?.byPolicy || attempts.status.type === "started") return;
  run.retry = { ...retry, intervalMs: intervalMs(attempts.options.retryPolicy, attempts.attempt - 1) };
}

function shownOptions(run: StandaloneRun): Init<api.ActivityOptions> {
  return { ...answeredOptions(run.attempts.options), startDelay: shownDelay(run) };
}

type OperatorRequest = keyof StandaloneRun["lastRequestIds"];

function isRepeated({ lastRequestIds }: StandaloneRun, type: OperatorRequest, { requestId }: Repeatable): boolean {
  return requestId !== undefined && requestId !== "" && lastRequestIds[type] === requestId;
}

/** Everything that operators do may show in lists: a queue, a status, a time. */
function carriedOut(run: StandaloneRun, type: OperatorRequest, { requestId }: Repeatable): void {
  if (requestId) run.lastRequestIds = { ...run.lastRequestIds, [type]: requestId };
  run.changes.core = true;
  run.changes.visibility = true;
}
