/**
 * Resetting a run: another begins with the first events of it, as if what came later had not happened, but for what the outside world has
 * said since.
 *
 *   base     1 … F-1 │ F …                       F: the end of a workflow task, the point that the caller names
 *   new run  1 … F-1 │ WORKFLOW_TASK_FAILED (reset) · what is taken over of F … and of the runs continued as new · a workflow task
 *
 *   X1. The new run keeps the base's events with their ids, byte by byte.
 *   X2. What happened between the caller's reading and now is either in memory, and taken over, or the reset is not done (`stale`).
 *   X3. An open run is terminated in the same commit, and its parent hears nothing of it. The base's children stay, and what they report goes on to
 *       the new run; a later run's are left as with any other end, for the new run does not know them.
 */
import { enums, failure, history } from "@pawl/protocol";
import { announceToCallbacks } from "../nexus/completion-callback.ts";
import { keepAll } from "../rebuild/rebuild.ts";
import { Rejection } from "../rejection.ts";
import { keepBatch, sealBatch } from "../run/history.ts";
import type { Activity } from "../state/activity.ts";
import { type EventBatch, isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { CommandOf, Replies } from "../vocabulary.ts";
import { terminate } from "../workflow/close.ts";
import { makeCurrent, runExpiresAtMs } from "../workflow/new-run.ts";
import { pendingEffects } from "../workflow/pending-effects.ts";
import { currentRun } from "../workflow/start.ts";
import { changeOptions } from "../workflow/workflow-options.ts";
import { failStartedTask, scheduleWorkflowTask, startWorkflowTask } from "../workflow-task/workflow-task.ts";
import type { LaterRun } from "./read-chain.ts";
import { excludedTypes, reapply, takesNothing } from "./reapply.ts";

export function resetRun(
  workflow: Workflow,
  base: Run,
  step: Step,
  { request, read }: CommandOf<"reset">,
): Replies["reset"] | Rejection {
  const finishEventId = request.workflowTaskFinishEventId;
  if (finishEventId <= 1 || finishEventId >= base.nextEventId)
    return invalid("Workflow task finish ID must be > 1 && <= workflow last event ID.");
  const current = currentRun(workflow);
  if (current?.start.reset?.requestId === request.requestId) return { type: "reset", runId: current.runId };
  const { prefix, folded, since, lastEventId } = read.base;
  const rest = batchesAfter(base, lastEventId);
  if (workflow.currentRunId !== read.currentRunId || !rest || lastEventId < finishEventId - 1) return { type: "stale" };
  if (!folded || prefix.at(-1)?.lastEventId !== finishEventId - 1)
    return invalid(
      `StateRebuilder unable to Rebuild mutable state to event ID: ${finishEventId - 1}, version: 0, this event must be at the boundary`,
    );
  const next = nextRun(base, step, { prefix, folded, requestId: request.requestId });
  if (next.workflowTask.type === "none")
    return invalid(
      `Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: ${finishEventId}`,
    );
  const chain = { base: [...since, ...decoded(rest)], later: read.later };
  const other = current && isOpen(current) && current.runId !== base.runId ? current : undefined;
  const events = eventsSince(current, step, { chain, reason: request.reason, base });
  if (!events) return { type: "stale" };

  base.resetRunId = next.runId;
  base.changes.core = true;
  failTask(next, step, { baseRunId: base.runId, reason: request.reason });
  const excluded = excludedTypes(request);
  if (!takesNothing(excluded)) for (const event of events) reapply(next, step, event, excluded);
  for (const { updateWorkflowOptions: change } of request.postResetOperations) {
    const { workflowExecutionOptions: to, updateMask } = change!;
    changeOptions(next, step, { to, paths: updateMask?.paths ?? [], identity: "" });
  }
  if (other) announceToCallbacks(other, step, next);
  begin(workflow, next, step);
  return { type: "reset", runId: next.runId };
}

function invalid(message: string): Rejection {
  return new Rejection("INVALID_ARGUMENT", message);
}

/** Batches of the run behind `eventId` that memory still has; undefined when it has not all of them (X2). */
function batchesAfter(run: Run, eventId: number): EventBatch[] | undefined {
  const known = new Map([...run.changes.batches, ...run.tail].map((batch) => [batch.firstEventId, batch]));
  const found: EventBatch[] = [];
  for (let nextId = eventId + 1; nextId < run.nextEventId; ) {
    const batch = known.get(nextId);
    if (!batch) return undefined;
    found.push(batch);
    nextId = batch.lastEventId + 1;
  }
  return found;
}

function decoded(batches: readonly EventBatch[]): history.HistoryEvent[] {
  return batches.flatMap(({ bytes }) => history.History.decode(bytes).events);
}

interface Fork {
  readonly prefix: readonly EventBatch[];
  readonly folded: Run;
  readonly requestId: string;
}

/** A run as it was at the end of the prefix, with its time anew (X1). */
function nextRun(base: Run, step: Step, { prefix, folded, requestId }: Fork): Run {
  // A copy: the command may be done again, after others of its batch have failed.
  const { start, ...rebuilt } = structuredClone(folded);
  const executionExpiresAtMs = start.executionTimeoutMs > 0 ? step.nowMs + start.executionTimeoutMs : 0;
  const next: Run = {
    ...rebuilt,
    start: {
      ...start,
      requestId: base.start.requestId,
      chainRequestId: base.start.chainRequestId,
      startedAtMs: step.nowMs,
      executionExpiresAtMs,
      runExpiresAtMs: runExpiresAtMs(start.runTimeoutMs, step.nowMs, executionExpiresAtMs),
      reset: { requestId, originalStartedAtMs: start.startedAtMs },
    },
    // Who waits for a run that had ended was told.
    followers: isOpen(base) ? base.followers : [],
  };
  for (const batch of prefix) keepBatch(next, batch);
  return next;
}

interface Since {
  readonly chain: { readonly base: readonly history.HistoryEvent[]; readonly later: readonly LaterRun[] };
  readonly reason: string;
  readonly base: Run;
}

/** Terminates the current run, if it is open, and gives what has happened since the point. Undefined = it was not all read, and nothing was changed. */
function eventsSince(
  current: Run | undefined,
  step: Step,
  { chain, reason, base }: Since,
): history.HistoryEvent[] | undefined {
  const last = chain.later.at(-1);
  const inChain = (last?.runId ?? base.runId) === current?.runId;
  const unread = last && current && inChain ? batchesAfter(current, last.lastEventId) : [];
  if (!unread) return undefined;
  const events = [...chain.base, ...chain.later.flatMap((run) => run.events), ...decoded(unread)];
  if (!current || !isOpen(current)) return events;
  const lastEventId = current.nextEventId - 1;
  const reset = current.runId === base.runId ? "base" : "later";
  terminate(current, step, { reason, details: undefined, identity: "history-resetter", reset });
  sealBatch(current);
  // What waited for the workflow task in flight has been written now.
  return inChain ? [...events, ...decoded(batchesAfter(current, lastEventId) ?? [])] : events;
}

/** Nobody will answer the workflow task at whose end the prefix stands. One that was not started yet is started for that. */
function failTask(next: Run, step: Step, { baseRunId, reason }: { baseRunId: string; reason: string }): void {
  if (next.workflowTask.type === "scheduled") {
    const poller = { identity: "history-service", requestId: "emptyUuid" };
    startWorkflowTask(next, step, { stamp: next.workflowTask.stamp, poller, sticky: false });
  }
  const task = next.workflowTask;
  if (task.type !== "started") throw new Error("the prefix of a reset does not end in a workflow task");
  failStartedTask(next, step, task, {
    cause: enums.WorkflowTaskFailedCause.RESET_WORKFLOW,
    failure: failure.Failure.create({
      message: reason,
      resetWorkflowFailureInfo: { lastHeartbeatDetails: undefined },
    }),
    identity: "history-service",
    reset: { baseRunId, newRunId: next.runId },
  });
}

/** Sets the run going: its activities wait anew, what it had asked of others is asked again. */
function begin(workflow: Workflow, next: Run, step: Step): void {
  workflow.runs.set(next.runId, next);
  makeCurrent(workflow, next);
  for (const pending of next.activities.values()) {
    const activity: Activity = {
      ...pending,
      scheduledAtMs: step.nowMs,
      status: { type: "scheduled", dispatchAtMs: step.nowMs },
    };
    next.activities.set(activity.scheduledEventId, activity);
  }
  // The child may have been started for the base run already.
  for (const { id, message } of [...next.outbox.values()])
    if (message.type === "startChild") next.outbox.set(id, { id, message: { ...message, again: true } });
  step.effects.push(...pendingEffects(next));
  scheduleWorkflowTask(next, step);
  keepAll(next);
}
