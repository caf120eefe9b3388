/** How a run ends: everything pending goes, and nothing may follow the closing event (I5). */
import { type common, enums } from "@pawl/protocol";
import { forgetActivity } from "../activity/activity.ts";
import { announceEnd, type Ending, handOverChildren, leaveChildren, statusAfter } from "../family/family.ts";
import { announceToCallbacks } from "../nexus/completion-callback.ts";
import { dropTail, flushBuffer, happen, write } from "../run/history.ts";
import { type HistoryEventInit, type Run, touchNexusOperation } from "../state/run.ts";
import type { Step } from "../step.ts";
import { abandonUpdates } from "../update/update.ts";
import { abandonTask, clearSticky, scheduleWorkflowTask, skipFirstTaskDelay } from "../workflow-task/workflow-task.ts";

/** What comes after a run that does not continue as new. */
interface Following {
  /** Another run of the chain goes on, so it has not ended for its parent. */
  readonly followed?: boolean;
  /** That other run is another attempt at the same, and hands on the result; one by a cron schedule is not. */
  readonly retried?: boolean;
  /** A reset begins another run, which has the callbacks of its base from now on. It has the children of the run that is its base, and not those of a later one. */
  readonly reset?: "base" | "later" | undefined;
}

/** Marks the run closed after its closing event was written. */
export function markClosed(
  run: Run,
  step: Step,
  ending: Ending,
  { followed = false, retried = false, reset }: Following = {},
): void {
  run.status = { type: "closed", status: statusAfter[ending.type], closedAtMs: step.nowMs };
  run.deletion = { atMs: step.nowMs + step.retentionMs, asked: false };
  if (reset === "base") handOverChildren(run);
  else leaveChildren(run, step);
  abandonUpdates(run);
  if (!followed && !reset && ending.type !== "continuedAsNew") announceEnd(run, step, ending);
  if (!retried && !reset && ending.type !== "continuedAsNew") announceToCallbacks(run, step);
  run.workflowTask = { type: "none" };
  run.firstTaskAtMs = null;
  run.buffered = [];
  clearSticky(run);
  for (const activity of [...run.activities.values()]) forgetActivity(run, activity);
  for (const timerId of run.timers.keys()) run.changes.parts.add(`t/${timerId}`);
  run.timers.clear();
  for (const operation of run.nexusOperations.values()) touchNexusOperation(run, operation);
  run.nexusOperations.clear();
  for (const requestId of run.signalRequestIds) run.changes.parts.add(`r/${requestId}`);
  run.signalRequestIds.clear();
  if (run.startEvent) run.changes.parts.add("s");
  run.startEvent = null;
  run.changes.core = true;
  run.changes.visibility = true;
}

/** Ends the run from outside its code: the task in flight fails, what was buffered is kept, then comes `closing`. */
export function closeFromOutside(
  run: Run,
  step: Step,
  ending: Ending,
  closing: HistoryEventInit,
  options: Following = {},
): void {
  abandonTask(run, step);
  flushBuffer(run, step.nowMs);
  write(run, step.nowMs, closing);
  markClosed(run, step, ending, options);
  dropTail(run);
}

export interface Termination {
  readonly reason: string;
  readonly details: common.Payloads | undefined;
  readonly identity: string;
  readonly links?: readonly common.Link[];
  /** Because of a reset: of this run, or of one before it. */
  readonly reset?: "base" | "later";
}

export function terminate(run: Run, step: Step, { reason, details, identity, links = [], reset }: Termination): void {
  closeFromOutside(
    run,
    step,
    { type: "terminated" },
    {
      eventType: enums.EventType.WORKFLOW_EXECUTION_TERMINATED,
      links,
      workflowExecutionTerminatedEventAttributes: { reason, details, identity },
    },
    { reset },
  );
}

export interface CancelRequest {
  readonly reason: string;
  readonly identity: string;
  readonly requestId: string;
  readonly links: readonly common.Link[];
  /** Set when another workflow asks. */
  readonly external?: { readonly execution: common.WorkflowExecution; readonly initiatedEventId: number };
}

/** Records the request; the workflow's code decides what to do about it. A second request changes nothing. */
export function requestCancel(run: Run, step: Step, request: CancelRequest): void {
  if (run.cancelRequest) return;
  run.cancelRequest = { requestId: request.requestId };
  run.changes.core = true;
  happen(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED,
    links: request.links,
    workflowExecutionCancelRequestedEventAttributes: {
      cause: request.reason,
      identity: request.identity,
      externalWorkflowExecution: request.external?.execution,
      externalInitiatedEventId: request.external?.initiatedEventId,
    },
  });
  // Unlike a signal, a cancellation does not wait for a delayed start.
  if (run.firstTaskAtMs !== null) skipFirstTaskDelay(run);
  scheduleWorkflowTask(run, step);
}
