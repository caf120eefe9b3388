import { takeChanges, visibilityRecord, type Workflow } from "@pawl/engine";
import type { Write } from "@pawl/store";

export interface WorkflowWrites {
  readonly writes: Write[];
  /** Runs that changed, with the time at which each must be looked at again. */
  readonly touched: { readonly runId: string; readonly wakeAtMs: number | null }[];
}

/** What a commit must write of a workflow: takes the changes of its runs since the last commit. */
export function writesOf(workflow: Workflow): WorkflowWrites {
  const { namespaceId, workflowId } = workflow;
  const writes: Write[] = [];
  const touched: WorkflowWrites["touched"] = [];
  let current = false;
  for (const [runId, run] of workflow.runs) {
    const changes = takeChanges(run);
    if (!changes) continue;
    if (changes.deleted) {
      touched.push({ runId, wakeAtMs: null });
      writes.push({ table: "deleteRun", runId });
      workflow.runs.delete(runId);
      current ||= workflow.currentRunId === runId;
      if (workflow.currentRunId === runId) workflow.currentRunId = null;
      continue;
    }
    touched.push({ runId, wakeAtMs: changes.wakeAtMs });
    writes.push({
      table: "run",
      runId,
      namespaceId,
      workflowId,
      snapshot: changes.snapshot,
      wakeAtMs: changes.wakeAtMs,
      undispatched: changes.undispatched,
    });
    for (const [part, bytes] of changes.parts) writes.push({ table: "part", runId, part, bytes });
    for (const { firstEventId, lastEventId, bytes } of changes.batches)
      writes.push({ table: "history", runId, firstEventId, lastEventId, events: bytes });
    if (changes.visibility)
      writes.push({ table: "visibility", runId, namespaceId, workflowId, ...visibilityRecord(run) });
    current ||= changes.current;
  }
  if (current) writes.push({ table: "current", namespaceId, workflowId, runId: workflow.currentRunId });
  return { writes, touched };
}
