/** What batch operations must keep to, and what they act on. */
import { Rejection } from "@pawl/engine";
import { enums, type RequestOf } from "@pawl/protocol";
import type { VisibilityFilter } from "@pawl/store";
import { limits } from "../../limits.ts";
import { idProblem, invalid } from "../field-rules.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { activityResolver } from "../standalone/activity-execution-list.ts";
import { withUnservedQueues } from "../visibility/unserved-queue.ts";
import { readQuery, workflowResolver } from "../visibility/visibility.ts";
import type { BatchJob, BatchRequest } from "./batch-job.ts";
import { type BatchOperation, operationOf } from "./batch-operation.ts";
import { resetProblem } from "./batch-reset.ts";

/** The executions that the query finds and the operation can do something to. */
export async function batchFilter(
  { searchAttributes, matching }: Pick<Parts, "searchAttributes" | "matching">,
  namespace: Namespace,
  { request, startedAtMs }: Pick<BatchJob, "request" | "startedAtMs">,
): Promise<VisibilityFilter | Rejection> {
  const operation = operationOf(request)!;
  const resolve = (operation.kind === "workflow" ? workflowResolver : activityResolver)(namespace, searchAttributes);
  const read = readQuery(request.visibilityQuery, resolve);
  if (read instanceof Rejection) return read;
  if (read.groupBy !== undefined) return invalid("invalid query: operation is not supported: 'GROUP BY' clause");
  const isOfWorkflows = operation.kind === "workflow";
  const filter = isOfWorkflows ? await withUnservedQueues(matching, namespace.id, read.filter) : read.filter;
  return { op: "and", all: [filter, ...statesOf(operation, startedAtMs)] };
}

const isOpen: VisibilityFilter = { op: "isNull", name: "CloseTime" };

function statesOf({ call, takesClosed }: BatchOperation, startedAtMs: number): VisibilityFilter[] {
  if (!takesClosed) return [isOpen];
  if (call !== "reset") return [];
  // Neither the runs that resets make, nor those that they end.
  return [
    { op: "<", name: "StartTime", value: startedAtMs },
    { op: "or", all: [isOpen, { op: "<", name: "CloseTime", value: startedAtMs }] },
  ];
}

export function startProblem(request: RequestOf<"StartBatchOperation">): Rejection | undefined {
  const { jobId, reason, visibilityQuery, executions, targetExecutions, maxOperationsPerSecond } = request;
  const selectors = [visibilityQuery, executions, targetExecutions].filter(({ length }) => length > 0);
  const namedCount = executions.length + targetExecutions.length;
  const problem = idProblem("JobId", jobId);
  if (problem) return problem;
  if (reason === "") return invalid("Reason is not set on request.");
  if (selectors.length === 0) return invalid("VisibilityQuery, Executions or TargetExecutions must be set on request.");
  if (selectors.length > 1) return invalid("VisibilityQuery, Executions and TargetExecutions are mutually exclusive.");
  if (namedCount > limits.batchExecutionsMax)
    return invalid(`Number of executions exceeds the limit: ${namedCount} > ${limits.batchExecutionsMax}.`);
  if (!(maxOperationsPerSecond >= 0)) return invalid("MaxOperationsPerSecond is negative.");
  const operation = operationOf(request);
  if (!operation) return invalid("Exactly one operation must be set on request.");
  return targetsProblem(request, operation) ?? operationProblem(request);
}

function targetsProblem({ targetExecutions }: BatchRequest, { kind }: BatchOperation): Rejection | undefined {
  const wanted = enums.ExecutionType[kind === "activity" ? "ACTIVITY" : "WORKFLOW"];
  const wrongAt = targetExecutions.findIndex(({ type }) => type !== wanted);
  return wrongAt < 0 ? undefined : invalid(`target_executions[${wrongAt}] is no ${kind}, which the operation is for.`);
}

/** Of what would otherwise fail with each execution alike. */
function operationProblem(request: BatchRequest): Rejection | undefined {
  const { signalOperation: signal, updateWorkflowOptionsOperation: options, resetOperation: reset } = request;
  if (signal?.signal === "") return invalid("Signal name of the operation is not set.");
  if (options && !options.workflowExecutionOptions)
    return invalid("WorkflowExecutionOptions of the operation are not set.");
  if (options && !options.updateMask) return invalid("UpdateMask of the operation is not set.");
  return (reset && resetProblem(reset)) ?? activitiesProblem(request);
}

function activitiesProblem({
  unpauseActivitiesOperation: unpause,
  resetActivitiesOperation: reset,
  updateActivityOptionsOperation: options,
}: BatchRequest): Rejection | undefined {
  const selecting = unpause ?? reset ?? options;
  if (selecting && !selecting.type && !selecting.matchAll)
    return invalid("Either activity type must be set, or match all should be set to true");
  if (options?.activityOptions && options.restoreOriginal)
    return invalid("cannot set both activity options and restore original");
  return options && !options.activityOptions && !options.restoreOriginal
    ? invalid("Either activity options must be set, or restore original should be set to true")
    : undefined;
}

export function stopProblem(jobId: string, reason: string): Rejection | undefined {
  if (jobId === "") return invalid("JobId is not set on request.");
  return reason === "" ? invalid("Reason is not set on request.") : undefined;
}
