/** The workflows that a shard has in memory, least recently used first, bounded by an estimate of their bytes. */
import { isPinned, type Run, type Workflow } from "@pawl/engine";

export class WorkflowCache {
  readonly #bytesMax: number;
  /** In order of use: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, { readonly workflow: Workflow; bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string): Workflow | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.workflow;
  }

  /** Adds the workflow or takes its new size into account. Closed runs are kept only while they are current. */
  put(key: string, workflow: Workflow): void {
    this.forget(key);
    for (const [runId, run] of workflow.runs) {
      if (run.status.type === "closed" && runId !== workflow.currentRunId) workflow.runs.delete(runId);
    }
    let bytes = entryBytes;
    for (const run of workflow.runs.values()) bytes += runBytes(run);
    this.#entries.set(key, { workflow, bytes });
    this.#bytes += bytes;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Drops what was used longest ago until the rest fits. Only between batches: a batch holds on to its workflows. */
  shrink(): void {
    for (const [key, { workflow }] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      // Updates that wait for a worker are known here only; there are few, and not for long.
      if (![...workflow.runs.values()].some(isPinned)) this.forget(key);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

/** Measured on heaps of idle runs: what a workflow and a run cost without anything pending, and one pending thing of each kind. */
const entryBytes = 300;
const idleRunBytes = 3_000;
const activityBytes = 900;
const timerBytes = 200;
const requestIdBytes = 100;

function runBytes(run: Run): number {
  return (
    idleRunBytes +
    run.tailBytes +
    run.activities.size * activityBytes +
    run.timers.size * timerBytes +
    run.signalRequestIds.size * requestIdBytes +
    run.buffered.length * activityBytes +
    (run.startEvent?.length ?? 0)
  );
}
