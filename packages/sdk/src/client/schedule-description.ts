/** What describe and list say of a schedule, as plain values. */
import {
  type common,
  enums,
  type googleProtobuf,
  type schedule,
  timestampMs,
  type workflowservice,
} from "@pawl/protocol";
import { arrayFromPayloads, mapFromPayloads, type PayloadConverter } from "../value/payload-converter.ts";
import { retryPolicyOf } from "../value/retry-policy.ts";
import { decodeSearchAttributes, decodeTypedSearchAttributes } from "../value/search-attributes.ts";
import { compiledRetryPolicy, wireDurationMs } from "../value/wire.ts";
import type {
  ScheduleDescription,
  ScheduleExecutionActionResult,
  ScheduleExecutionResult,
  ScheduleOverlapPolicy,
  ScheduleSummary,
} from "./schedule-options.ts";
import { decodeSpec } from "./schedule-spec.ts";

export function scheduleSummary(
  { scheduleId, memo, searchAttributes, info }: schedule.ScheduleListEntry,
  converter: PayloadConverter,
): ScheduleSummary {
  return {
    scheduleId,
    spec: info?.spec && decodeSpec(info.spec),
    action: info?.workflowType && { type: "startWorkflow", workflowType: info.workflowType.name },
    memo: mapFromPayloads(converter, memo?.fields),
    searchAttributes: decodeSearchAttributes(searchAttributes?.indexedFields),
    typedSearchAttributes: decodeTypedSearchAttributes(searchAttributes?.indexedFields),
    state: { paused: info?.paused ?? false, note: info?.notes || undefined },
    info: {
      recentActions: (info?.recentActions ?? []).map(executionResult),
      nextActionTimes: (info?.futureActionTimes ?? []).map(date),
    },
  };
}

export function scheduleDescription(
  scheduleId: string,
  raw: workflowservice.DescribeScheduleResponse,
  converter: PayloadConverter,
): ScheduleDescription {
  const { schedule: described, info, memo, searchAttributes } = raw;
  const { policies, state } = described ?? {};
  return {
    scheduleId,
    spec: decodeSpec(described?.spec),
    action: actionOf(described, converter),
    policies: {
      overlap: overlapName(policies?.overlapPolicy ?? 0),
      catchupWindow: wireDurationMs(policies?.catchupWindow) ?? catchupWindowDefaultMs,
      pauseOnFailure: policies?.pauseOnFailure ?? false,
    },
    memo: mapFromPayloads(converter, memo?.fields),
    searchAttributes: decodeSearchAttributes(searchAttributes?.indexedFields),
    typedSearchAttributes: decodeTypedSearchAttributes(searchAttributes?.indexedFields),
    state: {
      paused: state?.paused ?? false,
      note: state?.notes || undefined,
      remainingActions: state?.limitedActions ? state.remainingActions : undefined,
    },
    info: {
      recentActions: (info?.recentActions ?? []).map(executionResult),
      nextActionTimes: (info?.futureActionTimes ?? []).map(date),
      numActionsTaken: info?.actionCount ?? 0,
      numActionsMissedCatchupWindow: info?.missedCatchupWindow ?? 0,
      numActionsSkippedOverlap: info?.overlapSkipped ?? 0,
      createdAt: date(info?.createTime),
      lastUpdatedAt: info?.updateTime && date(info.updateTime),
      runningActions: (info?.runningWorkflows ?? []).map(startedWorkflow),
    },
    raw,
  };
}

/** The server's own, when a schedule names none: a year. */
const catchupWindowDefaultMs = 365 * 24 * 60 * 60 * 1_000;

function actionOf(
  described: schedule.Schedule | undefined,
  converter: PayloadConverter,
): ScheduleDescription["action"] {
  const from = described?.action?.startWorkflow;
  const text = (payload: common.Payload | undefined) => (payload ? converter.fromPayload<string>(payload) : undefined);
  const policy = compiledRetryPolicy(from?.retryPolicy);
  const optional = {
    memo: mapFromPayloads(converter, from?.memo?.fields),
    retry: policy && retryPolicyOf(policy),
    priority: from?.priority,
    staticSummary: text(from?.userMetadata?.summary),
    staticDetails: text(from?.userMetadata?.details),
    workflowExecutionTimeout: wireDurationMs(from?.workflowExecutionTimeout),
    workflowRunTimeout: wireDurationMs(from?.workflowRunTimeout),
    workflowTaskTimeout: wireDurationMs(from?.workflowTaskTimeout),
  };
  // Only what is there: an update that repeats it must not say more than was said.
  const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    type: "startWorkflow",
    workflowType: from?.workflowType?.name ?? "",
    workflowId: from?.workflowId ?? "",
    taskQueue: from?.taskQueue?.name ?? "",
    args: arrayFromPayloads(converter, from?.input?.payloads),
    typedSearchAttributes: decodeTypedSearchAttributes(from?.searchAttributes?.indexedFields),
    ...present,
  };
}

function executionResult(from: schedule.ScheduleActionResult): ScheduleExecutionResult {
  return {
    scheduledAt: date(from.scheduleTime),
    takenAt: date(from.actualTime),
    action: startedWorkflow(from.startWorkflowResult),
  };
}

function startedWorkflow(execution: common.WorkflowExecution | undefined): ScheduleExecutionActionResult {
  const { workflowId = "", runId = "" } = execution ?? {};
  return { type: "startWorkflow", workflow: { workflowId, firstExecutionRunId: runId } };
}

function date(at: googleProtobuf.Timestamp | undefined): Date {
  return new Date(timestampMs(at));
}

function overlapName(number: enums.ScheduleOverlapPolicy): ScheduleOverlapPolicy {
  const names = Object.entries(enums.ScheduleOverlapPolicy) as [ScheduleOverlapPolicy | "UNSPECIFIED", number][];
  const name = names.find(([, value]) => value === number)?.[0] ?? "UNSPECIFIED";
  // What a schedule without a policy does.
  return name === "UNSPECIFIED" ? "SKIP" : name;
}
