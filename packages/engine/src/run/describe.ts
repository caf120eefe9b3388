/** What a caller is shown of a run: DescribeWorkflowExecution and the rows of lists. */
import { type workflow as api, enums, type Init, toDuration, toTimestamp, type workflowservice } from "@pawl/protocol";
import { wireOptions } from "../activity/attempt-operator.ts";
import { callbackInfo, pendingNexusOperation } from "../nexus/describe-nexus.ts";
import { wireResetPoints } from "../reset/reset-point.ts";
import type { Activity } from "../state/activity.ts";
import type { Run } from "../state/run.ts";
import { versioningInfo } from "../versioning/versioning.ts";
import { optionalDuration } from "../workflow/new-run.ts";
import { statusOf } from "../workflow/start.ts";
import { shownSearchAttributes } from "./derived-attribute.ts";

/** How the reference server writes a time that there is not: the year 1. */
const never = { seconds: -62_135_596_800, nanos: 0 };

const { PendingActivityState, PendingWorkflowTaskState, TaskQueueKind } = enums;

export function describe(run: Run): Init<workflowservice.DescribeWorkflowExecutionResponse> {
  const { start } = run;
  return {
    executionConfig: {
      taskQueue: { name: start.taskQueue, kind: TaskQueueKind.NORMAL },
      workflowExecutionTimeout: optionalDuration(start.executionTimeoutMs),
      workflowRunTimeout: start.namesRunTimeout ? toDuration(start.runTimeoutMs) : undefined,
      defaultWorkflowTaskTimeout: toDuration(start.taskTimeoutMs),
      userMetadata: start.userMetadata,
    },
    workflowExecutionInfo: executionInfo(run),
    pendingActivities: [...run.activities.values()].map(pendingActivity),
    pendingChildren: [...run.children.values()].map(
      ({ workflowId, workflowType, initiatedEventId, policy, status }) => ({
        workflowId,
        runId: status.type === "started" ? status.runId : "",
        workflowTypeName: workflowType,
        initiatedId: initiatedEventId,
        parentClosePolicy: policy,
      }),
    ),
    pendingWorkflowTask: pendingWorkflowTask(run),
    pendingNexusOperations: [...run.nexusOperations.values()].map(pendingNexusOperation),
    callbacks: [...run.callbacks.values()].map(callbackInfo),
    workflowExtendedInfo: {
      ...(start.executionExpiresAtMs > 0 && { executionExpirationTime: toTimestamp(start.executionExpiresAtMs) }),
      runExpirationTime: start.runExpiresAtMs > 0 ? toTimestamp(start.runExpiresAtMs) : never,
      cancelRequested: run.cancelRequest !== null,
      originalStartTime: toTimestamp(start.reset?.originalStartedAtMs ?? start.startedAtMs),
      ...(start.reset && { lastResetTime: toTimestamp(start.startedAtMs) }),
      resetRunId: run.resetRunId,
      ...(run.pause && {
        pauseInfo: {
          identity: run.pause.identity,
          reason: run.pause.reason,
          pausedTime: toTimestamp(run.pause.atMs),
        },
      }),
      requestIdInfos: requestIdInfos(run),
    },
  };
}

/** By which events the requests are known that started the run or joined it. */
function requestIdInfos({ start, attachedRequests }: Run): Record<string, Init<api.RequestIdInfo>> {
  const { WORKFLOW_EXECUTION_STARTED, WORKFLOW_EXECUTION_OPTIONS_UPDATED } = enums.EventType;
  const infos: Record<string, Init<api.RequestIdInfo>> = {
    [start.requestId]: { eventType: WORKFLOW_EXECUTION_STARTED, eventId: 1 },
  };
  for (const [requestId, eventId] of attachedRequests)
    infos[requestId] = { eventType: WORKFLOW_EXECUTION_OPTIONS_UPDATED, eventId, buffered: eventId === 0 };
  return infos;
}

/** The row of a list; also the heart of Describe. History length and size are final only once the run has closed. */
export function executionInfo(run: Run): Init<api.WorkflowExecutionInfo> {
  const { start, status } = run;
  const executionAtMs = start.startedAtMs + start.firstTaskBackoffMs;
  return {
    execution: { workflowId: run.workflowId, runId: run.runId },
    type: { name: start.workflowType },
    startTime: toTimestamp(start.startedAtMs),
    executionTime: toTimestamp(executionAtMs),
    ...(status.type === "closed" && {
      closeTime: toTimestamp(status.closedAtMs),
      executionDuration: toDuration(Math.max(0, status.closedAtMs - executionAtMs)),
    }),
    status: statusOf(run),
    historyLength: run.nextEventId - 1,
    historySizeBytes: run.historySizeBytes,
    stateTransitionCount: run.stateTransitionCount,
    externalPayloadCount: run.externalPayloads.count,
    externalPayloadSizeBytes: run.externalPayloads.sizeBytes,
    ...(start.parent && {
      parentNamespaceId: start.parent.namespaceId,
      parentExecution: { workflowId: start.parent.workflowId, runId: start.parent.runId },
    }),
    rootExecution: start.root ?? { workflowId: run.workflowId, runId: run.runId },
    firstRunId: start.firstRunId,
    memo: run.memo ?? {},
    searchAttributes: shownSearchAttributes(run),
    autoResetPoints: wireResetPoints(run.resetPoints),
    taskQueue: start.taskQueue,
    mostRecentWorkerVersionStamp: run.lastWorkerVersion,
    priority: start.priority,
    versioningInfo: versioningInfo(run.versioning),
    workerDeploymentName: run.versioning?.deploymentName ?? "",
  };
}

function pendingWorkflowTask({ workflowTask: task }: Run): Init<api.PendingWorkflowTaskInfo> | undefined {
  if (task.type === "none") return undefined;
  return {
    state: task.type === "started" ? PendingWorkflowTaskState.STARTED : PendingWorkflowTaskState.SCHEDULED,
    scheduledTime: toTimestamp(task.scheduledAtMs),
    originalScheduledTime: toTimestamp(task.originalScheduledAtMs),
    ...(task.type === "started" && { startedTime: toTimestamp(task.startedAtMs) }),
    attempt: task.attempt,
  };
}

export function pendingActivity(activity: Activity): Init<api.PendingActivityInfo> {
  const { options, status } = activity;
  return {
    activityId: activity.activityId,
    activityType: { name: activity.activityType },
    state: activityState(activity),
    attempt: activity.reset ? 1 : activity.attempt,
    maximumAttempts: options.retryPolicy.maximumAttempts,
    scheduledTime: toTimestamp(status.type === "started" ? activity.scheduledAtMs : status.dispatchAtMs),
    ...(options.scheduleToCloseTimeoutMs > 0 && {
      expirationTime: toTimestamp(activity.scheduledAtMs + options.scheduleToCloseTimeoutMs),
    }),
    ...(status.type === "started" && { lastStartedTime: toTimestamp(status.startedAtMs) }),
    lastWorkerIdentity: activity.lastWorkerIdentity,
    lastDeploymentVersion: activity.lastDeploymentVersion,
    lastFailure: activity.lastFailure,
    ...(activity.lastAttemptCompletedAtMs !== null && {
      lastAttemptCompleteTime: toTimestamp(activity.lastAttemptCompletedAtMs),
    }),
    ...(status.type === "backingOff" &&
      !activity.paused && {
        nextAttemptScheduleTime: toTimestamp(status.dispatchAtMs),
        currentRetryInterval: toDuration(
          status.dispatchAtMs - (activity.lastAttemptCompletedAtMs ?? status.dispatchAtMs),
        ),
      }),
    ...(activity.lastHeartbeatAtMs !== null && {
      heartbeatDetails: activity.heartbeatDetails,
      lastHeartbeatTime: toTimestamp(activity.lastHeartbeatAtMs),
    }),
    priority: options.priority,
    activityOptions: wireOptions(options),
    ...(activity.paused && {
      paused: true,
      pauseInfo: {
        pauseTime: toTimestamp(activity.paused.atMs),
        manual: { identity: activity.paused.identity, reason: activity.paused.reason },
      },
    }),
  };
}

function activityState(activity: Activity): enums.PendingActivityState {
  if (activity.cancelRequestedEventId !== null) return PendingActivityState.CANCEL_REQUESTED;
  if (activity.paused)
    return activity.status.type === "started" ? PendingActivityState.PAUSE_REQUESTED : PendingActivityState.PAUSED;
  return activity.status.type === "started" ? PendingActivityState.STARTED : PendingActivityState.SCHEDULED;
}
