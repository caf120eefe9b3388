/** How a run leaves the store: after its retention, or when an operator asks. Never while it has something to tell another execution. */
import { hasCallbackUnderWay } from "../nexus/completion-callback.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { terminate } from "./close.ts";

/** How long a deletion waits for messages that are under way. */
const retryMs = 1_000;

/** An open run is terminated first. */
export function deleteRun(run: Run, step: Step): Record<never, never> {
  if (isOpen(run))
    terminate(run, step, { reason: "Delete workflow execution", details: undefined, identity: "history-service" });
  run.deletion = { atMs: step.nowMs, asked: true };
  run.changes.core = true;
  deleteDue(run, step, { owes: hasCallbackUnderWay(run) });
  return {};
}

/** What deletion needs of a run of any kind. */
export interface DeletableRun {
  readonly status: { readonly type: "open" } | { readonly type: "closed"; readonly closedAtMs: number };
  deletion: { readonly atMs: number; readonly asked: boolean } | null;
  /** Messages under way, of kinds that send any. */
  readonly outbox?: { readonly size: number };
  readonly changes: { core: boolean; deleted: boolean };
}

/** Deletes a closed run that is due for it; the namespace's retention may have changed since it closed. `owes`: it still has to tell somebody of its end. */
export function deleteDue(run: DeletableRun, step: Step, { owes = false } = {}): void {
  const { deletion, status } = run;
  if (!deletion || status.type !== "closed" || deletion.atMs > step.nowMs) return;
  const dueAtMs = deletion.asked ? deletion.atMs : status.closedAtMs + step.retentionMs;
  if (dueAtMs <= step.nowMs && (run.outbox?.size ?? 0) === 0 && !owes) {
    run.changes.deleted = true;
    run.changes.core = true;
    return;
  }
  run.deletion = { ...deletion, atMs: Math.max(dueAtMs, step.nowMs + retryMs) };
  run.changes.core = true;
}
