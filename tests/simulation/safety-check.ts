/** What must hold of the disk after each commit, looked at as the commit is applied: I2, I4 to I10, I13 to I15, I20, I21, I26, I30, and that nothing is forgotten (L3). */
import { createHash } from "node:crypto";
import { machineOf, type Run } from "@pawl/engine";
import type { RunWrite, VisibilityWrite, Write } from "@pawl/store";
import { RunHistory } from "./run-history.ts";
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

  get openCount(): number {
    return this.runs().filter(({ status }) => status.type === "open").length;
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
    must(row, `I2: ${table} of run ${write.runId}, which is not there`);
    if (table === "history") row.history.append(write.firstEventId, write.lastEventId, write.events);
    else if (table === "visibility") row.visibility = write;
    else if (write.bytes === null) row.parts.delete(write.part);
    else row.parts.set(write.part, write.bytes);
  }

  #write(write: RunWrite): void {
    const row = this.#rows.get(write.runId);
    if (row) {
      must(row.write.businessId === write.businessId, `I5: run ${write.runId} has gone to another workflow`);
      row.write = write;
      return;
    }
    must(!this.#runIds.has(write.runId), `I5: run id ${write.runId} is used again`);
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
    must(row, `I30: run ${runId} is deleted twice`);
    must(row.run.status.type === "closed", `I30: run ${runId} is deleted while it is open`);
    const { deletion } = row.run;
    must(deletion && deletion.atMs <= this.#world.machine.nowMs(), `I30: run ${runId} is deleted before its time`);
    this.#rows.delete(runId);
  }

  #checkRun(runId: string): void {
    const row = this.#rows.get(runId);
    if (!row) return;
    const before = row.run as Run | undefined;
    // Bytes of the disk are not to be changed by whoever reads them: `restore` is what a server does after a crash.
    row.run = machine.restore(row.write.snapshot, row.parts) as Run;
    if (before?.status.type === "closed") must(row.run.status.type === "closed", `I5: run ${runId} is open again`);
    this.#checkAgainstHistory(row);
    this.#checkAttempts(row);
    this.#checkNothingForgotten(row);
    this.#checkVisibility(row);
  }

  /** I2, I10: snapshot, parts and events are of one and the same commit. */
  #checkAgainstHistory({ run, history }: Row): void {
    const { runId } = run;
    must(
      run.nextEventId === history.lastEventId + 1,
      `I2: run ${runId} has ${history.lastEventId} events, its state comes after ${run.nextEventId - 1}`,
    );
    must(
      (run.status.type === "open") === history.isOpen,
      `I5: run ${runId} is ${run.status.type}, its history says otherwise`,
    );
    if (!history.isOpen) {
      must(run.buffered.length === 0, `I13: run ${runId} has closed over ${run.buffered.length} buffered events`);
      return;
    }
    const isAhead = run.buffered.length > 0;
    mustMatch(run.activities.keys(), history.activities, isAhead, `I10: activities of run ${runId}`);
    mustMatch(run.timers.keys(), new Set(history.timers.keys()), isAhead, `I10: timers of run ${runId}`);
    mustMatch(run.children.keys(), new Set(history.children.keys()), isAhead, `I10: children of run ${runId}`);
    for (const [id, { fireAtMs }] of run.timers)
      must(fireAtMs >= history.timers.get(id)!.dueAtMs, `I20: timer ${id} of run ${runId} will be early`);
    const isStarted = run.workflowTask.type === "started";
    must(!isAhead || isStarted, `I13: run ${runId} buffers events though no worker has its workflow task`);
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
      must(attempt === before || attempt === before + 1, `I15: ${name} goes from attempt ${before} to ${attempt}`);
      const { maximumAttempts } = options.retryPolicy;
      must(
        maximumAttempts === 0 || attempt <= maximumAttempts,
        `I15: ${name} has attempt ${attempt} of ${maximumAttempts}`,
      );
    }
  }

  /** L3: whatever the run waits for, the row says when or that somebody must be told. */
  #checkNothingForgotten({ write, run, history }: Row): void {
    const { runId } = run;
    const effects = machine.pendingEffects(run);
    must(
      effects.length === 0 || write.undispatched,
      `L3: ${effects.length} tasks or messages of run ${runId} are not marked`,
    );
    // Too early is harmless: it finds nothing to do, and looks again.
    const wakeAtMs = write.wakeAtMs ?? Number.POSITIVE_INFINITY;
    must(wakeAtMs <= run.wakeAtMs, `L3: run ${runId} is to be woken at ${wakeAtMs}, its state says ${run.wakeAtMs}`);
    if (run.status.type === "closed")
      return must(write.wakeAtMs !== null, `I30: run ${runId} has closed and is never deleted`);
    for (const [id, { fireAtMs }] of run.timers)
      must(wakeAtMs <= fireAtMs, `L2: nobody wakes run ${runId} for timer ${id}`);
    const messages = [...run.outbox.values()].length;
    const starting = [...run.children.values()].filter(({ status }) => status.type === "starting").length;
    must(messages >= starting, `L3: run ${runId} starts ${starting} children with ${messages} messages`);
    const isUnseen = history.lastTriggerEventId > history.lastSeenEventId || history.lastSeenEventId === 0;
    const hasTask = run.workflowTask.type !== "none" || run.firstTaskAtMs !== null || run.pause !== null;
    must(!isUnseen || hasTask, `L3: no workflow task of run ${runId} follows event ${history.lastTriggerEventId}`);
  }

  /** I26. */
  #checkVisibility({ run, visibility }: Row): void {
    const { runId, status } = run;
    must(visibility, `I26: run ${runId} is in no list`);
    const isClosed = status.type === "closed";
    must(
      (visibility.closeTimeMs !== null) === isClosed,
      `I26: run ${runId} is ${status.type}, its list says otherwise`,
    );
    must(
      !isClosed || visibility.status === status.status,
      `I26: run ${runId} has status ${isClosed && status.status}, its list says ${visibility.status}`,
    );
  }

  /** I4. */
  #checkCurrent(touched: ReadonlySet<string>): void {
    for (const workflowId of new Set([...touched].flatMap((runId) => this.#rows.get(runId)?.run.workflowId ?? []))) {
      const open = this.chain(workflowId).filter((runId) => this.#rows.get(runId)?.run.status.type === "open");
      must(open.length <= 1, `I4: workflow ${workflowId} has ${open.length} open runs`);
      const current = this.#current.get(workflowId);
      must(
        open.length === 0 || current === open[0],
        `I4: workflow ${workflowId} means run ${current}, but ${open[0]} is open`,
      );
      must(
        current === undefined || this.#rows.has(current),
        `I2: workflow ${workflowId} means run ${current}, which is not there`,
      );
    }
  }
}

function must(holds: unknown, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** A run with buffered events has taken them into account already: of what history has pending, less is. */
function mustMatch<T>(live: Iterable<T>, told: ReadonlySet<T>, isAhead: boolean, what: string): void {
  const ids = [...live];
  const matches = ids.every((id) => told.has(id)) && (isAhead || ids.length === told.size);
  must(matches, `${what}: the state has ${ids.join(" ")}, history ${[...told].join(" ")}`);
}

function digestOf(write: Write): string {
  const hash = createHash("sha1");
  for (const value of Object.values(write)) hash.update(value instanceof Uint8Array ? value : String(value));
  return ` ${hash.digest("hex").slice(0, 8)}`;
}
