/** Search attributes that nobody sets: they follow from the state of the run, and lists find it by them. */
import { type common, enums } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { pascalCase } from "../pascal-case.ts";
import type { Activity } from "../state/activity.ts";
import { isOpen, type Run } from "../state/run.ts";
import { intPayload } from "../text-payload.ts";

const metadata = { encoding: new TextEncoder().encode("json/plain"), type: new TextEncoder().encode("KeywordList") };

/** The workflow's own search attributes, and those that follow from its state. */
export function shownSearchAttributes(run: Run): common.SearchAttributes {
  const indexedFields = { ...run.searchAttributes?.indexedFields };
  const paused = pauseInfo(run);
  if (paused.length > 0) indexedFields["TemporalPauseInfo"] = keywordList(paused);
  const problems = reportedProblems(run);
  if (problems.length > 0) indexedFields["TemporalReportedProblems"] = keywordList(problems);
  return { indexedFields };
}

/** The same as lists show them: with those that Describe has as fields. */
export function listedSearchAttributes(run: Run): common.SearchAttributes {
  const { indexedFields } = shownSearchAttributes(run);
  const { count, sizeBytes } = run.externalPayloads;
  if (count === 0) return { indexedFields };
  const TemporalExternalPayloadCount = intPayload(count);
  const TemporalExternalPayloadSizeBytes = intPayload(sizeBytes);
  return { indexedFields: { ...indexedFields, TemporalExternalPayloadCount, TemporalExternalPayloadSizeBytes } };
}

/**
 * What lists can be filtered by and nobody is shown, because the reference server has nothing like it: which types of the run's activities are being
 * tried again after a failure, and why it goes nowhere.
 */
export function unshownAttributes(run: Run): Readonly<Record<string, readonly string[]>> {
  if (!isOpen(run)) return {};
  const retrying = [...run.activities.values()].filter(isRetrying);
  const reasons = [
    ...(reportedProblems(run).length > 0 ? ["WorkflowTaskFailing"] : []),
    ...(retrying.some(({ attempt }) => attempt > limits.stuckAttempts) ? ["ActivityFailing"] : []),
  ];
  const types = [...new Set(retrying.map(({ activityType }) => activityType))].sort();
  return {
    ...(types.length > 0 && { PawlRetryingActivities: types }),
    ...(reasons.length > 0 && { PawlStuckReasons: reasons }),
  };
}

function isRetrying({ attempt, reset }: Activity): boolean {
  return attempt > 1 && !reset;
}

/** An activity begins another attempt after one that has come to nothing. */
export function noteRetry(run: Run, { attempt }: Activity): void {
  if (attempt === 2 || attempt === limits.stuckAttempts + 1) run.changes.visibility = true;
}

/** An activity ends, or its attempts begin anew. */
export function noteNoRetry(run: Run, activity: Activity): void {
  if (isRetrying(activity)) run.changes.visibility = true;
}

export function keywordList(values: readonly string[]): common.Payload {
  return { metadata, data: new TextEncoder().encode(JSON.stringify(values)), externalPayloads: [] };
}

/** What of the workflow is paused: itself, types of its activities. */
function pauseInfo(run: Run): string[] {
  if (!run.pause && run.activities.size === 0) return [];
  const whole = run.pause ? [`Workflow:${run.workflowId}`, `Reason:${run.pause.reason}`] : [];
  const types = new Set<string>();
  for (const { paused, activityType } of run.activities.values()) if (paused) types.add(activityType);
  return [...whole, ...[...types].sort().map((type) => `property:activityType=${type}`)];
}

/** Why the last of many workflow tasks in a row came to nothing. */
function reportedProblems({ taskFailures }: Run): string[] {
  if (!taskFailures || taskFailures.count < limits.reportedFailures) return [];
  const { what, cause } = taskFailures;
  return [`category=WorkflowTask${what}`, `cause=WorkflowTask${what}Cause${cause}`];
}

/** A workflow task has come to nothing. */
export function countTaskFailure(run: Run, what: "Failed" | "TimedOut", cause: string): void {
  run.taskFailures = { count: (run.taskFailures?.count ?? 0) + 1, what, cause };
  run.changes.core = true;
  if (run.taskFailures.count >= limits.reportedFailures) run.changes.visibility = true;
}

/** Whether the last workflow task failed because its worker would have closed the workflow without having seen what had come meanwhile. */
export function triedToClose({ taskFailures }: Run): boolean {
  return taskFailures?.what === "Failed" && taskFailures.cause === unhandledCommand;
}

/** A workflow task has completed. */
export function clearTaskFailures(run: Run): void {
  if (!run.taskFailures) return;
  if (run.taskFailures.count >= limits.reportedFailures) run.changes.visibility = true;
  run.taskFailures = null;
}

/** `BAD_START_TIMER_ATTRIBUTES` as `BadStartTimerAttributes`. */
export function causeName(cause: enums.WorkflowTaskFailedCause): string {
  const [name = ""] = Object.entries(enums.WorkflowTaskFailedCause).find(([, value]) => value === cause) ?? [];
  return pascalCase(name);
}

const unhandledCommand = causeName(enums.WorkflowTaskFailedCause.UNHANDLED_COMMAND);
