/** Columns that a row of `visibility` has in every database, and their values. A database adds which list a row is in, attributes and info. */

import type { InspectedVisibility } from "../inspection.ts";
import type { ExecutionKey, VisibilityWrite } from "../store.ts";

/** `list_order` of an open run: it comes before every close time. */
export const openListOrder = Number.MAX_SAFE_INTEGER;

export const visibilityRowColumns = {
  text: ["business_id", "type", "task_queue"],
  status: "status",
  times: ["list_order", "start_time_ms", "execution_time_ms"],
  sizes: ["history_length", "history_size_bytes", "execution_duration_ms", "state_transition_count"],
  family: ["parent_workflow_id", "parent_run_id", "root_workflow_id", "root_run_id"],
} as const;

/** In the order of `visibilityRowColumns`. */
export function visibilityRowValues(write: Omit<VisibilityWrite, "searchAttributes">): (string | number | null)[] {
  return [
    ...[write.businessId, write.type, write.taskQueue],
    write.status,
    ...[write.closeTimeMs ?? openListOrder, write.startTimeMs, write.executionTimeMs],
    ...[write.historyLength, write.historySizeBytes, write.executionDurationMs, write.stateTransitionCount],
    ...[write.parentWorkflowId, write.parentRunId, write.rootWorkflowId, write.rootRunId],
  ];
}

/** The inverse, from the columns of a row by their names. */
export function visibilityOfRow(
  row: Readonly<Record<string, unknown>>,
  known: Pick<InspectedVisibility, keyof ExecutionKey | "searchAttributes">,
): InspectedVisibility {
  const number = (name: string) => (row[name] === null ? null : Number(row[name]));
  const text = (name: string) => (row[name] === null ? null : String(row[name]));
  return {
    ...known,
    runId: String(row["run_id"]),
    type: String(row["type"]),
    taskQueue: String(row["task_queue"]),
    status: Number(row["status"]),
    startTimeMs: Number(row["start_time_ms"]),
    executionTimeMs: Number(row["execution_time_ms"]),
    closeTimeMs: Number(row["list_order"]) === openListOrder ? null : Number(row["list_order"]),
    historyLength: number("history_length"),
    historySizeBytes: number("history_size_bytes"),
    executionDurationMs: number("execution_duration_ms"),
    stateTransitionCount: number("state_transition_count"),
    parentWorkflowId: text("parent_workflow_id"),
    parentRunId: text("parent_run_id"),
    rootWorkflowId: String(row["root_workflow_id"]),
    rootRunId: String(row["root_run_id"]),
  };
}
