/** What describe and list say of a workflow, as plain values. */
import { enums, timestampMs, type workflow, type workflowservice } from "@pawl/protocol";
import type { Priority } from "../value/options.ts";
import { mapFromPayloads, type PayloadConverter } from "../value/payload-converter.ts";
import {
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  type SearchAttributes,
  type TypedSearchAttributes,
} from "../value/search-attributes.ts";

/** The status of a workflow. `UNKNOWN` is a status that this SDK does not know. */
export type WorkflowExecutionStatusName =
  | "UNSPECIFIED"
  | "RUNNING"
  | "COMPLETED"
  | "FAILED"
  | "CANCELLED"
  | "TERMINATED"
  | "CONTINUED_AS_NEW"
  | "TIMED_OUT"
  | "PAUSED"
  | "UNKNOWN";

/** A workflow as lists show it. */
export interface WorkflowExecutionInfo {
  type: string;
  workflowId: string;
  runId: string;
  taskQueue: string;
  status: { code: enums.WorkflowExecutionStatus; name: WorkflowExecutionStatusName };
  historyLength: number;
  /** Bytes. */
  historySize: number;
  startTime: Date;
  /** When its first workflow task could run: later than `startTime` after a start delay or between cron runs. */
  executionTime: Date | undefined;
  closeTime: Date | undefined;
  memo: Record<string, unknown> | undefined;
  searchAttributes: SearchAttributes;
  typedSearchAttributes: TypedSearchAttributes;
  parentExecution: { workflowId: string; runId: string } | undefined;
  rootExecution: { workflowId: string; runId: string } | undefined;
  priority: Priority | undefined;
  raw: workflow.WorkflowExecutionInfo;
}

/** A workflow as `describe()` shows it; `raw` has its pending activities and children. */
export interface WorkflowExecutionDescription extends Omit<WorkflowExecutionInfo, "raw"> {
  staticSummary(): Promise<string | undefined>;
  staticDetails(): Promise<string | undefined>;
  raw: workflowservice.DescribeWorkflowExecutionResponse;
}

/** How many there are; with `GROUP BY`, for each value too. */
export interface CountWorkflowExecution {
  count: number;
  groups: { count: number; groupValues: unknown[] }[];
}

export function executionInfo(raw: workflow.WorkflowExecutionInfo, converter: PayloadConverter): WorkflowExecutionInfo {
  const { parentExecution, rootExecution, priority } = raw;
  const date = (at: typeof raw.startTime) => (at ? new Date(timestampMs(at)) : undefined);
  return {
    type: raw.type?.name ?? "",
    workflowId: raw.execution?.workflowId ?? "",
    runId: raw.execution?.runId ?? "",
    taskQueue: raw.taskQueue,
    status: { code: raw.status, name: statusName(raw.status) },
    historyLength: raw.historyLength,
    historySize: raw.historySizeBytes,
    startTime: new Date(timestampMs(raw.startTime)),
    executionTime: date(raw.executionTime),
    closeTime: date(raw.closeTime),
    memo: mapFromPayloads(converter, raw.memo?.fields),
    searchAttributes: decodeSearchAttributes(raw.searchAttributes?.indexedFields),
    typedSearchAttributes: decodeTypedSearchAttributes(raw.searchAttributes?.indexedFields),
    parentExecution: parentExecution && { workflowId: parentExecution.workflowId, runId: parentExecution.runId },
    rootExecution: rootExecution && { workflowId: rootExecution.workflowId, runId: rootExecution.runId },
    priority,
    raw,
  };
}

export function executionDescription(
  response: workflowservice.DescribeWorkflowExecutionResponse,
  converter: PayloadConverter,
): WorkflowExecutionDescription {
  const { raw: _, ...info } = executionInfo(response.workflowExecutionInfo!, converter);
  const { summary, details } = response.executionConfig?.userMetadata ?? {};
  const text = (payload: typeof summary) => async () => (payload ? converter.fromPayload<string>(payload) : undefined);
  return { ...info, staticSummary: text(summary), staticDetails: text(details), raw: response };
}

function statusName(status: enums.WorkflowExecutionStatus): WorkflowExecutionStatusName {
  const names = Object.entries(enums.WorkflowExecutionStatus) as [keyof typeof enums.WorkflowExecutionStatus, number][];
  const name = names.find(([, code]) => code === status)?.[0];
  if (name === "CANCELED") return "CANCELLED";
  return name ?? "UNKNOWN";
}
