/** The row of lists of a run that was begun and not ended, in the namespace "ns". */
import type { VisibilityWrite } from "@pawl/store";

export function listed(runId: string): VisibilityWrite {
  return {
    ...{ table: "visibility", kind: "workflow", namespaceId: "ns", runId, businessId: runId },
    ...{ type: "T", taskQueue: "q", status: 1, startTimeMs: 1, executionTimeMs: 1, closeTimeMs: null },
    ...{ historyLength: null, historySizeBytes: null, executionDurationMs: null, stateTransitionCount: null },
    ...{ parentWorkflowId: null, parentRunId: null, rootWorkflowId: runId, rootRunId: runId },
    ...{ searchAttributes: {}, info: Buffer.from(runId) },
  };
}
