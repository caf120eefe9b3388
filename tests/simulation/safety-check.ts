/** What must hold of the disk after each commit, looked at as the commit is applied: I2, I4 to I10, I13 to I15, I20, I21, I26, I30, and that nothing is forgotten (L3). */
import { type HostedRun, type Kind, machineOf, type Run, type ScheduleRun, type StandaloneRun } from "@pawl/engine";
import { currentViolations, must, RunHistory, stateViolations, violationsOf } from "@pawl/engine/invariant";
import type { RunWrite, VisibilityWrite, Write } from "@pawl/store";
import { isPoison } from "./poison.ts";
import { ScheduleCheck } from "./schedule-check.ts";
import { checkStandalone } from "./standalone-check.ts";
import type { World } from "./world.ts";

interface Row<R extends HostedRun = HostedRun> {
  write: RunWrite;
  readonly parts: Map<string, Uint8Array>;
  visibility: VisibilityWrite | undefined;
  /** Undefined only while the commit that makes it is looked at. */
  run: R;
}

interface WorkflowRow extends Row<Run> {
  readonly history: RunHistory;
  /** Attempts by scheduled event id, as the last commit had them. */
  attempts: Map<number, number>;
}

/** Folding a history takes as long as it is: of every so many commits, one. */
const stateEvery = 5;

export class SafetyCheck {
  readonly #world: World;
  readonly #rows = new Map<string, Row | WorkflowRow>();
  readonly schedules: ScheduleCheck;
  /** Current run ids by kind and id. */
  readonly #current = new Map<string, string>();
  /** Of deleted runs, too: an id is used once (I5). */
  readonly #runIds = new Set<string>();
  /** Run ids of executions of which somebody has asked that they be deleted, whenever they have closed. */
  readonly #unwanted = new Set<string>();
  commits = 0;

  constructor(world: World) {
    this.#world = world;
    this.schedules = new ScheduleCheck(world);
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
    return this.#workflow(runId)?.run;
  }

  history(runId: string): RunHistory | undefined {
    return this.#workflow(runId)?.history;
  }

  all(): readonly { readonly kind: Kind; readonly run: HostedRun }[] {
    return [...this.#rows.values()].map(({ write, run }) => ({ kind: write.kind, run }));
  }

  /** Of workflows. */
  runs(): readonly Run[] {
    return this.#ofKind("workflow") as readonly Run[];
  }

  standalone(runId: string): StandaloneRun | undefined {
    const row = this.#rows.get(runId);
    return row?.write.kind === "activity" ? (row.run as StandaloneRun) : undefined;
  }

  standalones(): readonly StandaloneRun[] {
    return this.#ofKind("activity") as readonly StandaloneRun[];
  }

  allSchedules(): readonly ScheduleRun[] {
    return this.#ofKind("schedule") as readonly ScheduleRun[];
  }

  /** To be called before it is asked for. */
  mayGo(runId: string): void {
    this.#unwanted.add(runId);
  }

  /** Whether there is or was a schedule of this id, or a run. */
  everHad(what: "schedule" | "run", id: string): boolean {
    return what === "run" ? this.#runIds.has(id) : this.schedules.everHad(id);
  }

  schedule(scheduleId: string): ScheduleRun | undefined {
    return this.allSchedules().find((run) => run.scheduleId === scheduleId);
  }

  /** The run ids of a workflow id, the oldest first. */
  chain(workflowId: string): readonly string[] {
    return this.#runIdsOf("workflow", workflowId);
  }

  isCurrent(runId: string): boolean {
    const row = this.#rows.get(runId);
    return row !== undefined && this.#current.get(keyOf(row.write)) === runId;
  }

  /** What has something left to do. What a closed run has still to say may begin others. */
  unfinished(): readonly string[] {
    const workflows = this.runs().filter(
      (run) =>
        !isPoison(run.workflowId) &&
        (run.outbox.size > 0 || hasSomebodyToTell(run) || (run.status.type === "open" && !this.#waitsInVain(run))),
    );
    // Nobody would let it go on that a request of long ago has paused again.
    const activities = this.standalones().filter(({ status, attempts }) => status.type === "open" && !attempts.paused);
    return [
      ...workflows.map(waitingOf),
      ...activities.map(({ activityId, attempts }) => `activity ${activityId}, attempt ${attempts.attempt}`),
      ...this.allSchedules().flatMap((run) => this.schedules.leftOf(run) ?? []),
    ];
  }

  #workflow(runId: string): WorkflowRow | undefined {
    const row = this.#rows.get(runId);
    return row && isWorkflow(row) ? row : undefined;
  }

  #ofKind(kind: RunWrite["kind"]): readonly HostedRun[] {
    const rows = [...this.#rows.values()].filter(({ write, run }) => write.kind === kind && run !== undefined);
    return rows.map(({ run }) => run);
  }

  #runIdsOf(kind: RunWrite["kind"], businessId: string): readonly string[] {
    return [...this.#rows.values()]
      .filter(({ write }) => write.businessId === businessId && write.kind === kind)
      .map(({ write }) => write.runId);
  }

  /** Whether the latest run of a workflow id waits for what never comes. */
  isStranded(workflowId: string): boolean {
    const run = this.run(this.chain(workflowId).at(-1) ?? "");
    return run !== undefined && run.status.type === "open" && this.#waitsInVain(run);
  }

  /**
   * A child, or what worked on a Nexus operation, that ended after its caller had closed has told nobody how. A reset to before that end waits for
   * it for ever, here as at the reference server.
   */
  #waitsInVain({ start, workflowTask, activities, timers, children, nexusOperations }: Run): boolean {
    if (!start.reset || workflowTask.type !== "none" || activities.size > 0 || timers.size > 0) return false;
    const others = [
      ...[...children.values()].map(({ workflowId }) => workflowId),
      ...[...nexusOperations.values()].flatMap(({ status }) =>
        status.type === "started" ? status.operationToken : [],
      ),
    ];
    return others.some((workflowId) => {
      const latest = this.run(this.chain(workflowId).at(-1) ?? "");
      return latest?.status.type === "closed" && latest.outbox.size === 0 && !hasSomebodyToTell(latest);
    });
  }

  #apply(write: Write, touched: Set<string>): void {
    const { table } = write;
    if (table === "namespace" || table === "setting") return;
    this.#world.note(`${table} ${"runId" in write ? write.runId : ""}`);
    for (const value of Object.values(write))
      this.#world.noteBytes(value instanceof Uint8Array ? value : String(value));
    if (table === "current") {
      if (write.runId === null) this.#current.delete(keyOf(write));
      else this.#current.set(keyOf(write), write.runId);
      return;
    }
    touched.add(write.runId);
    if (table === "deleteRun") return this.#delete(write.runId);
    if (table === "run") return this.#write(write);
    const row = this.#rows.get(write.runId);
    must(row, "I2", `${table} of run ${write.runId}, which is not there`);
    if (table === "history") (row as WorkflowRow).history.append(write.firstEventId, write.lastEventId, write.events);
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
    const fresh = { write, parts: new Map(), visibility: undefined, run: undefined as never };
    if (write.kind !== "workflow") return void this.#rows.set(write.runId, fresh);
    const clock = { backMs: () => this.#world.machine.backMs, nowMs: () => this.#world.machine.nowMs() };
    this.#rows.set(write.runId, { ...fresh, history: new RunHistory(clock), attempts: new Map() });
  }

  #delete(runId: string): void {
    const row = this.#rows.get(runId);
    // What is made and deleted in one batch has never been there.
    if (!this.#runIds.has(runId)) return;
    must(row, "I30", `run ${runId} is deleted twice`);
    this.#rows.delete(runId);
    // It never ends by itself: whoever deletes it means it as it is.
    if (row.write.kind === "schedule") return;
    must(row.run.status.type === "closed", "I30", `run ${runId} is deleted while it is open`);
    const { deletion } = row.run as Run | StandaloneRun;
    const isTime = deletion !== null && deletion.atMs <= this.#world.machine.nowMs();
    must(isTime || this.#unwanted.has(runId), "I30", `run ${runId} is deleted before its time`);
  }

  #checkRun(runId: string): void {
    const row = this.#rows.get(runId);
    if (!row) return;
    const before = row.run as HostedRun | undefined;
    const { write, visibility } = row;
    // Bytes of the disk are not to be changed by whoever reads them: `restore` is what a server does after a crash.
    row.run = machineOf(write.kind).restore(write.snapshot, row.parts);
    this.#world.liveness.changed(before, row.run);
    if (before?.status.type === "closed") must(row.run.status.type === "closed", "I5", `run ${runId} is open again`);
    const history = isWorkflow(row) ? row.history : undefined;
    for (const violation of violationsOf({ ...write, run: row.run, history, visibility })) throw violation;
    if (write.kind === "schedule") this.schedules.checkRun(row.run as ScheduleRun, before as ScheduleRun | undefined);
    if (write.kind === "activity") checkStandalone(row.run as StandaloneRun, before as StandaloneRun | undefined);
    if (isWorkflow(row)) this.#checkWorkflow(row, before === undefined);
  }

  #checkWorkflow(row: WorkflowRow, isNew: boolean): void {
    if (this.commits % stateEvery === 0) for (const violation of stateViolations(row.run, row.history)) throw violation;
    this.#checkAttempts(row);
    if (isNew) this.schedules.checkStart(row.run, this.runs());
  }

  /** I15. */
  #checkAttempts(row: WorkflowRow): void {
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
    const keys = new Map<string, RunWrite>();
    for (const runId of touched) {
      const write = this.#rows.get(runId)?.write;
      if (write) keys.set(keyOf(write), write);
    }
    for (const [key, { kind, businessId }] of keys) {
      const runs = this.#runIdsOf(kind, businessId).map((runId) => ({
        runId,
        isOpen: this.#rows.get(runId)?.run.status.type === "open",
      }));
      const currentRunId = this.#current.get(key) ?? null;
      for (const violation of currentViolations({ name: `${kind} ${businessId}`, currentRunId, runs })) throw violation;
    }
  }
}

const isWorkflow = (row: Row): row is WorkflowRow => row.write.kind === "workflow";

function keyOf({ kind, businessId }: Pick<RunWrite, "kind" | "businessId">): string {
  return `${kind} ${businessId}`;
}

/** Somebody waits to be told of the end of the run's chain, and has not been yet. */
function hasSomebodyToTell({ status, callbacks }: Run): boolean {
  if (status.type === "open") return false;
  return [...callbacks.values()].some((callback) => ["scheduled", "backingOff"].includes(callback.status.type));
}

/** What the run waits for. */
function waitingOf(run: Run): string {
  const { runId, workflowId, nextEventId, workflowTask, activities, timers, children, nexusOperations, outbox } = run;
  const tries = [...activities.values()].map(
    ({ activityId, attempt, status }) => `${activityId} ${status.type} ${attempt}`,
  );
  const operations = [...nexusOperations.values()].map(({ operation, status }) => `${operation} ${status.type}`);
  const others = [...children.values()].map((child) => child.workflowId);
  const waiting = [...tries, ...timers.keys(), ...others, ...operations];
  const task = `workflow task ${workflowTask.type}`;
  return `${workflowId} ${runId} (${nextEventId - 1} events, ${task}, ${outbox.size} messages, ${waiting.join(", ")})`;
}
