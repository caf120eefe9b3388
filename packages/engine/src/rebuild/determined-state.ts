/** R1 of `rebuild.ts`: what the history of a run determines of its state is the same in the live run. */
import type { history } from "@pawl/protocol";
import type { Activity } from "../state/activity.ts";
import type { NexusOperation } from "../state/outside-call.ts";
import type { Run } from "../state/run.ts";
import { unversionedRun } from "../versioning/versioning.ts";
import { rebuild } from "./rebuild.ts";

/**
 * Where the state of `live` is not as its events say, as `activities.5.options: …`; empty = everywhere. A run that is ahead of its history is not
 * looked at: one with buffered events has taken them into account already. `times: false` leaves out when things happened and are due, which differ
 * where the clock was set back. Throws for events that cannot be folded.
 */
export function differencesFromHistory(
  events: readonly history.HistoryEvent[],
  live: Run,
  { times = true } = {},
): string[] {
  if (live.buffered.length > 0) return [];
  const { namespaceId, workflowId, runId, start } = live;
  const { namespace, requestId, chainRequestId } = start;
  const target = { namespaceId, workflowId, runId, namespace, requestId, chainRequestId };
  const rebuilt = rebuild(events, target);
  const found: string[] = [];
  compare(plain(determined(live, live)), plain(determined(rebuilt, live)), "", (path, is, said) => {
    if (times || !/AtMs$/.test(path)) found.push(`${path} is ${shown(is)}, history says ${shown(said)}`);
  });
  return found;
}

type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [name: string]: Plain };

function compare(is: Plain, said: Plain, path: string, differs: (path: string, is: Plain, said: Plain) => void): void {
  if (Object.is(is, said)) return;
  if (typeof is !== "object" || typeof said !== "object" || is === null || said === null)
    return differs(path, is, said);
  const [left, right] = [is, said] as Readonly<Record<string, Plain>>[];
  for (const name of new Set([...Object.keys(left!), ...Object.keys(right!)]))
    compare(left![name], right![name], path === "" ? name : `${path}.${name}`, differs);
}

function shown(value: Plain): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Values that say the same are equal whether they were decoded or made: without prototypes, absent fields and bytes. */
function plain(value: unknown): Plain {
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (value instanceof Set) return [...value].sort();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value as Plain;
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
    start: { ...run.start, parent: parentOf(run), reset: live.start.reset, ...(live.start.reset && timesOf(live)) },
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
    // Whom the run waited for then may have answered already, in an event that was buffered.
    resetPoints: run.resetPoints.map((point) => ({
      ...point,
      resettable: undefined,
      ...(point.runId === live.runId && { expiresAtMs: 0 }),
    })),
    startEvent: run.startEvent,
    activities: new Map([...run.activities].map(([id, activity]) => [id, activityOf(activity, live)])),
    activityIds: run.activityIds,
    timers: run.timers,
    children: run.children,
    // A run that has closed does not wait for answers any more, though what it has sent may still be on its way.
    asked: live.status.type === "open" ? asked(run) : [],
    nexusOperations: new Map([...run.nexusOperations].map(([id, operation]) => [id, nexusOperationOf(operation)])),
    callbacks: [...run.callbacks.values()].map(({ callback, attachedRequestId, registeredAtMs }) => ({
      callback,
      attachedRequestId,
      registeredAtMs,
    })),
    updates: new Map([...run.updates].filter(([, { status }]) => !["admitted", "sent"].includes(status))),
    signalCount: run.signalCount,
    signalRequestIds: run.signalRequestIds,
  };
}

/** Transitions, and what the routing was, are not in history. */
function versioningOf({ versioning }: Run) {
  const { transition: _, revision: __, notified: ___, declined: ____, ...determined } = versioning ?? unversionedRun;
  return determined;
}

/** That a parent came of a reset itself is not in its child's history. */
function parentOf({ start: { parent } }: Run) {
  return parent && { ...parent, originalRunId: undefined };
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
