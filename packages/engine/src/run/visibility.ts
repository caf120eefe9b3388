import { workflow as api, type common } from "@pawl/protocol";
import { isOpen, type Run } from "../state/run.ts";
import { statusOf } from "../workflow/start.ts";
import { listedSearchAttributes, unshownAttributes } from "./derived-attribute.ts";
import { executionInfo } from "./describe.ts";

/** The row by which the lists of its kind show and filter a run; times in milliseconds. Lengths and durations are known once it has closed. */
export interface VisibilityRecord {
  readonly type: string;
  readonly taskQueue: string;
  readonly status: number;
  readonly startTimeMs: number;
  readonly executionTimeMs: number;
  readonly closeTimeMs: number | null;
  readonly historyLength: number | null;
  readonly historySizeBytes: number | null;
  readonly executionDurationMs: number | null;
  readonly stateTransitionCount: number | null;
  readonly parentWorkflowId: string | null;
  readonly parentRunId: string | null;
  readonly rootWorkflowId: string;
  readonly rootRunId: string;
  readonly searchAttributes: Readonly<Record<string, IndexedValue>>;
  readonly info: Uint8Array;
}

/** Times in milliseconds; `text` is searched by its words. */
export type IndexedValue = string | number | boolean | readonly string[] | { readonly text: string };

export function visibilityRecord(run: Run): VisibilityRecord {
  const { start, status } = run;
  const executionTimeMs = start.startedAtMs + start.firstTaskBackoffMs;
  const closeTimeMs = status.type === "closed" ? status.closedAtMs : null;
  const closed = !isOpen(run);
  const searchAttributes = listedSearchAttributes(run);
  return {
    type: start.workflowType,
    taskQueue: start.taskQueue,
    status: statusOf(run),
    startTimeMs: start.startedAtMs,
    executionTimeMs,
    closeTimeMs,
    historyLength: closed ? run.nextEventId - 1 : null,
    historySizeBytes: closed ? run.historySizeBytes : null,
    executionDurationMs: closeTimeMs === null ? null : Math.max(0, closeTimeMs - executionTimeMs),
    stateTransitionCount: closed ? run.stateTransitionCount : null,
    parentWorkflowId: start.parent?.workflowId ?? null,
    parentRunId: start.parent?.runId ?? null,
    rootWorkflowId: start.root?.workflowId ?? run.workflowId,
    rootRunId: start.root?.runId ?? run.runId,
    searchAttributes: { ...indexedAttributes(searchAttributes), ...unshownAttributes(run) },
    info: api.WorkflowExecutionInfo.encode({ ...executionInfo(run), searchAttributes }),
  };
}

/** Search attributes are JSON payloads; one that is not is shown but not indexed. */
export function indexedAttributes(
  attributes: common.SearchAttributes | undefined,
): VisibilityRecord["searchAttributes"] {
  const values: Record<string, IndexedValue> = {};
  for (const [name, payload] of Object.entries(attributes?.indexedFields ?? {})) {
    const value = indexedValue(payload);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function indexedValue(payload: common.Payload): IndexedValue | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload.data));
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "string") return undefined;
  switch (typeName(payload)) {
    // Times are kept as numbers, so that they compare as times whatever their zone.
    case "Datetime":
      return Date.parse(value);
    case "KeywordList":
      return [value];
    case "Text":
      return { text: value };
    default:
      return value;
  }
}

function typeName({ metadata }: common.Payload): string {
  return metadata["type"] ? new TextDecoder().decode(metadata["type"]) : "";
}
