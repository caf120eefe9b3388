/** R1 of `rebuild.ts`, for tests: what the history of a run determines of its state is the same in the live run. */
import assert from "node:assert/strict";
import type { history } from "@pawl/protocol";
import { rebuild } from "./rebuild.ts";
import type { Activity, NexusOperation, Run } from "./run.ts";
import { unversionedRun } from "./versioning.ts";

/** Checks it, where the live run is not ahead of its history: a run with buffered events has taken them into account already. */
export function checkRebuild(events: readonly history.HistoryEvent[], live: Run): void {
  if (live.buffered.length > 0) return;
  const { namespaceId, workflowId, runId, start } = live;
  const target = { namespaceId, workflowId, runId, namespace: start.namespace, requestId: start.requestId };
  const rebuilt = rebuild(events, target);
  assert.deepEqual(plain(determined(rebuilt, live)), plain(determined(live, live)), "state rebuilt from history (R1)");
}

/** Values that say the same are equal whether they were decoded or made: without prototypes, absent fields and buffers. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (value instanceof Set) return [...value].sort();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && !isEmptyList(field));
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Of `run`, what history determines. Some of it depends on what the live run does at the moment. */
function determined(run: Run, live: Run) {
  const shown = live.workflowTask.type !== "none" && live.workflowTask.transient;
  return {
    // A run that came of a reset says so outside of its history, and has its time anew.
    start: { ...run.start, reset: live.start.reset, ...(live.start.reset && timesOf(live)) },
    status: run.status,
    nextEventId: run.nextEventId,
    lastEventAtMs: run.lastEventAtMs,
    // A task that is only shown is not in history.
    task: shown ? "shown" : taskOf(run),
    // That its time has come while the workflow was paused is in no event.
    firstTaskAtMs: live.start.reset || live.pause ? null : run.firstTaskAtMs,
    lastCompletedStartedEventId: run.lastCompletedStartedEventId,
    cancelRequested: run.cancelRequest !== null,
    memo: run.memo,
    searchAttributes: run.searchAttributes?.indexedFields ?? {},
    lastWorkerVersion: run.lastWorkerVersion,
    // When they expire is known only to the run that follows.
    // An event that was buffered is younger than the pause.
    pause: run.pause && { ...run.pause, atMs: 0 },
    versioning: versioningOf(run),
    attachedRequests: run.attachedRequests,
    resetPoints: run.resetPoints.map((point) => (point.runId === live.runId ? { ...point, expiresAtMs: 0 } : point)),
    startEvent: run.startEvent,
    activities: new Map([...run.activities].map(([id, activity]) => [id, activityOf(activity, live)])),
    activityIds: run.activityIds,
    timers: run.timers,
    children: run.children,
    asked: asked(run),
    nexusOperations: new Map([...run.nexusOperations].map(([id, operation]) => [id, nexusOperationOf(operation)])),
    callbacks: [...run.callbacks.values()].map(({ callback, registeredAtMs }) => ({ callback, registeredAtMs })),
    updates: new Map([...run.updates].filter(([, { status }]) => !["admitted", "sent", "rejected"].includes(status))),
    signalCount: run.signalCount,
    signalRequestIds: run.signalRequestIds,
  };
}

/** Transitions, and what the routing was, are not in history. */
function versioningOf({ versioning }: Run) {
  const { transition: _, revision: __, notified: ___, ...determined } = versioning ?? unversionedRun;
  return determined;
}

function timesOf({ start: { startedAtMs, executionExpiresAtMs, runExpiresAtMs } }: Run) {
  return { startedAtMs, executionExpiresAtMs, runExpiresAtMs };
}

/**
 * Which task is pending. Whether it is on a sticky queue, and since when it waits, is not in history: one that was only shown at first has waited
 * since before its scheduled event.
 */
function taskOf({ workflowTask: task }: Run) {
  if (task.type === "none") return task;
  const { type, scheduledEventId, attempt, timeoutMs } = task;
  const started = task.type === "started" ? { startedEventId: task.startedEventId, startedAtMs: task.startedAtMs } : {};
  return { type, scheduledEventId, attempt, timeoutMs, ...started };
}

/** What was scheduled. Attempts, and what operators did, is not in history; a reset schedules the activity anew. */
function activityOf(activity: Activity, live: Run) {
  const { activityId, activityType, cancelRequestedEventId, options, originalOptions } = activity;
  const scheduledAtMs = live.start.reset ? 0 : activity.scheduledAtMs;
  return { activityId, activityType, cancelRequestedEventId, scheduledAtMs, options: originalOptions ?? options };
}

/** Whether a request is under way or is to be made again is not in history, nor when one to cancel was first made. */
function nexusOperationOf({ status, cancellation, scheduled: _, attempt: __, ...operation }: NexusOperation) {
  const { lastAttemptCompletedAtMs: ___, lastFailure: ____, ...determined } = operation;
  const asked = (type: string) => (type === "backingOff" ? "scheduled" : type);
  return {
    ...determined,
    status: status.type === "started" ? status : asked(status.type),
    cancellation: cancellation && [cancellation.requestedEventId, asked(cancellation.status.type)],
  };
}

/** What other workflows were asked and have not answered. */
function asked({ outbox }: Run): string[] {
  return [...outbox.values()]
    .flatMap(({ message }) =>
      message.type === "signalExternal" || message.type === "cancelExternal"
        ? [`${message.type} ${message.initiatedEventId}`]
        : [],
    )
    .sort();
}
