/** A run's first event as what its workflow code may know of it. */
import { type history, timestampMs } from "@pawl/protocol";
import type { RunStart } from "../value/activation.ts";
import { compiledRetryPolicy, wireDurationMs } from "../value/wire.ts";
import type { WorkerDeploymentVersion } from "../value/worker-deployments.ts";

export interface RunIdentity {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Where its workflow tasks come from, and its activities go unless they say otherwise. */
  readonly taskQueue: string;
  /** Of this worker. */
  readonly deploymentVersion?: WorkerDeploymentVersion | undefined;
}

/** A workflow task may run this long when its start says nothing. */
const taskTimeoutDefaultMs = 10_000;

export function runStart(event: history.HistoryEvent, identity: RunIdentity): RunStart {
  const from = event.workflowExecutionStartedEventAttributes!;
  const { parentWorkflowExecution: parent, rootWorkflowExecution: root } = from;
  return {
    ...identity,
    workflowType: from.workflowType?.name ?? "",
    firstExecutionRunId: from.firstExecutionRunId || identity.runId,
    continuedFromExecutionRunId: from.continuedExecutionRunId || undefined,
    // The original run's id, so that a reset run repeats the choices of the one it was reset from.
    randomSeed: from.originalExecutionRunId || identity.runId,
    startTimeMs: timestampMs(event.eventTime),
    memo: from.memo?.fields,
    searchAttributes: from.searchAttributes?.indexedFields,
    parent: parent && {
      workflowId: parent.workflowId,
      runId: parent.runId,
      namespace: from.parentWorkflowNamespace,
    },
    root: root && { workflowId: root.workflowId, runId: root.runId },
    attempt: from.attempt,
    cronSchedule: from.cronSchedule || undefined,
    cronScheduleToScheduleIntervalMs: from.cronSchedule ? wireDurationMs(from.firstWorkflowTaskBackoff) : undefined,
    executionTimeoutMs: wireDurationMs(from.workflowExecutionTimeout),
    executionExpirationTimeMs: from.workflowExecutionExpirationTime
      ? timestampMs(from.workflowExecutionExpirationTime)
      : undefined,
    runTimeoutMs: wireDurationMs(from.workflowRunTimeout),
    taskTimeoutMs: wireDurationMs(from.workflowTaskTimeout) ?? taskTimeoutDefaultMs,
    retryPolicy: compiledRetryPolicy(from.retryPolicy),
    priority: from.priority,
    lastResult: from.lastCompletionResult?.payloads ?? [],
    lastFailure: from.continuedFailure,
  };
}
