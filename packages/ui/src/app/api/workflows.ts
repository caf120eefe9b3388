/** Workflows as the API shows them: the parts that the pages read. 64-bit numbers are texts, times RFC 3339. */
import { encodedValues, type Startable, withEncoded } from "../codec/encode.ts";
import type { HistoryEvent } from "../history/event.ts";
import { ask } from "./ask.ts";
import type { Failure } from "./failure.ts";

export interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

export interface WorkflowInfo {
  readonly execution: Execution;
  readonly type: { readonly name: string };
  readonly status: string;
  readonly startTime?: string;
  readonly closeTime?: string;
  readonly executionTime?: string;
  readonly historyLength?: string;
  readonly historySizeBytes?: string;
  readonly taskQueue?: string;
  readonly memo?: { readonly fields?: Readonly<Record<string, unknown>> };
  readonly searchAttributes?: { readonly indexedFields?: Readonly<Record<string, unknown>> };
  readonly parentExecution?: Execution;
  readonly parentNamespaceId?: string;
  readonly rootExecution?: Execution;
  readonly firstRunId?: string;
}

export interface PendingActivity {
  readonly activityId: string;
  readonly activityType: { readonly name: string };
  readonly state: string;
  readonly attempt?: number;
  readonly maximumAttempts?: number;
  readonly heartbeatDetails?: readonly unknown[];
  readonly lastHeartbeatTime?: string;
  readonly lastStartedTime?: string;
  readonly scheduledTime?: string;
  readonly nextAttemptScheduleTime?: string;
  readonly lastFailure?: Failure;
  readonly lastWorkerIdentity?: string;
  readonly paused?: boolean;
}

export interface PendingChild {
  readonly workflowId: string;
  readonly runId?: string;
  readonly workflowTypeName: string;
}

export interface PendingTask {
  readonly state: string;
  readonly scheduledTime?: string;
  readonly originalScheduledTime?: string;
  readonly startedTime?: string;
  readonly attempt?: number;
}

export interface Description {
  readonly workflowExecutionInfo: WorkflowInfo;
  readonly executionConfig?: {
    readonly taskQueue?: { readonly name: string };
    /** What its starter says of it, for people. */
    readonly userMetadata?: { readonly summary?: unknown; readonly details?: unknown };
  };
  readonly pendingActivities?: readonly PendingActivity[];
  readonly pendingChildren?: readonly PendingChild[];
  readonly pendingWorkflowTask?: PendingTask;
  readonly pendingNexusOperations?: readonly {
    readonly endpoint: string;
    readonly operation: string;
    readonly attempt?: number;
  }[];
}

export interface WorkflowPage {
  readonly executions?: readonly WorkflowInfo[];
  readonly nextPageToken?: string;
}

export interface WorkflowCount {
  readonly count?: string;
  readonly groups?: readonly { readonly groupValues: readonly unknown[]; readonly count: string }[];
}

const pageSize = 50;

export function listWorkflows(
  namespace: string,
  { query, after, size = pageSize }: { readonly query: string; readonly after?: string; readonly size?: number },
  signal: AbortSignal,
) {
  const asked = { query, pageSize: String(size), nextPageToken: after };
  return ask<WorkflowPage>(["namespaces", namespace, "workflows"], { query: asked, signal });
}

export function countWorkflows(namespace: string, query: string, signal: AbortSignal) {
  return ask<WorkflowCount>(["namespaces", namespace, "workflow-count"], { query: { query }, signal });
}

export function countByStatus(namespace: string, query: string, signal: AbortSignal) {
  const grouped = `${query} GROUP BY ExecutionStatus`.trim();
  return ask<WorkflowCount>(["namespaces", namespace, "workflow-count"], { query: { query: grouped }, signal });
}

/** One run; the latest of its id when `runId` is empty. */
export interface RunAddress {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

export function describeWorkflow({ namespace, workflowId, runId }: RunAddress, signal: AbortSignal) {
  const query = { "execution.runId": runId };
  return ask<Description>(["namespaces", namespace, "workflows", workflowId], { query, signal });
}

/** `body`: all but the ids; see StartWorkflowExecution. Answers with the run. */
export async function startWorkflow(namespace: string, workflowId: string, body: Startable) {
  const path = ["namespaces", namespace, "workflows", workflowId];
  return ask<{ runId: string }>(path, { body: await withEncoded(namespace, body) });
}

/** The event that began the run. */
export async function firstEvent({ namespace, workflowId, runId }: RunAddress, signal: AbortSignal) {
  const query = { "execution.runId": runId, maximumPageSize: "1" };
  const path = ["namespaces", namespace, "workflows", workflowId, "history"];
  const page = await ask<{ history?: { events?: readonly HistoryEvent[] } }>(path, { query, signal });
  return page.history?.events?.[0];
}

/** Parsed JSON values become the payloads of the input. */
export async function signalWorkflow(
  { namespace, workflowId, runId }: RunAddress,
  name: string,
  input: readonly unknown[],
) {
  const body = { workflowExecution: { runId }, input: await encodedValues(namespace, input), identity };
  return ask(["namespaces", namespace, "workflows", workflowId, "signal", name], { body });
}

export function cancelWorkflow({ namespace, workflowId, runId }: RunAddress, reason: string) {
  return ask(["namespaces", namespace, "workflows", workflowId, "cancel"], {
    body: { workflowExecution: { runId }, reason, identity },
  });
}

export function terminateWorkflow({ namespace, workflowId, runId }: RunAddress, reason: string) {
  return ask(["namespaces", namespace, "workflows", workflowId, "terminate"], {
    body: { workflowExecution: { runId }, reason, identity },
  });
}

export async function queryWorkflow(
  { namespace, workflowId, runId }: RunAddress,
  name: string,
  input: readonly unknown[],
) {
  const body = { execution: { runId }, query: { queryArgs: await encodedValues(namespace, input) } };
  return ask<{ queryResult?: readonly unknown[]; queryRejected?: { status?: string } }>(
    ["namespaces", namespace, "workflows", workflowId, "query", name],
    { body },
  );
}

/** Waits for its outcome, though not forever: `undefined` when the server had to let go before. Throws what the update failed with. */
export async function updateWorkflow(
  { namespace, workflowId, runId }: RunAddress,
  name: string,
  input: readonly unknown[],
): Promise<UpdateAnswer> {
  const body = {
    workflowExecution: { runId },
    waitPolicy: { lifecycleStage: "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED" },
    request: {
      meta: { updateId: crypto.randomUUID(), identity },
      input: { args: await encodedValues(namespace, input) },
    },
  };
  return ask<UpdateAnswer>(["namespaces", namespace, "workflows", workflowId, "update", name], { body });
}

export interface UpdateAnswer {
  /** Absent while it has not ended. */
  readonly outcome?: { readonly success?: readonly unknown[]; readonly failure?: Failure };
}

export function holdWorkflow(
  { namespace, workflowId, runId }: RunAddress,
  { verb, reason }: { readonly verb: "pause" | "unpause"; readonly reason: string },
) {
  const body = { runId, identity, reason, requestId: crypto.randomUUID() };
  return ask(["namespaces", namespace, "workflows", workflowId, verb], { body });
}

/** Terminates it first if it is open. */
export function deleteWorkflow({ namespace, workflowId, runId }: RunAddress) {
  return ask(["namespaces", namespace, "workflows", workflowId, "delete"], { body: { runId } });
}

/** A new run with the history up to this end of a workflow task. */
export function resetWorkflow(
  { namespace, workflowId, runId }: RunAddress,
  { eventId, reason }: { readonly eventId: string; readonly reason: string },
) {
  const body = {
    ...{ workflowExecution: { runId }, reason, workflowTaskFinishEventId: eventId },
    ...{ requestId: crypto.randomUUID(), identity },
  };
  return ask<{ runId: string }>(["namespaces", namespace, "workflows", workflowId, "reset"], { body });
}

/** In place of the worker that has it. A standalone activity has no workflow id: "". */
export async function completeActivity(address: RunAddress, activityId: string, result: unknown) {
  const body = { runId: address.runId, identity, result: await encodedValues(address.namespace, [result]) };
  return ask([...activityPath(address, activityId), "complete"], { body });
}

export function failActivity(address: RunAddress, activityId: string, message: string) {
  const info = { type: "FailedByHand", nonRetryable: true };
  const body = { runId: address.runId, identity, failure: { message, applicationFailureInfo: info } };
  return ask([...activityPath(address, activityId), "fail"], { body });
}

/** Of one that was asked to stop. */
export function resolveAsCanceled(address: RunAddress, activityId: string) {
  const body = { runId: address.runId, identity };
  return ask([...activityPath(address, activityId), "resolve-as-canceled"], { body });
}

function activityPath({ namespace, workflowId }: RunAddress, activityId: string): string[] {
  const owner = workflowId === "" ? [] : ["workflows", workflowId];
  return ["namespaces", namespace, ...owner, "activities", activityId];
}

/** `reset`: from its first attempt, at once. */
export type ActivityVerb = "pause" | "unpause" | "reset";

export function steerActivity(
  { namespace, workflowId, runId }: RunAddress,
  activityId: string,
  { verb, reason }: { readonly verb: ActivityVerb; readonly reason: string },
) {
  const body = { runId, identity, ...(verb !== "reset" && { reason, requestId: crypto.randomUUID() }) };
  return ask(["namespaces", namespace, "workflows", workflowId, "activities", activityId, verb], { body });
}

/** How histories name whoever acted here. */
export const identity = "web-ui";

export interface QueuePollers {
  readonly pollers?: readonly { readonly identity?: string; readonly lastAccessTime?: string }[];
}

export function workflowPollers(namespace: string, taskQueue: string, signal: AbortSignal) {
  return ask<QueuePollers>(["namespaces", namespace, "task-queues", taskQueue], {
    query: { taskQueueType: "TASK_QUEUE_TYPE_WORKFLOW" },
    signal,
  });
}

export function listNamespaces(signal: AbortSignal) {
  return ask<{ namespaces?: readonly { namespaceInfo: { name: string } }[] }>(["namespaces"], {
    query: { pageSize: "200" },
    signal,
  });
}
