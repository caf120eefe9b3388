/** What a batch does to each of its executions: a call of the API, as its caller could make it one by one. */
import { createHash } from "node:crypto";
import { type common, enums, type Init, type MethodName, type RequestOf } from "@pawl/protocol";
import type { BatchRequest } from "./batch-job.ts";

/** One execution of a batch. */
export interface Target {
  readonly id: string;
  readonly runId: string;
}

export type BatchCall = {
  readonly [N in MethodName]: { readonly method: N; readonly request: Init<RequestOf<N>> };
}[MethodName];

export interface BatchOperation {
  readonly type: enums.BatchOperationType;
  readonly kind: "workflow" | "activity";
  /** Whether executions that have closed are among its targets. */
  readonly takesClosed: boolean;
  /** A reset needs to know where to: that is found for each target. */
  readonly call: ((target: Target) => BatchCall) | "reset";
}

const { BatchOperationType: Type, ExecutionType } = enums;

/** The executions that the request names, in the form of the API's newer field for them. */
export function namedExecutions(request: BatchRequest): common.Execution[] {
  const type = operationOf(request)?.kind === "activity" ? ExecutionType.ACTIVITY : ExecutionType.WORKFLOW;
  return [
    ...request.executions.map(({ workflowId: businessId, runId }) => ({ type, businessId, runId })),
    ...request.targetExecutions,
  ];
}

/** The one operation that the request names; undefined when it names none, or several. */
export function operationOf(request: BatchRequest): BatchOperation | undefined {
  const named = [onWorkflows(request), onTheirActivities(request), onActivities(request)].flat();
  return named.length === 1 ? named[0] : undefined;
}

/** The same for a target whenever it is asked again, so that an interrupted batch does nothing twice. */
export function requestIdOf({ jobId }: BatchRequest, { id, runId }: Target): string {
  const hex = createHash("sha256")
    .update(JSON.stringify([jobId, id, runId]))
    .digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const workflowExecution = ({ id, runId }: Target) => ({ workflowId: id, runId });

function onWorkflows(request: BatchRequest): BatchOperation[] {
  const { namespace, reason } = request;
  const {
    terminationOperation: terminate,
    cancellationOperation: cancel,
    signalOperation: signal,
    deletionOperation: remove,
    resetOperation: reset,
    updateWorkflowOptionsOperation: options,
  } = request;
  const on = (type: enums.BatchOperationType, call: BatchOperation["call"], takesClosed = false): BatchOperation => ({
    ...{ type, kind: "workflow", takesClosed, call },
  });
  const operations: (BatchOperation | undefined)[] = [
    terminate &&
      on(Type.TERMINATE_WORKFLOW, (target) => ({
        method: "TerminateWorkflowExecution",
        request: { namespace, workflowExecution: workflowExecution(target), reason, ...terminate },
      })),
    cancel &&
      on(Type.CANCEL_WORKFLOW, (target) => ({
        method: "RequestCancelWorkflowExecution",
        request: {
          ...{ namespace, workflowExecution: workflowExecution(target), reason, identity: cancel.identity },
          requestId: requestIdOf(request, target),
        },
      })),
    signal &&
      on(Type.SIGNAL_WORKFLOW, (target) => ({
        method: "SignalWorkflowExecution",
        request: {
          ...{ namespace, workflowExecution: workflowExecution(target), signalName: signal.signal },
          ...{ input: signal.input, header: signal.header, identity: signal.identity },
          requestId: requestIdOf(request, target),
        },
      })),
    remove &&
      on(
        Type.DELETE_WORKFLOW,
        (target) => ({
          method: "DeleteWorkflowExecution",
          request: { namespace, workflowExecution: workflowExecution(target) },
        }),
        true,
      ),
    reset && on(Type.RESET_WORKFLOW, "reset", true),
    options &&
      on(Type.UPDATE_WORKFLOW_EXECUTION_OPTIONS, (target) => ({
        method: "UpdateWorkflowExecutionOptions",
        request: { namespace, workflowExecution: workflowExecution(target), ...options },
      })),
  ];
  return operations.filter((operation) => operation !== undefined);
}

function onTheirActivities({
  namespace,
  unpauseActivitiesOperation: unpause,
  resetActivitiesOperation: reset,
  updateActivityOptionsOperation: options,
}: BatchRequest): BatchOperation[] {
  const on = (type: enums.BatchOperationType, call: (target: Target) => BatchCall): BatchOperation => ({
    ...{ type, kind: "workflow", takesClosed: false, call },
  });
  const selected = ({ type, matchAll }: { type?: string | undefined; matchAll?: boolean | undefined }) =>
    matchAll ? { unpauseAll: true } : { type };
  const operations: (BatchOperation | undefined)[] = [
    unpause &&
      on(Type.UNPAUSE_ACTIVITY, (target) => ({
        method: "UnpauseActivity",
        request: {
          ...{ namespace, execution: workflowExecution(target), identity: unpause.identity, ...selected(unpause) },
          ...{ resetAttempts: unpause.resetAttempts, resetHeartbeat: unpause.resetHeartbeat, jitter: unpause.jitter },
        },
      })),
    reset &&
      on(Type.RESET_ACTIVITY, (target) => ({
        method: "ResetActivity",
        request: {
          ...{ namespace, execution: workflowExecution(target), identity: reset.identity },
          ...(reset.matchAll ? { matchAll: true } : { type: reset.type }),
          ...{ resetHeartbeat: reset.resetHeartbeat, keepPaused: reset.keepPaused, jitter: reset.jitter },
          restoreOriginalOptions: reset.restoreOriginalOptions,
        },
      })),
    options &&
      on(Type.UPDATE_ACTIVITY_OPTIONS, (target) => ({
        method: "UpdateActivityOptions",
        request: {
          ...{ namespace, execution: workflowExecution(target), identity: options.identity },
          ...(options.matchAll ? { matchAll: true } : { type: options.type }),
          ...{ activityOptions: options.activityOptions, updateMask: options.updateMask },
          restoreOriginal: options.restoreOriginal,
        },
      })),
  ];
  return operations.filter((operation) => operation !== undefined);
}

/** Standalone ones. */
function onActivities(request: BatchRequest): BatchOperation[] {
  const {
    namespace,
    cancelActivitiesOperation: cancel,
    terminateActivitiesOperation: terminate,
    deleteActivitiesOperation: remove,
  } = request;
  const activity = ({ id, runId }: Target) => ({ namespace, activityId: id, runId });
  const operations: (BatchOperation | undefined)[] = [
    cancel && {
      ...{ type: Type.CANCEL_ACTIVITY, kind: "activity", takesClosed: false },
      call: (target) => ({
        method: "RequestCancelActivityExecution",
        request: { ...activity(target), ...cancel, requestId: requestIdOf(request, target) },
      }),
    },
    terminate && {
      ...{ type: Type.TERMINATE_ACTIVITY, kind: "activity", takesClosed: false },
      call: (target) => ({
        method: "TerminateActivityExecution",
        request: { ...activity(target), ...terminate, requestId: requestIdOf(request, target) },
      }),
    },
    remove && {
      ...{ type: Type.DELETE_ACTIVITY, kind: "activity", takesClosed: true },
      call: (target) => ({ method: "DeleteActivityExecution", request: activity(target) }),
    },
  ];
  return operations.filter((operation) => operation !== undefined);
}
