/**
 * A run as bytes, and back. The snapshot holds what cannot be had from history cheaply; pending things are parts of their own, so that one of
 * them changing does not rewrite the others.
 *
 * Version 1. A reader refuses versions it does not know; a new field must be optional or raise the version. Messages of the API are kept in
 * their own encoding, because user-chosen names occur in them as map keys.
 */
import { decode } from "@msgpack/msgpack";
import { common, history, sdk, update } from "@pawl/protocol";
import { type EncodedAttempts, plainAttempts, restoredAttempts } from "../activity/attempt-snapshot.ts";
import { optional, restored } from "../encoded-message.ts";
import type { PartChange, RunChanges } from "../machine.ts";
import { hasCallbackUnderWay } from "../nexus/completion-callback.ts";
import { decodeCallback, decodeNexusOperation, encodeCallback, encodeNexusOperation } from "../nexus/nexus-snapshot.ts";
import { pack, packOnce, unpack } from "../pack.ts";
import type { Activity, Attempts } from "../state/activity.ts";
import type { Outgoing } from "../state/message.ts";
import { type Child, freshRun, isOpen, noChanges, type Run, type Timer } from "../state/run.ts";
import type { ResetPoint, RunStart } from "../state/run-start.ts";
import type { Update } from "../state/update.ts";
import type { Versioning } from "../state/versioning.ts";
import { nextWakeAtMs } from "../workflow/wake.ts";
import { checkState, noteStateBytes, takeWarnings } from "./run-size.ts";
import { visibilityRecord } from "./visibility.ts";

const version = 1;

export function takeChanges(run: Run): RunChanges | undefined {
  const { changes } = run;
  const isMore = changes.core || changes.parts.size > 0 || changes.batches.length > 0;
  if (!isMore && changes.heartbeats.size === 0) return undefined;
  run.stateTransitionCount += 1;
  run.wakeAtMs = nextWakeAtMs(run);
  const undispatched = hasUndispatched(run);
  for (const part of changes.heartbeats) changes.parts.add(part);
  const parts = [...changes.parts].map((part): PartChange => [part, encodePart(run, part)]);
  const snapshot = isMore || !isStored(run, undispatched) ? encodeSnapshot(run) : null;
  if (snapshot) {
    noteStateBytes(run, "core", snapshot);
    run.stored = { wakeAtMs: run.wakeAtMs, undispatched };
  }
  for (const [part, bytes] of parts) noteStateBytes(run, part, bytes);
  checkState(run);
  const taken: RunChanges = {
    snapshot,
    parts,
    batches: [...changes.batches],
    wakeAtMs: Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null,
    undispatched,
    visibility: changes.visibility && !changes.deleted ? visibilityRecord(run) : null,
    deleted: changes.deleted,
    current: changes.current,
    warnings: takeWarnings(run),
  };
  Object.assign(changes, noChanges());
  return taken;
}

/**
 * Whether what the store has of the run beside its parts will do. To be woken too early by it does no harm, after a restart only. What it then lacks
 * are the heartbeats since, in the count of transitions.
 */
function isStored({ stored, wakeAtMs }: Run, undispatched: boolean): boolean {
  return stored !== null && stored.wakeAtMs <= wakeAtMs && stored.undispatched === undispatched;
}

/** Whether a task waits for a worker, or a message for its receiver: only memory knows that it is on its way. */
function hasUndispatched(run: Run): boolean {
  if (run.outbox.size > 0) return true;
  if (!isOpen(run)) return hasCallbackUnderWay(run);
  for (const { status, cancellation } of run.nexusOperations.values())
    if (status.type === "scheduled" || cancellation?.status.type === "scheduled") return true;
  if (run.workflowTask.type === "scheduled" && !run.workflowTask.speculative) return true;
  for (const { status, paused } of run.activities.values()) if (status.type === "scheduled" && !paused) return true;
  return false;
}

type CoreFields =
  | "workflowId"
  | "namespaceId"
  | "runId"
  | "status"
  | "deletion"
  | "nextEventId"
  | "lastEventAtMs"
  | "historySizeBytes"
  | "stateTransitionCount"
  | "workflowTask"
  | "workflowTaskAttempt"
  | "workflowTaskStamp"
  | "firstTaskAtMs"
  | "sticky"
  | "lastCompletedStartedEventId"
  | "cancelRequest"
  | "signalCount"
  | "lastMessageId";

interface EncodedStart extends Omit<RunStart, "priority" | "userMetadata"> {
  readonly priority?: Uint8Array;
  readonly userMetadata?: Uint8Array;
}

interface Core extends Pick<Run, CoreFields> {
  readonly version: number;
  readonly start: Uint8Array | EncodedStart;
  /** Absent = none. */
  readonly followers?: Run["followers"];
  /** Absent in what was written before versions of workers were known here. */
  readonly versioning?: Versioning;
  readonly memo?: Uint8Array;
  readonly searchAttributes?: Uint8Array;
  readonly lastWorkerVersion?: Uint8Array;
  readonly buffered?: Uint8Array;
  readonly pause?: Run["pause"];
  readonly taskFailures?: Run["taskFailures"];
  readonly resetPoints?: readonly ResetPoint[];
  readonly resetRunId?: string;
  /** Absent in what was written before it was kept, and ever after in the same run. */
  readonly historyHash?: number;
  /** Absent = none. */
  readonly externalPayloads?: Run["externalPayloads"];
}

function plainStart(start: RunStart) {
  return {
    ...start,
    priority: optional(common.Priority, start.priority),
    userMetadata: optional(sdk.UserMetadata, start.userMetadata),
  };
}

function restoredStart(packed: Uint8Array | EncodedStart): RunStart {
  const start = unpack(packed);
  return {
    ...start,
    priority: restored(common.Priority, start.priority),
    userMetadata: restored(sdk.UserMetadata, start.userMetadata),
  };
}

function encodeSnapshot(run: Run): Uint8Array {
  const core = {
    version,
    namespaceId: run.namespaceId,
    workflowId: run.workflowId,
    runId: run.runId,
    start: packOnce(run.start, plainStart),
    status: run.status,
    deletion: run.deletion,
    nextEventId: run.nextEventId,
    lastEventAtMs: run.lastEventAtMs,
    historySizeBytes: run.historySizeBytes,
    historyHash: run.historyHash,
    stateTransitionCount: run.stateTransitionCount,
    externalPayloads: run.externalPayloads.count > 0 ? run.externalPayloads : undefined,
    workflowTask:
      run.workflowTask.type !== "none" && run.workflowTask.speculative ? { type: "none" } : run.workflowTask,
    workflowTaskAttempt: run.workflowTaskAttempt,
    workflowTaskStamp: run.workflowTaskStamp,
    pause: run.pause ?? undefined,
    taskFailures: run.taskFailures ?? undefined,
    firstTaskAtMs: run.firstTaskAtMs,
    sticky: run.sticky,
    lastCompletedStartedEventId: run.lastCompletedStartedEventId,
    cancelRequest: run.cancelRequest,
    followers: run.followers.length === 0 ? undefined : run.followers,
    memo: optional(common.Memo, run.memo),
    searchAttributes: optional(common.SearchAttributes, run.searchAttributes),
    lastWorkerVersion: optional(common.WorkerVersionStamp, run.lastWorkerVersion),
    buffered: run.buffered.length === 0 ? undefined : history.History.encode({ events: run.buffered }),
    signalCount: run.signalCount,
    lastMessageId: run.lastMessageId,
    resetPoints: run.resetPoints.length > 0 ? run.resetPoints : undefined,
    resetRunId: run.resetRunId || undefined,
    versioning: run.versioning ?? undefined,
  };
  return pack(core);
}

function encodePart(run: Run, part: string): Uint8Array | null {
  const key = part.slice(2);
  switch (part[0]) {
    case "a": {
      const activity = run.activities.get(Number(key));
      return activity ? encodeActivity(activity) : null;
    }
    case "t": {
      const timer = run.timers.get(key);
      return timer ? pack(timer) : null;
    }
    case "c": {
      const child = run.children.get(Number(key));
      return child ? pack(child) : null;
    }
    case "n":
      return encodeNexusOperation(run.nexusOperations.get(Number(key)));
    case "k":
      return encodeCallback(run.callbacks.get(Number(key)));
    case "o": {
      const outgoing = run.outbox.get(Number(key));
      return outgoing ? pack(outgoing) : null;
    }
    case "u":
      return encodeUpdate(run.updates.get(key));
    case "q": {
      const eventId = run.attachedRequests.get(key);
      return eventId === undefined ? null : pack(eventId);
    }
    case "r":
      return run.signalRequestIds.has(key) ? new Uint8Array(0) : null;
    case "s":
      return run.startEvent;
    default:
      throw new Error(`unknown part ${part}`);
  }
}

/** A reapplied update is not accepted yet: `request` says so. */
interface EncodedUpdate {
  readonly acceptedEventId: number;
  readonly outcome?: Uint8Array;
  readonly request?: Uint8Array;
}

/** Only what history holds of an update is kept: that it was taken over from a reset run or accepted, and its outcome. */
function encodeUpdate(known: Update | undefined): Uint8Array | null {
  if (known?.status === "reapplied")
    return pack({ acceptedEventId: known.admittedEventId, request: update.Request.encode(known.request) });
  if (known?.status === "accepted") return pack({ acceptedEventId: known.acceptedEventId });
  if (known?.status === "completed")
    return pack({ acceptedEventId: known.acceptedEventId, outcome: update.Outcome.encode(known.outcome) });
  return null;
}

function decodeUpdate(bytes: Uint8Array): Update {
  const { acceptedEventId, outcome, request } = decode(bytes) as EncodedUpdate;
  if (request)
    return { status: "reapplied", admittedEventId: acceptedEventId, request: update.Request.decode(request) };
  return outcome
    ? { status: "completed", acceptedEventId, outcome: update.Outcome.decode(outcome) }
    : { status: "accepted", acceptedEventId };
}

type EncodedActivity = EncodedAttempts & Omit<Activity, keyof Attempts | "scheduled">;

function encodeActivity({ scheduled: _, ...activity }: Activity): Uint8Array {
  return pack(plainAttempts(activity));
}

function decodeActivity(bytes: Uint8Array): Activity {
  const encoded = decode(bytes) as EncodedActivity;
  return { ...encoded, ...restoredAttempts(encoded), scheduled: undefined };
}

/** The run that `takeChanges` wrote. Throws when the snapshot is of a version this engine does not know. */
export function restore(snapshot: Uint8Array, parts: ReadonlyMap<string, Uint8Array>): Run {
  const core = decode(snapshot) as Core;
  if (core.version !== version)
    throw new Error(`run snapshot has version ${core.version}; this engine knows ${version}`);
  const run: Run = {
    ...freshRun({ ...core, start: restoredStart(core.start) }),
    status: core.status,
    deletion: core.deletion,
    nextEventId: core.nextEventId,
    lastEventAtMs: core.lastEventAtMs,
    historySizeBytes: core.historySizeBytes,
    historyHash: core.historyHash,
    stateTransitionCount: core.stateTransitionCount,
    externalPayloads: core.externalPayloads ?? { count: 0, sizeBytes: 0 },
    workflowTask: core.workflowTask,
    workflowTaskAttempt: core.workflowTaskAttempt,
    workflowTaskStamp: core.workflowTaskStamp,
    pause: core.pause ?? null,
    taskFailures: core.taskFailures ?? null,
    firstTaskAtMs: core.firstTaskAtMs,
    sticky: core.sticky,
    lastCompletedStartedEventId: core.lastCompletedStartedEventId,
    cancelRequest: core.cancelRequest,
    followers: core.followers ?? [],
    memo: restored(common.Memo, core.memo),
    searchAttributes: restored(common.SearchAttributes, core.searchAttributes),
    lastWorkerVersion: restored(common.WorkerVersionStamp, core.lastWorkerVersion),
    resetPoints: core.resetPoints ?? [],
    resetRunId: core.resetRunId ?? "",
    versioning: core.versioning ?? null,
    buffered: restored(history.History, core.buffered)?.events ?? [],
    lastMessageId: core.lastMessageId,
    signalCount: core.signalCount,
  };
  for (const [part, bytes] of parts) restorePart(run, part, bytes);
  noteStateBytes(run, "core", snapshot);
  for (const [part, bytes] of parts) noteStateBytes(run, part, bytes);
  // They were told when they came up.
  takeWarnings(run);
  run.wakeAtMs = nextWakeAtMs(run);
  return run;
}

function restorePart(run: Run, part: string, bytes: Uint8Array): void {
  const key = part.slice(2);
  switch (part[0]) {
    case "a": {
      const activity = decodeActivity(bytes);
      run.activities.set(activity.scheduledEventId, activity);
      run.activityIds.set(activity.activityId, activity.scheduledEventId);
      return;
    }
    case "t":
      run.timers.set(key, decode(bytes) as Timer);
      return;
    case "c":
      run.children.set(Number(key), decode(bytes) as Child);
      return;
    case "n":
      run.nexusOperations.set(Number(key), decodeNexusOperation(bytes));
      return;
    case "k":
      run.callbacks.set(Number(key), decodeCallback(bytes));
      return;
    case "o":
      run.outbox.set(Number(key), decode(bytes) as Outgoing);
      return;
    case "u":
      run.updates.set(key, decodeUpdate(bytes));
      return;
    case "q":
      run.attachedRequests.set(key, decode(bytes) as number);
      return;
    case "r":
      run.signalRequestIds.add(key);
      return;
    case "s":
      run.startEvent = bytes;
      return;
    default:
      throw new Error(`unknown part ${part}`);
  }
}
