/** A schedule as it is shown: by itself, and in lists. */
import { enums, type Init, schedule, toTimestamp, type workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { indexedAttributes, type VisibilityRecord } from "../run/visibility.ts";
import { boolPayload } from "../text-payload.ts";
import { isPaused, mayAct, type RecentAction, type ScheduleRun } from "./schedule-run.ts";
import type { Spec } from "./spec.ts";

/** What a list shows of each: less than the schedule itself does. */
const shownInList = { recentActions: 5, futureActions: 5, specEntries: 10 } as const;

export function describeSchedule(run: ScheduleRun): Init<workflowservice.DescribeScheduleResponse> {
  const { schedule: described, memo, searchAttributes, createdAtMs, updatedAtMs, counts } = run;
  const running = run.started.filter(({ isAlongside, firstRunId }) => !isAlongside && firstRunId !== null);
  return {
    schedule: described,
    memo,
    searchAttributes,
    conflictToken: conflictTokenOf(run),
    info: {
      actionCount: counts.actions,
      missedCatchupWindow: counts.missedCatchupWindow,
      overlapSkipped: counts.overlapSkipped,
      bufferDropped: counts.bufferDropped,
      bufferSize: run.buffer.length,
      runningWorkflows: running.map(({ workflowId, firstRunId }) => ({ workflowId, runId: firstRunId! })),
      recentActions: run.recent.map(shownAction),
      futureActionTimes: futureTimes(run, limits.futureActionsMax).map(toTimestamp),
      createTime: toTimestamp(createdAtMs),
      updateTime: updatedAtMs === null ? undefined : toTimestamp(updatedAtMs),
    },
  };
}

/** Eight bytes, the most significant first. */
export function conflictTokenOf({ version }: ScheduleRun): Uint8Array {
  const token = new Uint8Array(8);
  new DataView(token.buffer).setBigUint64(0, BigInt(version));
  return token;
}

function shownAction({
  actualMs,
  startedAtMs,
  workflowId,
  runId,
  status,
}: RecentAction): Init<schedule.ScheduleActionResult> {
  return {
    scheduleTime: toTimestamp(actualMs),
    actualTime: toTimestamp(startedAtMs),
    startWorkflowResult: { workflowId, runId },
    startWorkflowStatus: status,
  };
}

/** When it will act next, as far as its limit lets it; a paused schedule shows when it would. */
function futureTimes(run: ScheduleRun, countMax: number): number[] {
  if (!mayAct(run)) return [];
  const { state } = run.schedule;
  const count = state?.limitedActions ? Math.min(countMax, state.remainingActions) : countMax;
  return upcomingTimes(run.spec, { afterMs: run.seenUntilMs, seed: run.scheduleId, countMax: count });
}

/** The next times at which a spec acts, from the first whose nominal time is after `afterMs`. */
export function upcomingTimes(spec: Spec, from: { afterMs: number; seed: string; countMax: number }): number[] {
  return matchingTimes(spec, { ...from, untilMs: Number.POSITIVE_INFINITY });
}

/** The times at which a spec acts until another time, from the first whose nominal time is after `afterMs`. */
export function matchingTimes(
  spec: Spec,
  { afterMs, untilMs, seed, countMax }: { afterMs: number; untilMs: number; seed: string; countMax: number },
): number[] {
  const times: number[] = [];
  for (let time = spec.next(afterMs, seed); time && times.length < countMax; time = spec.next(time.nominalMs, seed)) {
    if (time.actualMs > untilMs) break;
    times.push(time.actualMs);
  }
  return times;
}

/** The row that lists show. Times to come are those of the last change: lists ask again when they show them. */
export function scheduleRecord(run: ScheduleRun): VisibilityRecord {
  const { schedule: shown, searchAttributes, memo, scheduleId, runId } = run;
  const paused = isPaused(run);
  const entry: Init<schedule.ScheduleListEntry> = {
    scheduleId,
    memo,
    searchAttributes,
    info: {
      spec: shortened(shown.spec),
      workflowType: shown.action?.startWorkflow?.workflowType,
      notes: shown.state?.notes ?? "",
      paused,
      recentActions: run.recent.slice(-shownInList.recentActions).map(shownAction),
      futureActionTimes: futureTimes(run, shownInList.futureActions).map(toTimestamp),
    },
  };
  const indexed = { ...searchAttributes?.indexedFields, TemporalSchedulePaused: boolPayload(paused) };
  return {
    type: shown.action?.startWorkflow?.workflowType?.name ?? "",
    taskQueue: "",
    status: enums.WorkflowExecutionStatus.RUNNING,
    startTimeMs: run.createdAtMs,
    executionTimeMs: run.createdAtMs,
    ...{ closeTimeMs: null, historyLength: null, historySizeBytes: null, executionDurationMs: null },
    ...{ stateTransitionCount: null, parentWorkflowId: null, parentRunId: null },
    rootWorkflowId: scheduleId,
    rootRunId: runId,
    searchAttributes: indexedAttributes({ indexedFields: indexed }),
    info: schedule.ScheduleListEntry.encode(entry),
  };
}

function shortened(spec: schedule.ScheduleSpec | undefined): Init<schedule.ScheduleSpec> | undefined {
  if (!spec) return undefined;
  const { specEntries } = shownInList;
  return {
    ...spec,
    structuredCalendar: spec.structuredCalendar.slice(0, specEntries),
    interval: spec.interval.slice(0, specEntries),
    excludeStructuredCalendar: spec.excludeStructuredCalendar.slice(0, specEntries),
  };
}
