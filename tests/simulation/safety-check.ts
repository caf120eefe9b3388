/** What must hold of the disk after each commit, looked at as the commit is applied: I2, I4 to I10, I13 to I15, I20, I21, I26, I30, and that nothing is forgotten (L3). */
import { createHash } from "node:crypto";
import { machineOf, type Run } from "@pawl/engine";
import { currentViolations, must, RunHistory, stateViolations, violationsOf } from "@pawl/engine/invariant";
import type { RunWrite, VisibilityWrite, Write } from "@pawl/store";
import type { World } from "./world.ts";

interface Row {
  write: RunWrite;
  readonly parts: Map<string, Uint8Array>;
  readonly history: RunHistory;
  visibility: VisibilityWrite | undefined;
  run: Run;
  /** Attempts by scheduled event id, as the last commit had them. */
  attempts: Map<number, number>;
}

const machine = machineOf("workflow");
/** Folding a history takes as long as it is: of every so many commits, one. */
const stateEvery = 5;

export class SafetyCheck {
  readonly #world: World;
  readonly #rows = new Map<string, Row>();
  /** Current run ids by workflow id. */
  readonly #current = new Map<string, string>();
  /** Of deleted runs, too: an id is used once (I5). */
  readonly #runIds = new Set<string>();
  commits = 0;

  constructor(world: World) {
    this.#world = world;
  }

  committed(writes: readonly Write[]): void {
    this.commits += 1;
    const touched = new Set<string>();
    try {
      for (const write of writes) this.#apply(write, touched);
      for (const runId of touched) this.#checkRun(runId);
      this.#checkCurrent(touched);
    } catch (error) {
      this.#world.violate(
        error instanceof Error ? (error.name === "Error" ? error.message : (error.stack ?? "")) : String(error),
      );
    }
  }

  run(runId: string): Run | undefined {
    return this.#rows.get(runId)?.run;
  }

  history(runId: string): RunHistory | undefined {
    return this.#rows.get(runId)?.history;
  }

  runs(): readonly Run[] {
    return [...this.#rows.values()].map(({ run }) => run);
  }

  /** The run ids of a workflow id, the oldest first. */
  chain(workflowId: string): readonly string[] {
    return [...this.#rows.values()].filter(({ run }) => run.workflowId === workflowId).map(({ run }) => run.runId);
  }

  isCurrent(runId: string): boolean {
    const workflowId = this.#rows.get(runId)?.run.workflowId;
    return workflowId !== undefined && this.#current.get(workflowId) === runId;
  }

  /** Runs that have something left to do. What a closed run has still to say may begin others. */
  unfinished(): readonly Run[] {
    return this.runs().filter((run) => run.outbox.size > 0 || (run.status.type === "open" && !this.#waitsInVain(run)));
  }

  /** Whether the latest run of a workflow id waits for what never comes. */
  isStranded(workflowId: string): boolean {
    const run = this.run(this.chain(workflowId).at(-1) ?? "");
    return run !== undefined && run.status.type === "open" && this.#waitsInVain(run);
  }

  /**
   * A child that ended after its parent had closed has told nobody how. A reset to before that end waits for it for ever, here as at the reference
   * server.
   */
  #waitsInVain({ start, workflowTask, activities, timers, children }: Run): boolean {
    if (!start.reset || workflowTask.type !== "none" || activities.size > 0 || timers.size > 0) return false;
    return [...children.values()].some(({ workflowId }) => {
      const latest = this.run(this.chain(workflowId).at(-1) ?? "");
      return latest?.status.type === "closed" && latest.outbox.size === 0;
    });
  }

  #apply(write: Write, touched: Set<string>): void {
    const { table } = write;
    if (table === "namespace" || table === "setting") return;
    this.#world.note(`${table} ${"runId" in write ? write.runId : ""}${digestOf(write)}`);
    if (table === "current") {
      if (write.runId === null) this.#current.delete(write.businessId);
      else this.#current.set(write.businessId, write.runId);
      return;
    }
    touched.add(write.runId);
    if (table === "deleteRun") return this.#delete(write.runId);
    if (table === "run") return this.#write(write);
    const row = this.#rows.get(write.runId);
    must(row, "I2", `${table} of run ${write.runId}, which is not there`);
    if (table === "history") row.history.append(write.firstEventId, write.lastEventId, write.events);
    else if (table === "visibility") row.visibility = write;
    else if (write.bytes === null) row.parts.delete(write.part);
    else row.parts.set(write.part, write.bytes);
  }

  #write(write: RunWrite): void {
    const row = this.#rows.get(write.runId);
    if (row) {
      must(row.write.businessId === write.businessId, "I5", `run ${write.runId} has gone to another workflow`);
      row.write = write;
      return;
    }
    must(!this.#runIds.has(write.runId), "I5", `run id ${write.runId} is used again`);
    this.#runIds.add(write.runId);
    const fresh = {
      write,
      parts: new Map(),
      history: new RunHistory({ backMs: () => this.#world.machine.backMs, nowMs: () => this.#world.machine.nowMs() }),
      visibility: undefined,
      attempts: new Map(),
    };
    this.#rows.set(write.runId, { ...fresh, run: undefined as never });
  }

  #delete(runId: string): void {
    const row = this.#rows.get(runId);
    must(row, "I30", `run ${runId} is deleted twice`);
    must(row.run.status.type === "closed", "I30", `run ${runId} is deleted while it is open`);
    const { deletion } = row.run;
    must(deletion && deletion.atMs <= this.#world.machine.nowMs(), "I30", `run ${runId} is deleted before its time`);
    this.#rows.delete(runId);
  }

  #checkRun(runId: string): void {
    const row = this.#rows.get(runId);
    if (!row) return;
    const before = row.run as Run | undefined;
    // Bytes of the disk are not to be changed by whoever reads them: `restore` is what a server does after a crash.
    row.run = machine.restore(row.write.snapshot, row.parts) as Run;
    if (before?.status.type === "closed") must(row.run.status.type === "closed", "I5", `run ${runId} is open again`);
    const { write, history, visibility, run } = row;
    for (const violation of violationsOf({ ...write, run, history, visibility })) throw violation;
    if (this.commits % stateEvery === 0) for (const violation of stateViolations(row.run, history)) throw violation;
    this.#checkAttempts(row);
  }

  /** I15. */
  #checkAttempts(row: Row): void {
    const { run, attempts } = row;
    row.attempts = new Map(
      [...run.activities.values()].map(({ scheduledEventId, attempt }) => [scheduledEventId, attempt]),
    );
    for (const { scheduledEventId, attempt, options } of run.activities.values()) {
      const name = `activity ${scheduledEventId} of run ${run.runId}`;
      const before = attempts.get(scheduledEventId) ?? 1;
      must(attempt === before || attempt === before + 1, "I15", `${name} goes from attempt ${before} to ${attempt}`);
      // Only here, where nobody pauses an activity: one that fails while it is paused may be tried once more.
      const { maximumAttempts } = options.retryPolicy;
      must(
        maximumAttempts === 0 || attempt <= maximumAttempts,
        "I15",
        `${name} has attempt ${attempt} of ${maximumAttempts}`,
      );
    }
  }

  #checkCurrent(touched: ReadonlySet<string>): void {
    for (const workflowId of new Set([...touched].flatMap((runId) => this.#rows.get(runId)?.run.workflowId ?? []))) {
      const runs = this.chain(workflowId).map((runId) => ({
        runId,
        isOpen: this.#rows.get(runId)?.run.status.type === "open",
      }));
      const currentRunId = this.#current.get(workflowId) ?? null;
      for (const violation of currentViolations({ name: `workflow ${workflowId}`, currentRunId, runs }))
        throw violation;
    }
  }
}

function digestOf(write: Write): string {
  const hash = createHash("sha1");
  for (const value of Object.values(write)) hash.update(value instanceof Uint8Array ? value : String(value));
  return ` ${hash.digest("hex").slice(0, 8)}`;
}
