/**
 * The state of a run from its history: a fold over its events. What history does not hold (attempts, heartbeats, who polled, what waits in the
 * buffer, which queue is sticky) is as in a run that nobody has touched since.
 *
 *   R1. What history determines is the same as in the live run; the tests of the engine check it after every command.
 *   R2. Nothing is sent and nothing is written: messages that were not answered lie in the outbox, for the caller to send.
 */
import { durationMs, enums, history, timestampMs } from "@pawl/protocol";
import { resolveRetryPolicy } from "../backoff.ts";
import { statusAfter } from "../family/family.ts";
import { foldCallbacks } from "../nexus/nexus-rebuild.ts";
import { countExternalPayloads } from "../run/external-payload.ts";
import { freshRun, noChanges, type Run } from "../state/run.ts";
import type { ResetPoint, RunStart } from "../state/run-start.ts";
import { indexVersioning } from "../versioning/version-index.ts";
import { initialVersioning, startedHeirloom } from "../versioning/version-inheritance.ts";
import { completed } from "../versioning/versioning.ts";
import { rememberBuild } from "../versioning/worker-build.ts";
import { runExpiresAtMs } from "../workflow/new-run.ts";
import { applyOptions } from "../workflow/workflow-options.ts";
import { mergeMemo, mergeSearchAttributes } from "../workflow-task/worker-commands.ts";
import { foldPending } from "./rebuild-pending.ts";

/** What the events do not say of the run that they are folded into. */
export interface RebuildTarget {
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** The namespace's name. */
  readonly namespace: string;
  /** Of the request that started the run. */
  readonly requestId: string;
  readonly chainRequestId?: string | undefined;
}

/** Throws when the events do not begin with that of a start. */
export function rebuild(events: readonly history.HistoryEvent[], target: RebuildTarget): Run {
  return new Rebuilding(events, target).done();
}

/** A fold that is given the events some at a time. */
export class Rebuilding {
  readonly #run: Run;

  /** Throws when the events, the first ones, do not begin with that of a start. */
  constructor(first: readonly history.HistoryEvent[], target: RebuildTarget) {
    this.#run = begun(first[0], target);
    this.add(first);
  }

  add(events: readonly history.HistoryEvent[]): void {
    for (const event of events) fold(this.#run, event);
    countExternalPayloads(this.#run, events);
  }

  done(): Run {
    Object.assign(this.#run.changes, noChanges());
    return this.#run;
  }
}

/** Everything of a run that was made at once is new to the store. */
export function keepAll({ changes, ...run }: Run): void {
  changes.core = true;
  changes.visibility = true;
  const keep = (kind: string, keys: Iterable<string | number>) => {
    for (const key of keys) changes.parts.add(`${kind}/${key}`);
  };
  keep("a", run.activities.keys());
  keep("t", run.timers.keys());
  keep("c", run.children.keys());
  keep("o", run.outbox.keys());
  keep("n", run.nexusOperations.keys());
  keep("k", run.callbacks.keys());
  keep("u", run.updates.keys());
  keep("q", run.attachedRequests.keys());
  keep("r", run.signalRequestIds);
  if (run.startEvent) changes.parts.add("s");
}

/** The run before its first event is folded into it. */
function begun(first: history.HistoryEvent | undefined, target: RebuildTarget): Run {
  const started = first?.workflowExecutionStartedEventAttributes;
  if (!first || !started) throw new Error("history does not begin with the start of a workflow");
  const start = startOf(first, started, target);
  const run = freshRun({ ...target, start });
  if (start.firstTaskBackoffMs > 0) run.firstTaskAtMs = start.startedAtMs + start.firstTaskBackoffMs;
  run.memo = started.memo;
  run.searchAttributes = started.searchAttributes;
  run.versioning = initialVersioning(startedHeirloom(started));
  indexVersioning(run, null);
  run.resetPoints = (started.prevAutoResetPoints?.points ?? []).map(resetPoint);
  if (start.retryPolicy || start.cronSchedule !== "")
    run.startEvent = history.WorkflowExecutionStartedEventAttributes.encode(started);
  foldCallbacks(run, first);
  return run;
}

function startOf(
  event: history.HistoryEvent,
  started: history.WorkflowExecutionStartedEventAttributes,
  { namespace, requestId, chainRequestId }: RebuildTarget,
): RunStart {
  const startedAtMs = timestampMs(event.eventTime);
  const firstTaskBackoffMs = durationMs(started.firstWorkflowTaskBackoff);
  const runTimeoutMs = durationMs(started.workflowRunTimeout);
  const executionExpiresAtMs = timestampMs(started.workflowExecutionExpirationTime);
  const { parentWorkflowExecution: parent, rootWorkflowExecution: root } = started;
  return {
    namespace,
    workflowType: started.workflowType?.name ?? "",
    taskQueue: started.taskQueue?.name ?? "",
    executionTimeoutMs: durationMs(started.workflowExecutionTimeout),
    runTimeoutMs,
    taskTimeoutMs: durationMs(started.workflowTaskTimeout),
    startedAtMs,
    firstTaskBackoffMs,
    retryPolicy: started.retryPolicy ? resolveRetryPolicy(started.retryPolicy) : null,
    cronSchedule: started.cronSchedule,
    attempt: started.attempt,
    firstRunId: started.firstExecutionRunId,
    originalRunId: started.originalExecutionRunId,
    executionExpiresAtMs,
    runExpiresAtMs: runExpiresAtMs(runTimeoutMs, startedAtMs + firstTaskBackoffMs, executionExpiresAtMs),
    requestId,
    chainRequestId,
    parent: parent
      ? {
          namespace: started.parentWorkflowNamespace,
          namespaceId: started.parentWorkflowNamespaceId,
          workflowId: parent.workflowId,
          runId: parent.runId,
          initiatedEventId: started.parentInitiatedEventId,
        }
      : null,
    root: root ? { workflowId: root.workflowId, runId: root.runId } : null,
    priority: started.priority,
    userMetadata: event.userMetadata,
    namesRunTimeout: started.workflowRunTimeout !== undefined,
  };
}

function resetPoint({
  firstWorkflowTaskCompletedId,
  createTime,
  expireTime,
  ...rest
}: NonNullable<history.WorkflowExecutionStartedEventAttributes["prevAutoResetPoints"]>["points"][number]): ResetPoint {
  return {
    ...rest,
    completedEventId: firstWorkflowTaskCompletedId,
    createdAtMs: timestampMs(createTime),
    expiresAtMs: timestampMs(expireTime),
  };
}

function fold(run: Run, event: history.HistoryEvent): void {
  run.nextEventId = event.eventId + 1;
  // An activity's started event carries its own, earlier time.
  run.lastEventAtMs = Math.max(run.lastEventAtMs, timestampMs(event.eventTime));
  if (foldTask(run, event) || foldPending(run, event) || foldWorkflow(run, event)) return;
  if (!(marks as readonly number[]).includes(event.eventType))
    throw new Error(`event ${event.eventId} has a type that this build does not know: ${event.eventType}`);
}

const { EventType } = enums;

/** Events that change nothing but history. */
const marks = [
  EventType.WORKFLOW_EXECUTION_STARTED,
  EventType.MARKER_RECORDED,
  EventType.ACTIVITY_TASK_STARTED,
] as const;

function foldTask(run: Run, event: history.HistoryEvent): boolean {
  const atMs = timestampMs(event.eventTime);
  const task = run.workflowTask;
  switch (event.eventType) {
    case EventType.WORKFLOW_TASK_SCHEDULED: {
      const { attempt, startToCloseTimeout } = event.workflowTaskScheduledEventAttributes!;
      run.firstTaskAtMs = null;
      run.workflowTask = {
        type: "scheduled",
        transient: false,
        speculative: false,
        scheduledEventId: event.eventId,
        attempt,
        stamp: 0,
        scheduledAtMs: atMs,
        originalScheduledAtMs: atMs,
        timeoutMs: durationMs(startToCloseTimeout),
        scheduleToStartAtMs: null,
      };
      return true;
    }
    case EventType.WORKFLOW_TASK_STARTED: {
      const started = event.workflowTaskStartedEventAttributes!;
      if (task.type !== "scheduled") throw new Error(`event ${event.eventId} starts a task that is not scheduled`);
      const { scheduleToStartAtMs: _, ...scheduled } = task;
      run.workflowTask = {
        ...scheduled,
        type: "started",
        startedEventId: event.eventId,
        startedAtMs: atMs,
        identity: started.identity,
        requestId: started.requestId,
        historySizeBytes: started.historySizeBytes,
        continueAsNewReasons: started.suggestContinueAsNewReasons,
      };
      return true;
    }
    case EventType.WORKFLOW_TASK_COMPLETED: {
      const attributes = event.workflowTaskCompletedEventAttributes!;
      const { startedEventId, binaryChecksum, workerVersion, deploymentVersion: version } = attributes;
      run.workflowTask = { type: "none" };
      run.lastCompletedStartedEventId = startedEventId;
      if (workerVersion) run.lastWorkerVersion = workerVersion;
      const buildId = version?.buildId ?? workerVersion?.buildId ?? "";
      const build = { buildId, binaryChecksum, isVersioned: version !== undefined };
      rememberBuild(run, build, { eventId: event.eventId, atMs });
      const completer = {
        version: version ?? null,
        deploymentName: attributes.workerDeploymentName,
        behavior: attributes.versioningBehavior,
      };
      const before = run.versioning;
      run.versioning = completed(before, completer, completer.version);
      indexVersioning(run, before);
      return true;
    }
    case EventType.WORKFLOW_TASK_FAILED:
    case EventType.WORKFLOW_TASK_TIMED_OUT:
      run.workflowTask = { type: "none" };
      return true;
    default:
      return false;
  }
}

const endings: Readonly<Record<number, keyof typeof statusAfter>> = {
  [EventType.WORKFLOW_EXECUTION_COMPLETED]: "completed",
  [EventType.WORKFLOW_EXECUTION_FAILED]: "failed",
  [EventType.WORKFLOW_EXECUTION_CANCELED]: "canceled",
  [EventType.WORKFLOW_EXECUTION_TERMINATED]: "terminated",
  [EventType.WORKFLOW_EXECUTION_TIMED_OUT]: "timedOut",
  [EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW]: "continuedAsNew",
};

function foldWorkflow(run: Run, event: history.HistoryEvent): boolean {
  const ending = endings[event.eventType];
  if (ending) {
    close(run, statusAfter[ending], timestampMs(event.eventTime));
    return true;
  }
  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_SIGNALED: {
      const { requestId } = event.workflowExecutionSignaledEventAttributes!;
      run.signalCount += 1;
      if (requestId !== "") run.signalRequestIds.add(requestId);
      return true;
    }
    case EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      run.cancelRequest = { requestId: "" };
      return true;
    case EventType.WORKFLOW_EXECUTION_PAUSED: {
      const { identity, reason, requestId } = event.workflowExecutionPausedEventAttributes!;
      run.pause = { atMs: timestampMs(event.eventTime), identity, reason, requestId };
      return true;
    }
    case EventType.WORKFLOW_EXECUTION_UNPAUSED:
      run.pause = null;
      return true;
    case EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED:
      applyOptions(run, event.workflowExecutionOptionsUpdatedEventAttributes!, {
        eventId: event.eventId,
        atMs: timestampMs(event.eventTime),
      });
      return true;
    case EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
      mergeSearchAttributes(run, event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes);
      return true;
    case EventType.WORKFLOW_PROPERTIES_MODIFIED:
      mergeMemo(run, event.workflowPropertiesModifiedEventAttributes?.upsertedMemo);
      return true;
    default:
      return false;
  }
}

/** Everything pending goes, as it does in the live run. */
function close(run: Run, status: enums.WorkflowExecutionStatus, closedAtMs: number): void {
  run.status = { type: "closed", status, closedAtMs };
  run.workflowTask = { type: "none" };
  run.firstTaskAtMs = null;
  run.startEvent = null;
  const { activities, activityIds, timers, children, nexusOperations, outbox, signalRequestIds } = run;
  for (const pending of [activities, activityIds, timers, children, nexusOperations, outbox, signalRequestIds])
    pending.clear();
  for (const [updateId, { status: stage }] of [...run.updates]) if (stage === "reapplied") run.updates.delete(updateId);
}
