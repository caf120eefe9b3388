/** What a run that ends tells its parent, its followers and its children. */
import { common, enums, failure, history } from "@pawl/protocol";
import { send, take } from "../outbox.ts";
import type { HistoryEventInit, Run } from "../state/run.ts";
import type { Step } from "../step.ts";

const { EventType, ParentClosePolicy, WorkflowExecutionStatus } = enums;

/** How a run ended. */
export type Ending =
  | { readonly type: "completed"; readonly result: common.Payloads | undefined }
  | { readonly type: "failed"; readonly failure: failure.Failure; readonly retryState: enums.RetryState }
  | { readonly type: "canceled"; readonly details: common.Payloads | undefined }
  | { readonly type: "terminated" }
  | { readonly type: "timedOut"; readonly retryState: enums.RetryState }
  | { readonly type: "continuedAsNew" };

export const statusAfter = {
  completed: WorkflowExecutionStatus.COMPLETED,
  failed: WorkflowExecutionStatus.FAILED,
  canceled: WorkflowExecutionStatus.CANCELED,
  terminated: WorkflowExecutionStatus.TERMINATED,
  timedOut: WorkflowExecutionStatus.TIMED_OUT,
  continuedAsNew: WorkflowExecutionStatus.CONTINUED_AS_NEW,
} as const satisfies Record<Ending["type"], enums.WorkflowExecutionStatus>;

/** Tells the parent and the followers of the end of the chain. The ids that only the parent knows are filled in there. */
export function announceEnd(run: Run, step: Step, ending: Exclude<Ending, { type: "continuedAsNew" }>): void {
  for (const to of run.followers) {
    send(run, step, {
      type: "workflowClosed",
      to,
      workflowId: run.workflowId,
      firstRunId: run.start.firstRunId,
      lastRunId: run.runId,
      status: statusAfter[ending.type],
      closedAtMs: step.nowMs,
      ...(ending.type === "completed" && ending.result && { result: common.Payloads.encode(ending.result) }),
      ...(ending.type === "failed" && { failure: failure.Failure.encode(ending.failure) }),
    });
  }
  const { parent, firstRunId } = run.start;
  if (!parent) return;
  send(run, step, {
    type: "childClosed",
    workflowId: parent.workflowId,
    runId: parent.runId,
    initiatedEventId: parent.initiatedEventId,
    firstRunId,
    event: history.HistoryEvent.encode(closedEvent(run, parent.namespace, ending)),
  });
}

function closedEvent(
  run: Run,
  namespace: string,
  ending: Exclude<Ending, { type: "continuedAsNew" }>,
): HistoryEventInit {
  const child = {
    namespace,
    namespaceId: run.namespaceId,
    workflowExecution: { workflowId: run.workflowId, runId: run.runId },
    workflowType: { name: run.start.workflowType },
  };
  switch (ending.type) {
    case "completed":
      return {
        eventType: EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED,
        childWorkflowExecutionCompletedEventAttributes: { ...child, result: ending.result },
      };
    case "failed":
      return {
        eventType: EventType.CHILD_WORKFLOW_EXECUTION_FAILED,
        childWorkflowExecutionFailedEventAttributes: {
          ...child,
          failure: ending.failure,
          retryState: ending.retryState,
        },
      };
    case "canceled":
      return {
        eventType: EventType.CHILD_WORKFLOW_EXECUTION_CANCELED,
        childWorkflowExecutionCanceledEventAttributes: { ...child, details: ending.details },
      };
    case "terminated":
      return {
        eventType: EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED,
        childWorkflowExecutionTerminatedEventAttributes: child,
      };
    case "timedOut":
      return {
        eventType: EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        childWorkflowExecutionTimedOutEventAttributes: { ...child, retryState: ending.retryState },
      };
    default:
      return ending satisfies never;
  }
}

/** Tells the children, each by its policy: also one whose start is still under way. */
export function leaveChildren(run: Run, step: Step): void {
  for (const child of [...run.children.values()]) {
    run.children.delete(child.initiatedEventId);
    run.changes.parts.add(`c/${child.initiatedEventId}`);
    if (child.policy === ParentClosePolicy.ABANDON) continue;
    send(run, step, {
      type: "parentClosed",
      workflowId: child.workflowId,
      parentRunId: run.runId,
      initiatedEventId: child.initiatedEventId,
      policy: child.policy === ParentClosePolicy.REQUEST_CANCEL ? "requestCancel" : "terminate",
    });
  }
}

/** The run was reset: its children stay, and the new run asks again for those whose start is still under way. */
export function handOverChildren(run: Run): void {
  for (const { initiatedEventId, status } of [...run.children.values()]) {
    run.children.delete(initiatedEventId);
    run.changes.parts.add(`c/${initiatedEventId}`);
    if (status.type !== "starting") continue;
    for (const { id, message } of [...run.outbox.values()])
      if (message.type === "startChild" && message.initiatedEventId === initiatedEventId) take(run, id);
  }
}
