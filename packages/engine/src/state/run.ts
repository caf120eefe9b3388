/**
 * The state of one run: what must be known to accept the next command. History is not in it; it is kept apart, encoded.
 *
 * States are unions and data lives only in the states that have it. The engine changes a `Run` in place, but only after it has refused what is
 * to be refused; if it throws half-way, the run is garbage and the caller reads it again from the store.
 */
import type { common, enums, history, Init } from "@pawl/protocol";
import type { Activity } from "./activity.ts";
import type { Execution } from "./execution.ts";
import { emptyHistoryHash } from "./history-hash.ts";
import type { Follower, Outgoing } from "./message.ts";
import type { CompletionCallback, NexusOperation } from "./outside-call.ts";
import type { ResetPoint, RunStart } from "./run-start.ts";
import type { EndedUpdate, Update } from "./update.ts";
import type { Versioning } from "./versioning.ts";
import type { Sticky, WorkflowTask } from "./workflow-task.ts";

export type HistoryEventInit = Init<history.HistoryEvent>;

export type RunStatus =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly status: enums.WorkflowExecutionStatus; readonly closedAtMs: number };

export interface Timer {
  readonly timerId: string;
  readonly startedEventId: number;
  readonly fireAtMs: number;
}

/** A child workflow that has not ended, by what this run knows of it. */
export interface Child {
  readonly initiatedEventId: number;
  /** The completed workflow task that asked for it. */
  readonly completedEventId: number;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly control: string;
  readonly policy: enums.ParentClosePolicy;
  readonly status:
    | { readonly type: "starting" }
    /** `runId`: the first run of its chain. `startedEventId` is 0 while that event is buffered. */
    | { readonly type: "started"; readonly runId: string; readonly startedEventId: number };
}

/** Events of one commit, with dense ids, encoded as `events` fields of a History. */
export interface EventBatch {
  readonly firstEventId: number;
  readonly lastEventId: number;
  readonly bytes: Uint8Array;
}

/** What a run may have too much of. */
export type SizeKind = "history count" | "history size" | "mutable state size";

/** What has changed since the last commit: the shard turns it into writes. */
export interface Changes {
  /** The snapshot without parts has changed. */
  core: boolean;
  /** Keys of parts that were added, changed or removed. */
  readonly parts: Set<string>;
  /** Keys of parts in which a heartbeat has come, and maybe nothing else. */
  readonly heartbeats: Set<string>;
  readonly batches: EventBatch[];
  /** The row that lists show has changed. */
  visibility: boolean;
  /** The run goes, and everything kept of it. */
  deleted: boolean;
  /** Run is new, and becomes the one that its workflow id means. */
  current: boolean;
}

export interface Run {
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Fixed, but for the priority. */
  start: RunStart;
  status: RunStatus;

  /** Set once the run has closed: when it is to be deleted. `asked`: by an operator, so that retention does not matter. */
  deletion: { readonly atMs: number; readonly asked: boolean } | null;

  nextEventId: number;
  lastEventAtMs: number;
  historySizeBytes: number;
  /** Of all batches (`history-hash.ts`); undefined in a run that began before it was kept. */
  historyHash: number | undefined;
  stateTransitionCount: number;
  /** Those that the events written so far name. */
  externalPayloads: { readonly count: number; readonly sizeBytes: number };

  workflowTask: WorkflowTask;
  /** The attempt that the next workflow task will have: > 1 after failures. */
  workflowTaskAttempt: number;
  workflowTaskStamp: number;
  /** Set while an operator holds the workflow back, and kept when it is closed so. */
  pause: {
    readonly atMs: number;
    readonly identity: string;
    readonly reason: string;
    readonly requestId: string;
  } | null;
  /** Workflow tasks in a row that came to nothing, and what became of the last: `cause` in the words of the search attribute. */
  taskFailures: { readonly count: number; readonly what: "Failed" | "TimedOut"; readonly cause: string } | null;
  /** When the first workflow task is due; null once it has been scheduled. */
  firstTaskAtMs: number | null;
  sticky: Sticky | null;
  /** Started event of the last completed workflow task; 0 = none. */
  lastCompletedStartedEventId: number;

  cancelRequest: { readonly requestId: string } | null;
  /** Who hears how this chain ends; the next run of the chain takes them over. */
  followers: readonly Follower[];
  memo: common.Memo | undefined;
  searchAttributes: common.SearchAttributes | undefined;
  lastWorkerVersion: common.WorkerVersionStamp | undefined;
  /** Requests that found the run open and joined it, with the events that say so; 0 while that is buffered. */
  readonly attachedRequests: Map<string, number>;
  resetPoints: readonly ResetPoint[];
  /** The run that a reset of this one began; "" = none. */
  resetRunId: string;
  /** null: no deployment has to do with the run. */
  versioning: Versioning | null;

  /** The started event's attributes, encoded: kept only where another run may follow (retry, cron), which repeats them. */
  startEvent: Uint8Array | null;

  /** Events that wait for the workflow task in flight, in order of arrival; they have no ids yet. */
  buffered: HistoryEventInit[];

  /** By scheduled event id. */
  readonly activities: Map<number, Activity>;
  readonly activityIds: Map<string, number>;
  /** By timer id. */
  readonly timers: Map<string, Timer>;
  /** By initiated event id. */
  readonly children: Map<number, Child>;
  /** By scheduled event id. */
  readonly nexusOperations: Map<number, NexusOperation>;
  /** By id. */
  readonly callbacks: Map<number, CompletionCallback>;
  /** Messages to other workflows that have not arrived yet, by id, in order. */
  readonly outbox: Map<number, Outgoing>;
  lastMessageId: number;
  /** By update id. */
  readonly updates: Map<string, Update>;
  /** Request ids of signals received, so that a repeated one is dropped. */
  readonly signalRequestIds: Set<string>;
  signalCount: number;

  // What follows is not part of the snapshot.

  /** Events of the current command that are not encoded yet. */
  open: HistoryEventInit[];
  /** Encoded batches since the last completed workflow task: what the next poll sends, without reading the store. */
  tail: EventBatch[];
  tailBytes: number;
  /** When the shard next wakes this run; a lower bound of the true time. Infinity = never. */
  wakeAtMs: number;
  readonly changes: Changes;
  /** What the store has of the run beside its snapshot; null = not known. */
  stored: { readonly wakeAtMs: number; readonly undispatched: boolean } | null;
  /** Something that is in memory only has changed: whoever watches the run must look. */
  noticed: boolean;
  /** Updates that the current command has rejected, or given up with their workflow task: who waits for them is told, and then they were never there. */
  ended: EndedUpdate[];
  /** How many updates were admitted since the run came into memory. */
  admissions: number;
  /** The newest events of the current command that have come from outside: see `checkHistory`. */
  arrivedLast: number;
  /** What is kept of the run beside its history, and how much each part of that takes that counts: see `noteStateBytes`. */
  stateBytes: number;
  readonly partBytes: Map<string, number>;
  /** Figures that were beyond their mark when last looked at. */
  warned: readonly SizeKind[];
}

export function isOpen(run: Run): boolean {
  return run.status.type === "open";
}

export function touchActivity(run: Run, activity: Activity): void {
  run.changes.parts.add(`a/${activity.scheduledEventId}`);
}

/** Of all that happens this happens most often, and nearly always it changes nothing else of the run. */
export function touchHeartbeat(run: Run, activity: Activity): void {
  run.changes.heartbeats.add(`a/${activity.scheduledEventId}`);
}

export function touchNexusOperation(run: Run, operation: NexusOperation): void {
  run.changes.parts.add(`n/${operation.scheduledEventId}`);
}

/** Whether memory knows something of the run that the store does not, so that it must not be forgotten. */
export function isPinned(run: Run): boolean {
  if (run.workflowTask.type !== "none" && run.workflowTask.speculative) return true;
  for (const { status } of run.updates.values()) if (status === "admitted" || status === "sent") return true;
  return false;
}

/** A run of which nothing is known but how it started. */
export function freshRun({
  namespaceId,
  workflowId,
  runId,
  start,
}: Pick<Run, "namespaceId" | "workflowId" | "runId" | "start">): Run {
  return {
    namespaceId,
    workflowId,
    runId,
    start,
    status: { type: "open" },
    deletion: null,
    nextEventId: 1,
    lastEventAtMs: 0,
    historySizeBytes: 0,
    historyHash: emptyHistoryHash,
    stateTransitionCount: 0,
    externalPayloads: { count: 0, sizeBytes: 0 },
    workflowTask: { type: "none" },
    workflowTaskAttempt: 1,
    workflowTaskStamp: 0,
    pause: null,
    taskFailures: null,
    firstTaskAtMs: null,
    sticky: null,
    lastCompletedStartedEventId: 0,
    cancelRequest: null,
    followers: [],
    memo: undefined,
    searchAttributes: undefined,
    lastWorkerVersion: undefined,
    versioning: null,
    attachedRequests: new Map(),
    resetPoints: [],
    resetRunId: "",
    startEvent: null,
    buffered: [],
    children: new Map(),
    nexusOperations: new Map(),
    callbacks: new Map(),
    outbox: new Map(),
    lastMessageId: 0,
    updates: new Map(),
    activities: new Map(),
    activityIds: new Map(),
    timers: new Map(),
    signalRequestIds: new Set(),
    signalCount: 0,
    ...memoryOnly(),
  };
}

/** The fields of a run that no snapshot holds, as they are when it comes into memory. */
function memoryOnly(): Pick<Run, MemoryOnly> {
  return {
    ...{ open: [], tail: [], tailBytes: 0, wakeAtMs: Number.POSITIVE_INFINITY, changes: noChanges() },
    ...{ noticed: false, ended: [], admissions: 0 },
    ...{ stored: null, arrivedLast: 0, stateBytes: 0, partBytes: new Map(), warned: [] },
  };
}

type MemoryOnly =
  | ("open" | "tail" | "tailBytes" | "wakeAtMs" | "changes" | "noticed" | "ended" | "admissions")
  | ("stored" | "arrivedLast" | "stateBytes" | "partBytes" | "warned");

export function noChanges(): Changes {
  return {
    ...{ core: false, visibility: false, deleted: false, current: false },
    ...{ parts: new Set(), heartbeats: new Set(), batches: [] },
  };
}

/** All runs of one workflow id that memory holds. */
export interface Workflow extends Execution<Run> {
  readonly namespaceId: string;
  readonly workflowId: string;
}
