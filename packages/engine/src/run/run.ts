/**
 * The state of one run: what must be known to accept the next command. History is not in it; it is kept apart, encoded.
 *
 * States are unions and data lives only in the states that have it. The engine changes a `Run` in place, but only after it has refused what is
 * to be refused; if it throws half-way, the run is garbage and the caller reads it again from the store.
 */
import type { common, enums, failure, history, Init, sdk, update } from "@pawl/protocol";
import type { RetryPolicy } from "../backoff.ts";
import type { Execution } from "../execution.ts";
import type { Follower, Outgoing } from "../outbox.ts";
import type { NexusInput } from "../outside-call.ts";
import type { DeploymentVersion, Versioning } from "../versioning/versioning.ts";
import { emptyHistoryHash } from "./history-hash.ts";

export type HistoryEventInit = Init<history.HistoryEvent>;

/** Where a run came from, fixed at its start. Times of 0 mean "none". */
export interface RunStart {
  /** The name of the run's namespace, as its events repeat it. */
  readonly namespace: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly executionTimeoutMs: number;
  readonly runTimeoutMs: number;
  readonly taskTimeoutMs: number;
  readonly startedAtMs: number;
  /** Delay before the first workflow task (start delay, cron, retry, quick continue-as-new). */
  readonly firstTaskBackoffMs: number;
  readonly retryPolicy: RetryPolicy | null;
  readonly cronSchedule: string;
  readonly attempt: number;
  readonly firstRunId: string;
  readonly originalRunId: string;
  /** 0 = the chain never expires. */
  readonly executionExpiresAtMs: number;
  readonly runExpiresAtMs: number;
  readonly requestId: string;
  /** Of the request that began the chain; absent in the chain's first run. A start that is repeated late is known by it. */
  readonly chainRequestId?: string | undefined;
  readonly parent: ParentRef | null;
  readonly root: { readonly workflowId: string; readonly runId: string } | null;
  readonly priority: common.Priority | undefined;
  readonly userMetadata: sdk.UserMetadata | undefined;
  /** The started event names a run timeout even where there is none. */
  readonly namesRunTimeout: boolean;
  /** Set in a run that came of a reset: `startedAtMs` is then the time of the reset. */
  readonly reset?: { readonly requestId: string; readonly originalStartedAtMs: number } | undefined;
}

/** A completed workflow task to which the chain can be reset: the first that a build of the worker did. */
export interface ResetPoint {
  readonly buildId: string;
  readonly binaryChecksum: string;
  readonly runId: string;
  readonly completedEventId: number;
  readonly createdAtMs: number;
  /** When its run is deleted; 0 while that is the newest. */
  readonly expiresAtMs: number;
  readonly resettable: boolean;
}

export interface ParentRef {
  readonly namespace: string;
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly initiatedEventId: number;
  /** Set when the parent came of a reset: the run at whose start its history began. */
  readonly originalRunId?: string;
}

export type RunStatus =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly status: enums.WorkflowExecutionStatus; readonly closedAtMs: number };

/**
 * A workflow task. `transient` = attempt ≥ 2, whose scheduled and started events are written only when it completes: its ids are those that
 * history would give next.
 */
export type WorkflowTask =
  | { readonly type: "none" }
  | {
      readonly type: "scheduled";
      readonly transient: boolean;
      /** Made for an update alone: known to memory only, and gone without a trace when the update is rejected. */
      readonly speculative: boolean;
      readonly scheduledEventId: number;
      readonly attempt: number;
      readonly stamp: number;
      readonly scheduledAtMs: number;
      /** First of a chain of workflow tasks that only keep a long local activity alive. */
      readonly originalScheduledAtMs: number;
      readonly timeoutMs: number;
      /** Set on a sticky queue: when to give up on it. */
      readonly scheduleToStartAtMs: number | null;
    }
  | {
      readonly type: "started";
      readonly transient: boolean;
      /** Made for an update alone: known to memory only, and gone without a trace when the update is rejected. */
      readonly speculative: boolean;
      readonly scheduledEventId: number;
      readonly startedEventId: number;
      readonly attempt: number;
      readonly stamp: number;
      readonly scheduledAtMs: number;
      readonly originalScheduledAtMs: number;
      readonly timeoutMs: number;
      readonly startedAtMs: number;
      readonly identity: string;
      readonly requestId: string;
      readonly historySizeBytes: number;
      readonly continueAsNewReasons: readonly enums.SuggestContinueAsNewReason[];
      /** Of the worker that has it. */
      readonly deploymentVersion?: DeploymentVersion | undefined;
      /** Its worker is told that the target version is another than the run's own. */
      readonly targetVersionChanged?: boolean;
    };

export interface Sticky {
  readonly queue: string;
  readonly scheduleToStartTimeoutMs: number;
}

/** What an activity's scheduled event fixed, and operators may change. Timeouts are resolved; 0 = none. */
export interface ActivityOptions {
  readonly taskQueue: string;
  readonly scheduleToCloseTimeoutMs: number;
  readonly scheduleToStartTimeoutMs: number;
  readonly startToCloseTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly retryPolicy: RetryPolicy;
  readonly priority: common.Priority | undefined;
}

export type ActivityStatus =
  /** Waits until `dispatchAtMs` after a failed attempt. */
  | { readonly type: "backingOff"; readonly dispatchAtMs: number }
  /** Waits for a worker since `dispatchAtMs`. */
  | { readonly type: "scheduled"; readonly dispatchAtMs: number }
  | {
      readonly type: "started";
      readonly startedAtMs: number;
      readonly identity: string;
      readonly requestId: string;
      readonly workerVersion: common.WorkerVersionStamp | undefined;
    };

/** The attempts of an activity, whether it belongs to a workflow or is an execution of its own. */
export interface Attempts {
  /** From when the time for all of them counts. */
  readonly scheduledAtMs: number;
  options: ActivityOptions;
  status: ActivityStatus;
  attempt: number;
  /** Grows whenever an earlier dispatch of this activity becomes void. */
  stamp: number;
  lastFailure: failure.Failure | undefined;
  lastAttemptCompletedAtMs: number | null;
  lastStartedAtMs: number | null;
  lastWorkerIdentity: string;
  lastDeploymentVersion?: DeploymentVersion | undefined;
  heartbeatDetails: common.Payloads | undefined;
  lastHeartbeatAtMs: number | null;
  /** Set while an operator holds the activity back. */
  paused: {
    readonly atMs: number;
    readonly identity: string;
    readonly reason: string;
    readonly requestId: string;
  } | null;
  /** Set when an operator has reset the running attempt: it counts as the first. */
  reset: { readonly heartbeat: boolean } | null;
  /** What the scheduled event said, once an operator has changed it. */
  originalOptions: ActivityOptions | null;
}

/** A pending activity of a workflow. When it closes it leaves the run: history remembers it. */
export interface Activity extends Attempts {
  readonly scheduledEventId: number;
  readonly activityId: string;
  readonly activityType: string;
  cancelRequestedEventId: number | null;
  /** Not kept in the snapshot: saves reading the scheduled event back while it is fresh. */
  scheduled: Pick<history.ActivityTaskScheduledEventAttributes, "input" | "header"> | undefined;
}

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

/** How often something outside was asked, and what came of the last time. */
export interface CallAttempts {
  /** Those that are over. */
  attempt: number;
  lastAttemptCompletedAtMs: number | null;
  lastFailure: failure.Failure | undefined;
}

export type NexusOperationStatus =
  /** The request to start it is under way. */
  | { readonly type: "scheduled" }
  /** It is made again at `callAtMs`. */
  | { readonly type: "backingOff"; readonly callAtMs: number }
  /** Its handler works on it, and will tell of its end. */
  | { readonly type: "started"; readonly startedAtMs: number; readonly operationToken: string };

/** A Nexus operation that has not ended. Timeouts of 0 = none. */
export interface NexusOperation extends CallAttempts {
  readonly scheduledEventId: number;
  readonly endpoint: string;
  readonly endpointId: string;
  readonly service: string;
  readonly operation: string;
  readonly requestId: string;
  readonly scheduledAtMs: number;
  readonly scheduleToCloseTimeoutMs: number;
  readonly scheduleToStartTimeoutMs: number;
  readonly startToCloseTimeoutMs: number;
  status: NexusOperationStatus;
  /** Set once the workflow wants it cancelled. */
  cancellation: NexusCancellation | null;
  /** Not kept in the snapshot: saves reading the scheduled event back while it is fresh. */
  scheduled: NexusInput | undefined;
}

export interface NexusCancellation extends CallAttempts {
  readonly requestedEventId: number;
  status: /** The operation has not started: nobody could be told. */
    | { readonly type: "waiting" }
    | { readonly type: "scheduled" | "succeeded" | "failed"; readonly requestedAtMs: number }
    | { readonly type: "backingOff"; readonly requestedAtMs: number; readonly callAtMs: number };
}

/** Somebody who wants to be told how the run's chain ended. */
export interface CompletionCallback extends CallAttempts {
  /** From 1, in the order of registration. */
  readonly id: number;
  readonly callback: common.Callback;
  readonly registeredAtMs: number;
  status: /** The chain has not ended; or another run of it has these now. */
    | { readonly type: "standby" | "scheduled" | "succeeded" | "failed" }
    | { readonly type: "backingOff"; readonly callAtMs: number };
}

/**
 * An update by what is known of it. Admitted, sent and rejected ones are in memory only: whoever waits for one that was lost is told to ask again.
 */
export type Update =
  /** Waits for a workflow task to go with. */
  | { readonly status: "admitted"; readonly request: update.Request }
  /** Taken over from the run that was reset: in history, where workers find it, so that no message goes with a task. */
  | { readonly status: "reapplied"; readonly admittedEventId: number; readonly request: update.Request }
  /** Went with the started workflow task. */
  | { readonly status: "sent"; readonly request: update.Request }
  | { readonly status: "rejected"; readonly failure: failure.Failure }
  | { readonly status: "accepted"; readonly acceptedEventId: number }
  | { readonly status: "completed"; readonly acceptedEventId: number; readonly outcome: update.Outcome };

/** Events of one commit, with dense ids, encoded as `events` fields of a History. */
export interface EventBatch {
  readonly firstEventId: number;
  readonly lastEventId: number;
  readonly bytes: Uint8Array;
}

/** What has changed since the last commit: the shard turns it into writes. */
/** What a run may have too much of. */
export type SizeKind = "history count" | "history size" | "mutable state size";

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
    ...{ open: [], tail: [], tailBytes: 0, wakeAtMs: Number.POSITIVE_INFINITY, changes: noChanges(), noticed: false },
    ...{ stored: null, arrivedLast: 0, stateBytes: 0, partBytes: new Map(), warned: [] },
  };
}

type MemoryOnly =
  | ("open" | "tail" | "tailBytes" | "wakeAtMs" | "changes" | "noticed")
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
