/** Schedules as the API shows them: the parts that the pages read. */
import { type Startable, withEncoded } from "../codec/encode.ts";
import { ask } from "./ask.ts";
import { type Execution, identity } from "./workflows.ts";

export interface ScheduleAction {
  readonly scheduleTime?: string;
  readonly actualTime?: string;
  readonly startWorkflowResult?: Execution;
}

export interface ListedSchedule {
  readonly scheduleId: string;
  readonly info?: {
    readonly workflowType?: { readonly name: string };
    readonly notes?: string;
    readonly paused?: boolean;
    readonly recentActions?: readonly ScheduleAction[];
    readonly futureActionTimes?: readonly string[];
  };
}

export interface ScheduleDescription {
  /** Of this state of it: an update that names it is refused when somebody else's came before. */
  readonly conflictToken?: string;
  readonly schedule: {
    readonly spec?: unknown;
    readonly action?: unknown;
    readonly policies?: unknown;
    readonly state?: { readonly paused?: boolean; readonly notes?: string };
  };
  readonly info?: {
    readonly actionCount?: string;
    readonly missedCatchupWindow?: string;
    readonly overlapSkipped?: string;
    readonly runningWorkflows?: readonly Execution[];
    readonly recentActions?: readonly ScheduleAction[];
    readonly futureActionTimes?: readonly string[];
  };
}

export function listSchedules(namespace: string, after: string | undefined, signal: AbortSignal) {
  const query = { maximumPageSize: "50", nextPageToken: after };
  return ask<{ schedules?: readonly ListedSchedule[]; nextPageToken?: string }>(
    ["namespaces", namespace, "schedules"],
    { query, signal },
  );
}

export interface ScheduleAddress {
  readonly namespace: string;
  readonly scheduleId: string;
}

export function describeSchedule({ namespace, scheduleId }: ScheduleAddress, signal: AbortSignal) {
  return ask<ScheduleDescription>(["namespaces", namespace, "schedules", scheduleId], { signal });
}

export async function createSchedule({ namespace, scheduleId }: ScheduleAddress, asked: AskedSchedule) {
  const schedule = await encodedSchedule(namespace, asked);
  const body = { schedule, identity, requestId: crypto.randomUUID() };
  return ask(["namespaces", namespace, "schedules", scheduleId], { body });
}

export async function updateSchedule(
  { namespace, scheduleId }: ScheduleAddress,
  asked: AskedSchedule,
  conflictToken: string | undefined,
) {
  const schedule = await encodedSchedule(namespace, asked);
  const body = { schedule, conflictToken, identity, requestId: crypto.randomUUID() };
  return ask(["namespaces", namespace, "schedules", scheduleId, "update"], { body });
}

/** As much of it as is read here. */
interface AskedSchedule {
  readonly action?: { readonly startWorkflow?: Startable };
}

async function encodedSchedule(namespace: string, schedule: AskedSchedule): Promise<AskedSchedule> {
  const { action, action: { startWorkflow } = {} } = schedule;
  if (startWorkflow === undefined) return schedule;
  return { ...schedule, action: { ...action, startWorkflow: await withEncoded(namespace, startWorkflow) } };
}

export function matchingTimes(
  { namespace, scheduleId }: ScheduleAddress,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  signal: AbortSignal,
) {
  const query = { startTime: new Date(fromMs).toISOString(), endTime: new Date(toMs).toISOString() };
  return ask<{ startTime?: readonly string[] }>(["namespaces", namespace, "schedules", scheduleId, "matching-times"], {
    query,
    signal,
  });
}

export type SchedulePatch =
  | { readonly pause: string }
  | { readonly unpause: string }
  | { readonly triggerImmediately: { readonly overlapPolicy: string } }
  | {
      readonly backfillRequest: readonly {
        readonly startTime: string;
        readonly endTime: string;
        readonly overlapPolicy: string;
      }[];
    };

export function patchSchedule({ namespace, scheduleId }: ScheduleAddress, patch: SchedulePatch) {
  const body = { patch, identity, requestId: crypto.randomUUID() };
  return ask(["namespaces", namespace, "schedules", scheduleId, "patch"], { body });
}

export function deleteSchedule({ namespace, scheduleId }: ScheduleAddress) {
  return ask(["namespaces", namespace, "schedules", scheduleId], { method: "DELETE", query: { identity } });
}
