/** Columns that a row of `visibility` has in every database, and their values. A database adds which list a row is in, attributes and info. */

import type { VisibilityWrite } from "./store.ts";

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
