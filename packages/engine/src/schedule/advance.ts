/** What a schedule does by itself: takes the times that have come, decides about overlaps, has workflows started and ended. */
import { common, durationMs, enums, failure, type Init, schedule, workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { post, take } from "../outbox.ts";
import type { Delivery, Message } from "../state/message.ts";
import type { Step } from "../step.ts";
import { keywordPayload, timePayload } from "../text-payload.ts";
import { decideOverlaps } from "./overlap.ts";
import {
  type BufferedAction,
  count,
  isPaused,
  mayAct,
  nextActionTime,
  overlapPolicyOf,
  type ScheduleRun,
  type StartedAction,
  scheduleSender,
} from "./schedule-run.ts";

const { WorkflowExecutionStatus: Status, WorkflowIdReusePolicy, WorkflowIdConflictPolicy } = enums;

/** Everything that is due. */
export function advance(run: ScheduleRun, step: Step): void {
  takeTimes(run, step.nowMs);
  takeBackfills(run, step.nowMs);
  startBuffered(run, step);
  noteIdleness(run, step);
}

/** Puts the actions whose time has come behind those that wait. */
function takeTimes(run: ScheduleRun, nowMs: number): void {
  if (isPaused(run) || !mayAct(run)) return skipUntil(run, nowMs);
  const windowMs = durationMs(run.schedule.policies?.catchupWindow);
  for (let taken = 0; taken < limits.scheduleTimesAtOnceMax; taken++) {
    const time = nextActionTime(run);
    if (!time || time.actualMs > nowMs) return;
    run.seenUntilMs = time.nominalMs;
    run.changes.core = true;
    if (nowMs - time.actualMs > windowMs) count(run, "missedCatchupWindow");
    else buffer(run, { ...time, overlapPolicy: 0, isManual: false });
  }
}

/** What came while the schedule was not to act is not caught up with. */
export function skipUntil(run: ScheduleRun, atMs: number): void {
  if (run.seenUntilMs >= atMs) return;
  run.seenUntilMs = atMs;
  run.changes.core = true;
}

export function buffer(run: ScheduleRun, action: BufferedAction): void {
  if (run.buffer.length >= limits.bufferedActionsMax) return count(run, "bufferDropped");
  run.buffer = [...run.buffer, action];
  run.changes.core = true;
}

/** As many as there is room for: the rest follows when that has been started. */
function takeBackfills(run: ScheduleRun, nowMs: number): void {
  let room = Math.min(limits.scheduleTimesAtOnceMax, limits.bufferedActionsMax - run.buffer.length);
  while (run.backfills.length > 0 && room > 0) {
    const [first, ...rest] = run.backfills;
    const { afterMs, untilMs, overlapPolicy } = first!;
    const time = run.spec.next(afterMs, run.scheduleId);
    run.changes.core = true;
    if (!time || time.nominalMs > untilMs) {
      run.backfills = rest;
      continue;
    }
    run.backfills = [{ ...first!, afterMs: time.nominalMs }, ...rest];
    buffer(run, { nominalMs: time.nominalMs, actualMs: nowMs, overlapPolicy, isManual: true });
    room -= 1;
  }
}

/** What may not be started any more holds up nobody: then it is decided about the others again. */
function startBuffered(run: ScheduleRun, step: Step): void {
  while (run.buffer.length > 0) {
    const isRunning = run.started.some(({ isAlongside }) => !isAlongside);
    const verdict = decideOverlaps(run.buffer, isRunning, (action) => overlapPolicyOf(run, action));
    if (verdict.waiting.length !== run.buffer.length) run.changes.core = true;
    run.buffer = verdict.waiting;
    count(run, "overlapSkipped", verdict.skipped);
    if (verdict.end) endRunning(run, step, verdict.end);
    const isSettled = verdict.next === undefined || start(run, step, verdict.next, false);
    for (const action of verdict.alongside) start(run, step, action, true);
    if (isSettled) return;
  }
}

/** False: it may not be started, now or later. */
function start(run: ScheduleRun, step: Step, action: BufferedAction, isAlongside: boolean): boolean {
  if (!action.isManual && (isPaused(run) || !mayAct(run))) return false;
  if (!action.isManual) useUpAction(run);
  const requestId = step.newId();
  const request = startRequest(run, action, { requestId, isAlongside });
  const { workflowId = "" } = request;
  const started = { requestId, workflowId, firstRunId: null, isAlongside, isEnding: false };
  const { nominalMs, actualMs } = action;
  run.started = [...run.started, { nominalMs, actualMs, ...started }];
  run.changes.core = true;
  const follower = { kind: "schedule", businessId: run.scheduleId, runId: run.runId, requestId } as const;
  const bytes = workflowservice.StartWorkflowExecutionRequest.encode(request);
  post(run, scheduleSender(run), step, { type: "startWorkflow", workflowId, request: bytes, follower });
  return true;
}

function useUpAction(run: ScheduleRun): void {
  const state = run.schedule.state;
  if (!state?.limitedActions) return;
  changeState(run, { remainingActions: state.remainingActions - 1 });
}

/** A change that the schedule makes to itself, or that is made to it: whoever wants to change it must have seen it. */
export function changeState(run: ScheduleRun, change: Partial<schedule.ScheduleState>): void {
  const state = schedule.ScheduleState.create({ ...run.schedule.state, ...change });
  run.schedule = { ...run.schedule, state };
  run.version += 1;
  run.changes.core = true;
  run.changes.visibility = true;
}

function startRequest(
  run: ScheduleRun,
  { nominalMs, isManual }: BufferedAction,
  { requestId, isAlongside }: { requestId: string; isAlongside: boolean },
): Init<workflowservice.StartWorkflowExecutionRequest> {
  const action = run.schedule.action!.startWorkflow!;
  const { workflowId, cronSchedule: _, workflowIdReusePolicy: __, searchAttributes, ...given } = action;
  return {
    ...given,
    namespace: run.namespace,
    workflowId: `${workflowId}-${new Date(nominalMs).toISOString().slice(0, 19)}Z`,
    identity: `temporal-scheduler-${run.namespace}-${run.scheduleId}`,
    requestId,
    // A time of the spec is one workflow; a person may ask for it again.
    workflowIdReusePolicy: isManual ? WorkflowIdReusePolicy.ALLOW_DUPLICATE : WorkflowIdReusePolicy.REJECT_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    searchAttributes: {
      indexedFields: {
        ...searchAttributes?.indexedFields,
        TemporalScheduledStartTime: timePayload(nominalMs),
        TemporalScheduledById: keywordPayload(run.scheduleId),
      },
    },
    ...(!isAlongside && handedOn(run)),
  };
}

/** What a workflow is given of those before it. */
function handedOn({ lastResult, lastFailure }: ScheduleRun): Init<workflowservice.StartWorkflowExecutionRequest> {
  return {
    ...(lastResult && { lastCompletionResult: common.Payloads.decode(lastResult) }),
    ...(lastFailure && { continuedFailure: failure.Failure.decode(lastFailure) }),
  };
}

/** One that is still starting is asked when it has been started: then this is decided again. */
function endRunning(run: ScheduleRun, step: Step, how: "requestCancel" | "terminate"): void {
  run.started = run.started.map((action) => {
    const { isAlongside, isEnding, firstRunId, workflowId, requestId } = action;
    if (isAlongside || isEnding || firstRunId === null) return action;
    const reason =
      how === "terminate" ? "terminated by schedule overlap policy" : "cancelled by schedule overlap policy";
    const identity = `temporal-scheduler-${run.namespace}-${run.scheduleId}`;
    const message = { type: "endWorkflow", workflowId, firstRunId, how, reason, identity, requestId } as const;
    post(run, scheduleSender(run), step, message);
    return { ...action, isEnding: true };
  });
  run.changes.core = true;
}

/** The answer to a message that this schedule sent: without the message there may be nothing left to do. */
export function delivered(run: ScheduleRun, step: Step, messageId: number, delivery: Delivery): void {
  const message = take(run, messageId);
  if (message?.type === "startWorkflow") noteAnswer(run, step, message.follower.requestId, delivery);
  if (message) advance(run, step);
}

function noteAnswer(run: ScheduleRun, step: Step, requestId: string, delivery: Delivery): void {
  const action = run.started.find((other) => other.requestId === requestId);
  // Its end has overtaken this.
  if (!action) return;
  if (delivery.type === "taken") noteStart(run, step, action, delivery.runId);
  // It cannot be started, now or later: its id is in use, or its request is bad. The next one may go.
  else run.started = run.started.filter((other) => other !== action);
  run.changes.core = true;
}

function noteStart(run: ScheduleRun, step: Step, action: StartedAction, firstRunId: string): void {
  if (action.firstRunId !== null) return;
  run.started = run.started.map((other) => (other === action ? { ...action, firstRunId } : other));
  count(run, "actions");
  const { nominalMs, actualMs, workflowId } = action;
  const shown = { nominalMs, actualMs, startedAtMs: step.nowMs, workflowId, runId: firstRunId, status: Status.RUNNING };
  run.recent = [...run.recent, shown].slice(-limits.recentActionsMax);
  run.changes.visibility = true;
}

/** A workflow that this schedule started has ended, with all runs of its chain. */
export function receiveClosed(
  run: ScheduleRun,
  step: Step,
  message: Extract<Message, { type: "workflowClosed" }>,
): Delivery {
  const { to, firstRunId, status } = message;
  const known = run.started.find(({ requestId }) => requestId === to.requestId);
  if (known) {
    // Its end may overtake the answer to its start.
    noteStart(run, step, known, firstRunId);
    run.started = run.started.filter(({ requestId }) => requestId !== to.requestId);
    run.recent = run.recent.map((action) => (action.runId === firstRunId ? { ...action, status } : action));
    if (!known.isAlongside) takeResult(run, message);
    run.changes.core = true;
    run.changes.visibility = true;
    advance(run, step);
  }
  return { type: "taken", runId: run.runId };
}

function takeResult(
  run: ScheduleRun,
  { status, result, failure: failed, workflowId }: Extract<Message, { type: "workflowClosed" }>,
): void {
  if (status === Status.COMPLETED) {
    run.lastResult = result;
    run.lastFailure = undefined;
    return;
  }
  if (status !== Status.FAILED && status !== Status.TIMED_OUT) return;
  if (status === Status.FAILED) run.lastFailure = failed;
  if (!run.schedule.policies?.pauseOnFailure || isPaused(run)) return;
  const why =
    status === Status.TIMED_OUT
      ? `paused due to workflow timeout: ${workflowId}`
      : `paused due to workflow failure: ${workflowId}: ${failed ? failure.Failure.decode(failed).message : ""}`;
  changeState(run, { paused: true, notes: why });
}

/** A schedule that will never act again is kept for a while, and then goes by itself. */
function noteIdleness(run: ScheduleRun, { nowMs }: Step): void {
  const isBusy = run.buffer.length + run.backfills.length + run.started.length + run.outbox.size > 0;
  const isIdle = !isBusy && !isPaused(run) && nextActionTime(run) === undefined;
  if (isIdle === (run.idleSinceMs !== null)) {
    if (isIdle && nowMs >= run.idleSinceMs! + limits.idleScheduleMs) run.changes.deleted = true;
    if (run.changes.deleted) run.changes.core = true;
    return;
  }
  run.idleSinceMs = isIdle ? nowMs : null;
  run.changes.core = true;
}

/** The earliest time at which something is due by itself; Infinity = never. */
export function scheduleWakeAtMs(run: ScheduleRun): number {
  // What is left of a backfill goes on as soon as there is room for it.
  if (run.backfills.length > 0 && run.buffer.length < limits.bufferedActionsMax) return 0;
  const idleUntilMs = run.idleSinceMs === null ? Number.POSITIVE_INFINITY : run.idleSinceMs + limits.idleScheduleMs;
  return Math.min(nextActionTime(run)?.actualMs ?? Number.POSITIVE_INFINITY, idleUntilMs);
}
