/**
 * A schedule: an execution that starts workflows when its spec says so. It has no history; what it is and what it has done lately is remembered.
 *
 *   time comes ─▶ buffered ─▶ starting ─▶ running ─▶ ended
 *                     └─▶ skipped, dropped, missed          (counted)
 */
import { type common, enums, type schedule } from "@pawl/protocol";
import type { Execution, HostedRun, Sender } from "../state/execution.ts";
import type { Outgoing } from "../state/message.ts";
import type { ActionTime, Spec } from "./spec.ts";

type OverlapPolicy = enums.ScheduleOverlapPolicy;

/** An action whose time has come. */
export interface BufferedAction extends ActionTime {
  /** UNSPECIFIED: as the schedule's policy is when the action's turn comes. */
  readonly overlapPolicy: OverlapPolicy;
  /** Asked for by a person or a backfill: taken though the schedule is paused, and not counted against its limit. */
  readonly isManual: boolean;
}

export interface StartedAction extends ActionTime {
  /** By which the workflow and its end are known again. */
  readonly requestId: string;
  readonly workflowId: string;
  /** The first run of the workflow's chain; null until the start has been answered. */
  readonly firstRunId: string | null;
  /** Started whatever else runs: later actions do not wait for it, and its result is not handed on. */
  readonly isAlongside: boolean;
  /** Whether it has been asked to end, to make way for another. */
  readonly isEnding: boolean;
}

/** An action as it is shown. */
export interface RecentAction extends ActionTime {
  readonly startedAtMs: number;
  readonly workflowId: string;
  readonly runId: string;
  readonly status: enums.WorkflowExecutionStatus;
}

/** Times between `afterMs` (exclusive) and `untilMs` that are still to be buffered. */
export interface Backfill {
  readonly afterMs: number;
  readonly untilMs: number;
  readonly overlapPolicy: OverlapPolicy;
}

export interface ActionCounts {
  readonly actions: number;
  readonly missedCatchupWindow: number;
  readonly overlapSkipped: number;
  readonly bufferDropped: number;
}

export interface ScheduleRun extends HostedRun {
  readonly namespaceId: string;
  readonly scheduleId: string;
  readonly runId: string;
  /** The name of its namespace. */
  readonly namespace: string;
  readonly requestId: string;
  readonly identity: string;
  readonly createdAtMs: number;
  updatedAtMs: number | null;
  readonly status: { readonly type: "open" };
  /** Grows with each change of the schedule, so that a change made upon an old one is noticed. */
  version: number;
  /** Of the last patches and updates, so that a repeated one is dropped. */
  patchRequestIds: readonly string[];
  /** With a canonical spec and all policies said. */
  schedule: schedule.Schedule;
  memo: common.Memo | undefined;
  searchAttributes: common.SearchAttributes | undefined;
  /** Nominal times until here have been looked at. */
  seenUntilMs: number;
  buffer: readonly BufferedAction[];
  backfills: readonly Backfill[];
  started: readonly StartedAction[];
  recent: readonly RecentAction[];
  counts: ActionCounts;
  /** Of the last workflow that completed, and of the last one that failed since: handed to the next. */
  lastResult: Uint8Array | undefined;
  lastFailure: Uint8Array | undefined;
  /** Since when there is nothing left to do, ever. */
  idleSinceMs: number | null;
  readonly outbox: Map<number, Outgoing>;
  lastMessageId: number;

  // What follows is not part of the snapshot.

  /** The schedule's spec, ready for use. */
  spec: Spec;
  wakeAtMs: number;
  sizeBytes: number;
  readonly changes: ScheduleChanges;
}

export interface ScheduleChanges {
  core: boolean;
  /** Messages under way that have come or gone. */
  readonly parts: Set<string>;
  visibility: boolean;
  deleted: boolean;
  current: boolean;
}

export interface ScheduleExecution extends Execution<ScheduleRun> {
  readonly namespaceId: string;
  readonly scheduleId: string;
}

export function noScheduleChanges(): ScheduleChanges {
  return { core: false, parts: new Set(), visibility: false, deleted: false, current: false };
}

export function scheduleSender({ namespaceId, scheduleId, runId }: ScheduleRun): Sender {
  return { kind: "schedule", namespaceId, businessId: scheduleId, runId };
}

export function isPaused({ schedule: { state } }: ScheduleRun): boolean {
  return state?.paused ?? false;
}

/** Whether its limit of actions leaves any. */
export function mayAct({ schedule: { state } }: ScheduleRun): boolean {
  return !state?.limitedActions || state.remainingActions > 0;
}

export function overlapPolicyOf(
  run: ScheduleRun,
  { overlapPolicy }: Pick<BufferedAction, "overlapPolicy">,
): OverlapPolicy {
  return overlapPolicy || run.schedule.policies?.overlapPolicy || enums.ScheduleOverlapPolicy.SKIP;
}

/** The next time by its spec at which it acts by itself; undefined while it is paused, and when there is none. */
export function nextActionTime(run: ScheduleRun): ActionTime | undefined {
  if (isPaused(run) || !mayAct(run)) return undefined;
  return run.spec.next(run.seenUntilMs, run.scheduleId);
}

export function count(run: ScheduleRun, what: keyof ActionCounts, by = 1): void {
  if (by === 0) return;
  run.counts = { ...run.counts, [what]: run.counts[what] + by };
  run.changes.core = true;
}
