/**
 * A standalone activity: an activity that is an execution of its own. There is no history; the run itself is what is remembered.
 *
 *   open ──complete, fail, cancel, time out, terminate──▶ closed, with its outcome ──retention──▶ deleted
 *
 * Its attempts are those of any activity (`attempt.ts`), but operators do other things to them (`standalone-operator.ts`). Input and outcome are parts of their own, so that a heartbeat does not rewrite them.
 */
import { type activity as api, type common, enums, type sdk } from "@pawl/protocol";
import type { Attempts } from "../state/activity.ts";
import type { Execution, HostedRun } from "../state/execution.ts";
import type { Task } from "../vocabulary.ts";

export interface StandaloneStart {
  /** The name of the run's namespace. */
  readonly namespace: string;
  readonly activityType: string;
  readonly scheduledAtMs: number;
  readonly requestId: string;
  readonly userMetadata: sdk.UserMetadata | undefined;
  readonly searchAttributes: common.SearchAttributes | undefined;
}

export type StandaloneStatus =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly status: enums.ActivityExecutionStatus; readonly closedAtMs: number };

export interface StandaloneRun extends HostedRun {
  readonly namespaceId: string;
  readonly activityId: string;
  readonly runId: string;
  readonly start: StandaloneStart;
  readonly input: common.Payloads | undefined;
  readonly header: common.Header | undefined;
  status: StandaloneStatus;
  /** Set once the run has closed: when it is to be deleted. `asked`: by an operator, so that retention does not matter. */
  deletion: { readonly atMs: number; readonly asked: boolean } | null;
  /** How long the first attempt waits; the time for all attempts counts from its end. */
  startDelayMs: number;
  /** What the start asked for, once an operator has changed it. */
  originalStartDelayMs: number | null;
  attempts: Attempts;
  /** How long the attempt that is to come waits after the last one's failure, and whether the policy says so or that failure did. */
  retry: { readonly intervalMs: number; readonly byPolicy: boolean } | null;
  outcome: api.ActivityExecutionOutcome | null;
  cancelRequest: { readonly requestId: string; readonly reason: string; readonly identity: string } | null;
  terminationRequestId: string | null;
  /** The last ones that were carried out: one that comes again is no news. */
  lastRequestIds: { readonly [Request in "pause" | "unpause" | "reset" | "updateOptions"]?: string };
  links: readonly common.Link[];
  /** Starts that were given this run instead of one of their own. */
  attachedRequestIds: readonly string[];
  heartbeatCount: number;
  /** What the worker of the last attempt runs on. */
  sdk: { readonly name: string; readonly version: string };
  stateTransitionCount: number;

  // What follows is not part of the snapshot.

  wakeAtMs: number;
  /** What the run takes in the store, as far as that was written: its snapshot, and its parts. */
  sizeBytes: number;
  readonly partBytes: Map<string, number>;
  readonly changes: StandaloneChanges;
}

export interface StandaloneChanges {
  core: boolean;
  /** `i` (input and header) and `r` (the outcome). */
  readonly parts: Set<"i" | "r">;
  /** The row that lists show has changed. */
  visibility: boolean;
  deleted: boolean;
  current: boolean;
}

export interface StandaloneActivity extends Execution<StandaloneRun> {
  readonly namespaceId: string;
  readonly activityId: string;
}

export function noStandaloneChanges(): StandaloneChanges {
  return { core: false, parts: new Set(), visibility: false, deleted: false, current: false };
}

const { ActivityExecutionStatus, PendingActivityState } = enums;

/** `CamelCase`, as messages name it. */
export type StandaloneState = OpenState | ClosedState;
type OpenState = "Scheduled" | "Started" | "CancelRequested" | "Paused" | "PauseRequested" | "ResetRequested";
type ClosedState = "Completed" | "Failed" | "Canceled" | "Terminated" | "TimedOut";

const closedStates: Readonly<Record<number, ClosedState>> = {
  [ActivityExecutionStatus.COMPLETED]: "Completed",
  [ActivityExecutionStatus.FAILED]: "Failed",
  [ActivityExecutionStatus.CANCELED]: "Canceled",
  [ActivityExecutionStatus.TERMINATED]: "Terminated",
  [ActivityExecutionStatus.TIMED_OUT]: "TimedOut",
};

/** What was asked for last takes precedence: a cancellation over everything else, a reset over the pause that it may leave. */
export function stateOf({ status, attempts, cancelRequest }: StandaloneRun): StandaloneState {
  if (status.type === "closed") return closedStates[status.status]!;
  if (cancelRequest) return "CancelRequested";
  if (attempts.reset) return "ResetRequested";
  const isStarted = attempts.status.type === "started";
  if (attempts.paused) return isStarted ? "PauseRequested" : "Paused";
  return isStarted ? "Started" : "Scheduled";
}

/**
 * The attempts as the clock sees them. Unlike those of a workflow's activity, a running attempt and all of them together have no more time when
 * somebody pauses them; only what waits for a worker is not late.
 */
export function timedAttempts({ attempts }: StandaloneRun): Attempts {
  if (!attempts.paused) return attempts;
  const waits = { type: "backingOff", dispatchAtMs: Number.POSITIVE_INFINITY } as const;
  return { ...attempts, paused: null, status: attempts.status.type === "started" ? attempts.status : waits };
}

export function statusOf(run: StandaloneRun): enums.ActivityExecutionStatus {
  if (run.status.type === "closed") return run.status.status;
  return stateOf(run) === "Paused" ? ActivityExecutionStatus.PAUSED : ActivityExecutionStatus.RUNNING;
}

const runStates: Readonly<Partial<Record<StandaloneState, enums.PendingActivityState>>> = {
  Scheduled: PendingActivityState.SCHEDULED,
  Started: PendingActivityState.STARTED,
  CancelRequested: PendingActivityState.CANCEL_REQUESTED,
  Paused: PendingActivityState.PAUSED,
  PauseRequested: PendingActivityState.PAUSE_REQUESTED,
};

/** The API knows no reset that is to come: it shows what the worker does meanwhile. */
export function runStateOf(run: StandaloneRun): enums.PendingActivityState {
  const state = stateOf(run);
  if (state === "ResetRequested") return runStates[run.attempts.paused ? "PauseRequested" : "Started"]!;
  return runStates[state] ?? PendingActivityState.UNSPECIFIED;
}

/** What the queue is told of an activity that waits for a worker, derived from state. */
export function standaloneTaskOf(run: StandaloneRun): Task | undefined {
  const { attempts } = run;
  if (run.status.type === "closed" || attempts.status.type !== "scheduled" || attempts.paused) return undefined;
  return {
    kind: "activity",
    namespaceId: run.namespaceId,
    workflowId: "",
    activityId: run.activityId,
    runId: run.runId,
    taskQueue: attempts.options.taskQueue,
    scheduledEventId: 0,
    stamp: attempts.stamp,
    scheduledAtMs: attempts.status.dispatchAtMs,
    priority: attempts.options.priority,
  };
}
