/**
 * The only writer of one shard of executions: workflows and the other kinds that the engine knows.
 *
 *   inbox ─▶ prefetch (await) ─▶ execute (sync) ─▶ commit (await) ─▶ answer, dispatch
 *
 *   S1. At most one batch is between prefetch and commit; execute sees a state that nobody else changes, and two commands on one execution in a
 *       batch see each other.
 *   S2. Nothing is answered, dispatched or shown before the commit that made it true.
 *   S3. A failed commit is of unknown outcome: what was cached is forgotten and read again, and the caller is told UNAVAILABLE.
 *   S4. A bug in one command fails that command alone: the batch is thrown away and its commands run one by one.
 *   S5. The fence is checked inside the write transaction: when the lease is lost, the shard stops.
 *   S6. A command that would make a run too large does not happen: alone like a bug, it is thrown away, and the run is ended instead.
 *   S7. A batch that writes nothing answers from memory only while nobody can have taken the shard over (`isSure`); otherwise the fence is checked first.
 */
import {
  type Call,
  type CommandOfKind,
  type Effect,
  type ExecutionKey,
  type HostCommand,
  type Kind,
  machineOf,
  type Note,
  noRouting,
  Oversized,
  Rejection,
  type ReplyOfKind,
  type Routing,
  type StartedActivityTask,
  type StartedWorkflowTask,
  Step,
  type Task,
} from "@pawl/engine";
import { CommitUnknown, type Lease, LeaseLost, type RunRef, type Store, StoreFull } from "@pawl/store";
import type { Clock } from "../clock.ts";
import { shardLimits } from "../limits.ts";
import type { Random } from "../random.ts";
import type { Traces } from "../telemetry/traces.ts";
import type { Committed } from "./commit-metrics.ts";
import { type BatchFigures, CommitSpans, type Origin } from "./commit-spans.ts";
import type { Dispatcher, Reservation, Started } from "./dispatcher.ts";
import { ExecutionCache } from "./execution-cache.ts";
import { takeBatch } from "./fair-batch.ts";
import { type Hosted, keyText } from "./hosted.ts";
import { insist } from "./insist.ts";
import { type Standing, waitsForOf } from "./standing.ts";
import { Timers } from "./timers.ts";
import type { Watch } from "./watch.ts";
import { addWrites, type ExecutionWrites, type LargeRun } from "./writes.ts";

/** The caller may try again: the outcome is unknown, or the shard cannot take the command now. */
export class Unavailable extends Error {
  /** `full`: the store has no room, so that clients slow down rather than hammer. */
  readonly reason: "unknown" | "closed" | "busy" | "full";
  constructor(reason: Unavailable["reason"], message: string) {
    super(message);
    this.name = "Unavailable";
    this.reason = reason;
  }
}

export interface ShardParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly dispatcher: Dispatcher;
  readonly watch: Watch;
  /** Takes a message to another execution. */
  readonly carry: (effect: Extract<Effect, { type: "send" }>) => void;
  /** Makes a request to somebody outside; what came of it comes back as a command. */
  readonly call: (call: Call) => void;
  readonly cacheBytesMax: number;
  /** See `TimersParts.horizonMs`. */
  readonly timersAheadMs?: number;
  /** How long closed runs of a namespace are kept. */
  readonly retentionMs: (namespaceId: string) => number;
  /** How task queues route between versions of workers; absent: there are none. */
  readonly routing?: Routing;
  /** Told of faults and bugs, with what was being done. */
  readonly onFault: (what: string, error: unknown) => void;
  /** Told of runs that become large, once what made them so is committed. */
  readonly onLarge?: (run: LargeRun) => void;
  /** Whether nobody can have taken the shard over in the meantime (S7). Absent: nobody ever does while this process lives. */
  readonly isSure?: () => boolean;
  /** The shard is another's. */
  readonly onLost?: () => void;
  /** Count for metrics. */
  readonly onCommit?: (committed: Committed) => void;
  readonly onFailedCommit?: () => void;
  /** By which commits are timed for metrics; without it they take no time. */
  readonly stopwatchMs?: () => number;
  /** Without it no spans are made. */
  readonly traces?: Traces | undefined;
}

/** A command that waits for its batch. */
interface Submitted {
  readonly type: "command";
  readonly key: ExecutionKey;
  readonly command: CommandOfKind<Kind>;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
  /** For its span; absent: none is made. */
  readonly origin?: Origin | undefined;
}

/** A run whose waiting tasks nobody holds: after a restart, or after a commit of unknown outcome. */
interface Redispatch {
  readonly type: "redispatch";
  readonly key: ExecutionKey;
  readonly runId: string | null;
  /** Pollers that were to get a task of it: they still do, if the commit turns out to have happened. */
  readonly held: readonly Pick<Delivery, "task" | "reservation">[];
}

interface Delivery {
  readonly task: Task;
  readonly reservation: Reservation;
  readonly started: Started;
}

type Entry = Submitted | Redispatch;

/** What a batch owes the world once it is on disk. */
interface Outcome {
  readonly entry: Entry;
  readonly reply: unknown;
  readonly deliveries: readonly Delivery[];
  /** What no waiting worker took at once. */
  readonly effects: readonly Effect[];
  /** What is counted of it. */
  readonly notes: readonly Note[];
}

/** A batch before its commit. */
interface Executed {
  readonly outcomes: readonly Outcome[];
  readonly changed: ExecutionWrites;
}

const hostCommands = ["wake", "receive", "delivered"] satisfies HostCommand["type"][];

export class Shard {
  readonly #parts: ShardParts;
  readonly lease: Lease;
  readonly #cache: ExecutionCache;
  readonly #timers: Timers;
  readonly #spans: CommitSpans | undefined;
  #inbox: Entry[] = [];
  #running: Promise<void> | undefined;
  #state: "open" | "draining" | "lost" = "open";

  private constructor(lease: Lease, parts: ShardParts) {
    this.lease = lease;
    this.#parts = parts;
    this.#cache = new ExecutionCache(parts.cacheBytesMax);
    this.#spans = parts.traces && new CommitSpans(parts.traces);
    this.#timers = new Timers({
      store: parts.store,
      shardId: lease.shardId,
      clock: parts.clock,
      horizonMs: parts.timersAheadMs,
      wake: (run) => this.#wake(run),
      onFault: (error) => parts.onFault("read due runs", error),
    });
  }

  /** Takes the shard over. */
  static async open(shardId: number, owner: string, parts: ShardParts): Promise<Shard> {
    return new Shard(await parts.store.acquire(shardId, owner), parts);
  }

  /** Starts the clockwork; runs that waited for a worker or another execution are dispatched again in the background. */
  async start(): Promise<void> {
    await this.#timers.start();
    this.redispatch();
  }

  /** Hands out what waits for a worker or another execution, in the background: whoever held it may be gone. */
  redispatch(): void {
    this.#redispatchAll().catch((error: unknown) => this.#parts.onFault("dispatch waiting tasks again", error));
  }

  /** Resolves after the commit. A Rejection changed nothing; throws `Unavailable` when the caller may try again. */
  submit<K extends Kind, C extends CommandOfKind<K>>(
    key: ExecutionKey<K>,
    command: C,
  ): Promise<ReplyOfKind<K, C> | Rejection> {
    if (this.#state !== "open") return Promise.reject(new Unavailable("closed", "this shard is closed; try again"));
    if (this.#inbox.length >= shardLimits.inboxMax)
      return Promise.reject(new Unavailable("busy", "too many requests wait for this shard; try again"));
    const origin = this.#spans?.originNow();
    return new Promise((resolve, reject) => this.#enqueue({ type: "command", key, command, resolve, reject, origin }));
  }

  /** Finishes what has been submitted; later submissions are refused. */
  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "draining";
    this.#timers.close();
    await this.#running;
  }

  get cached(): { readonly executions: number; readonly bytes: number; readonly timers: number } {
    return { executions: this.#cache.size, bytes: this.#cache.bytes, timers: this.#timers.size };
  }

  get standing(): Standing {
    return {
      waitsFor: this.#running === undefined ? waitsForOf(this.#cache.values()) : "itself",
      nextDueMs: this.#timers.nextAtMs,
    };
  }

  #enqueue(entry: Entry): void {
    this.#inbox.push(entry);
    this.#running ??= this.#spans ? this.#spans.apart(() => this.#run()) : this.#run();
  }

  async #run(): Promise<void> {
    // Whatever else arrives in this turn of the loop joins the first batch.
    await null;
    while (this.#inbox.length > 0) {
      const batch = takeBatch(this.#inbox, shardLimits.batchMax);
      await this.#runBatch(batch);
      this.#cache.shrink();
    }
    // In the same turn as the last look at the inbox: an entry that comes now starts the next round.
    this.#running = undefined;
  }

  async #runBatch(batch: readonly Entry[]): Promise<void> {
    let hosted: Map<string, Hosted>;
    try {
      hosted = await this.#prefetch(batch);
    } catch (error) {
      // S4 holds for reading, too: a run that cannot be restored must not take its neighbours with it.
      if (batch.length > 1) return this.#runAlone(batch);
      this.#parts.onFault("read executions", error);
      this.#enqueueLater(batch.filter((entry) => entry.type === "redispatch"));
      return this.#refuse(batch, new Unavailable("unknown", "the store could not be read; try again"));
    }
    const executed = this.#executeAll(batch, hosted);
    if (executed === "failed") return;
    if (executed === "again") return this.#runAlone(batch);
    if (executed instanceof Oversized) return this.#endOversized(batch[0]!, executed);
    return this.#commit(batch, hosted, executed);
  }

  /**
   * What the entry would have made of a run is too large to be kept. The run is ended instead, and whoever sent the command is told why; what came
   * from the clock or from another execution is done after all, to the ended run.
   */
  async #endOversized(entry: Entry, { what, value, max, instead, rejection }: Oversized): Promise<void> {
    const { key } = entry;
    let failure: unknown;
    const reject = (error: unknown) => {
      failure = error;
    };
    const resolve = (reply: unknown) => {
      if (reply instanceof Rejection) failure = new Error(`${rejection.message} ${reply.message}`);
    };
    await this.#runBatch([{ type: "command", key, command: instead, resolve, reject }]);
    if (failure) return this.#refuse([entry], failure);
    this.#parts.onLarge?.({ key, runId: instead.runId, what, value, above: max, ended: true });
    const asked = entry.type === "command" && !(hostCommands as readonly string[]).includes(entry.command.type);
    if (asked) entry.resolve(rejection as never);
    else await this.#runBatch([entry]);
  }

  /** S4: alone, each either goes through or fails by itself. */
  async #runAlone(batch: readonly Entry[]): Promise<void> {
    for (const entry of batch) await this.#runBatch([entry]);
  }

  async #prefetch(batch: readonly Entry[]): Promise<Map<string, Hosted>> {
    const { store } = this.#parts;
    const hosted = new Map<string, Hosted>();
    const unknown = new Map<string, ExecutionKey>();
    for (const { key } of batch) {
      const id = keyText(key);
      const cached = hosted.get(id) ?? this.#cache.get(id);
      if (cached) hosted.set(id, cached);
      else unknown.set(id, key);
    }
    if (unknown.size > 0) {
      const currents = await store.loadCurrent([...unknown.values()], this.lease.shardId);
      for (const [index, [id, { kind, namespaceId, businessId }]] of [...unknown].entries()) {
        const key = { kind, namespaceId, businessId };
        const machine = machineOf(kind);
        hosted.set(id, { key, machine, execution: machine.empty(key, currents[index] ?? null) });
      }
    }
    const wanted = new Map<string, Hosted>();
    for (const entry of batch) {
      const one = hosted.get(keyText(entry.key))!;
      const { machine, execution } = one;
      const named = entry.type === "redispatch" ? entry.runId : machine.selectorOf(entry.command);
      const runIds = [named || execution.currentRunId];
      if (entry.type === "command" && machine.needsCurrent?.(entry.command)) runIds.push(execution.currentRunId);
      for (const runId of runIds) if (runId && !execution.runs.has(runId)) wanted.set(runId, one);
    }
    if (wanted.size > 0) {
      const stored = await store.loadRuns([...wanted.keys()], this.lease.shardId);
      for (const [index, [runId, { key, machine, execution }]] of [...wanted].entries()) {
        const row = stored[index];
        // A run id of another execution is as unknown here as one that never was.
        if (row && keyText(row) === keyText(key)) execution.runs.set(runId, machine.restore(row.snapshot, row.parts));
      }
    }
    return hosted;
  }

  /** All of the batch, synchronously (S1). On a bug nothing of it is kept, and a batch of one fails (S4). */
  #executeAll(batch: readonly Entry[], hosted: ReadonlyMap<string, Hosted>): Executed | Oversized | "again" | "failed" {
    const outcomes: Outcome[] = [];
    const changed: ExecutionWrites = { writes: [], touched: [], large: [] };
    try {
      for (const entry of batch) outcomes.push(this.#execute(entry, hosted.get(keyText(entry.key))!));
      for (const one of hosted.values()) addWrites(changed, one);
      return { outcomes, changed };
    } catch (error) {
      this.#abandon(batch, outcomes);
      if (batch.length > 1) return "again";
      if (error instanceof Oversized) return error;
      const [entry] = batch;
      this.#parts.onFault(`execute ${entry?.type === "command" ? entry.command.type : entry?.type}`, error);
      this.#refuse(batch, error);
      return "failed";
    }
  }

  #execute(entry: Entry, hosted: Hosted): Outcome {
    const { key, machine, execution } = hosted;
    if (entry.type === "redispatch") {
      const run = execution.runs.get(entry.runId ?? execution.currentRunId ?? "");
      if (run) this.#timers.arm({ ...key, runId: run.runId }, Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null);
      return {
        entry,
        reply: undefined,
        deliveries: this.#startHeld(hosted, entry.held),
        effects: run ? machine.pendingEffects(run) : [],
        notes: [],
      };
    }
    const step = this.#step(key.namespaceId);
    const reply = machine.execute(execution, entry.command, step);
    return { entry, reply, notes: step.notes, ...this.#match(hosted, step.effects) };
  }

  /**
   * Match before commit: a task for which a worker already waits is recorded as scheduled and started in one commit. The engine knows nothing of
   * workers; to it this is a second command on the same state.
   */
  #match(hosted: Hosted, effects: readonly Effect[]): Pick<Outcome, "deliveries" | "effects"> {
    const deliveries: Delivery[] = [];
    const rest: Effect[] = [];
    // A start may have effects of its own, which are matched too.
    const all = [...effects];
    for (const effect of all) {
      const reservation = effect.type === "dispatch" ? this.#parts.dispatcher.reserve(effect.task) : null;
      if (effect.type !== "dispatch" || !reservation) {
        rest.push(effect);
        continue;
      }
      try {
        const started = this.#start(hosted, effect.task, reservation, all);
        if (started) deliveries.push({ task: effect.task, reservation, started });
        else {
          reservation.release();
          rest.push(effect);
        }
      } catch (error) {
        for (const one of [reservation, ...deliveries.map((delivery) => delivery.reservation)]) one.release();
        throw error;
      }
    }
    return { deliveries, effects: rest };
  }

  /** A start is recognised by its poll: if the commit of unknown outcome did happen, the same poller is given the same task. */
  #startHeld(hosted: Hosted, held: Redispatch["held"]): Delivery[] {
    return held.flatMap(({ task, reservation }) => {
      const started = this.#start(hosted, task, reservation, []);
      if (!started) reservation.release();
      return started ? [{ task, reservation, started }] : [];
    });
  }

  /** Undefined when the task is stale, or its run moves to the worker's version first. What follows from the start is added to `effects`. */
  #start(hosted: Hosted, task: Task, { poller, sticky }: Reservation, effects: Effect[]): Started | undefined {
    const { key, machine, execution } = hosted;
    const { runId, stamp, scheduledEventId } = task;
    const step = this.#step(key.namespaceId);
    const reply = machine.execute(
      execution,
      task.kind === "workflow"
        ? { type: "startWorkflowTask", runId, stamp, poller, sticky }
        : { type: "startActivityTask", runId, scheduledEventId, stamp, poller },
      step,
    );
    effects.push(...step.effects);
    if (reply instanceof Rejection || reply === undefined) return undefined;
    return task.kind === "workflow"
      ? { kind: "workflow", task: reply as StartedWorkflowTask }
      : { kind: "activity", task: reply as StartedActivityTask };
  }

  #step(namespaceId: string): Step {
    const { clock, random, retentionMs, routing = noRouting } = this.#parts;
    const nowMs = clock.nowMs();
    const newId = () => random.orderedUuid(nowMs);
    return new Step({ nowMs, newId, retentionMs: retentionMs(namespaceId), routing });
  }

  async #commit(
    batch: readonly Entry[],
    hosted: ReadonlyMap<string, Hosted>,
    { outcomes, changed: { writes, touched, large } }: Executed,
  ): Promise<void> {
    let figures: BatchFigures | undefined;
    // S7: an empty commit is a look at the fence.
    if (writes.length > 0 || this.#parts.isSure?.() === false) {
      const { onCommit, stopwatchMs = () => 0 } = this.#parts;
      const begunAtMs = stopwatchMs();
      try {
        await this.#parts.store.commit(this.lease, writes);
      } catch (error) {
        return this.#failCommit(batch, outcomes, error);
      }
      const ms = stopwatchMs() - begunAtMs;
      const notes = outcomes.flatMap((outcome) => outcome.notes);
      onCommit?.({ commands: batch.length, transitions: touched.length, writes, notes, seconds: ms / 1_000 });
      figures = { commands: batch.length, rows: writes.length, ms };
    }
    for (const [id, one] of hosted) this.#cache.put(id, one);
    this.#answer(outcomes, touched, figures);
    for (const run of large) this.#parts.onLarge?.(run);
  }

  /** Everything that the commit made true is now said (S2). */
  #answer(outcomes: readonly Outcome[], touched: ExecutionWrites["touched"], figures: BatchFigures | undefined): void {
    for (const { run, wakeAtMs, isClosed } of touched) {
      this.#timers.arm(run, wakeAtMs);
      this.#parts.watch.notify(run.runId, isClosed);
    }
    for (const outcome of outcomes) {
      const { entry } = outcome;
      if (figures && entry.type === "command" && entry.origin)
        this.#spans?.add({ ...entry, origin: entry.origin, outcome, shardId: this.lease.shardId, figures }, () =>
          this.#settle(outcome),
        );
      else this.#settle(outcome);
    }
  }

  #settle({ entry, reply, deliveries, effects }: Outcome): void {
    const { dispatcher, carry, call } = this.#parts;
    if (entry.type === "command") entry.resolve(reply as never);
    for (const { reservation, started } of deliveries) reservation.deliver(started);
    for (const effect of effects) {
      if (effect.type === "dispatch") dispatcher.offer(effect.task);
      else if (effect.type === "send") carry(effect);
      else if (effect.type === "call") call(effect.call);
      else this.#notice(entry.key, effect.runId);
    }
  }

  /** Nothing was committed, but who watches the run must look: its updates are in memory only. */
  #notice(key: ExecutionKey, runId: string): void {
    this.#rearm(key, runId);
    this.#parts.watch.notify(runId, false);
  }

  /** By the run as it is now: commands that came later in the batch may have changed when it is due. */
  #rearm(key: ExecutionKey, runId: string): void {
    const run = this.#cache.get(keyText(key))?.execution.runs.get(runId);
    if (run) this.#timers.arm({ ...key, runId }, Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null);
  }

  /** Memory must not run ahead of the store (S3): what the batch touched is forgotten; what it may have left behind is dispatched again. */
  #failCommit(batch: readonly Entry[], outcomes: readonly Outcome[], error: unknown): void {
    this.#parts.onFault("commit", error);
    this.#parts.onFailedCommit?.();
    if (error instanceof LeaseLost) {
      this.#abandon(batch, outcomes);
      this.#state = "lost";
      this.#timers.close();
      this.#parts.onLost?.();
      this.#refuse([...batch, ...this.#inbox.splice(0)], new Unavailable("closed", "this shard has moved; try again"));
      return;
    }
    if (error instanceof StoreFull)
      this.#refuse(batch, new Unavailable("full", "the store is full; try again when there is room"));
    else
      this.#refuse(
        batch,
        new Unavailable(
          "unknown",
          error instanceof CommitUnknown
            ? "the outcome of the commit is unknown; try again"
            : "the commit failed; try again",
        ),
      );
    for (const { key } of batch) this.#cache.forget(keyText(key));
    this.#recoverLater(outcomes);
  }

  /** Looks at the batch's runs again, a moment later: their timers must be armed and their tasks dispatched, whatever the commit did. */
  #recoverLater(outcomes: readonly Outcome[]): void {
    const entries = outcomes.map(({ entry, deliveries }): Redispatch => {
      const runId = entry.type === "redispatch" ? entry.runId : machineOf(entry.key.kind).selectorOf(entry.command);
      return { type: "redispatch", key: entry.key, runId: runId || null, held: deliveries };
    });
    // A command on one run may have begun another (continue as new, a retry), whose first task nobody holds either.
    const keys = new Map(entries.filter(({ runId }) => runId !== null).map(({ key }) => [keyText(key), key]));
    for (const key of keys.values()) entries.push({ type: "redispatch", key, runId: null, held: [] });
    this.#enqueueLater(entries);
  }

  /** What waits for a worker or another execution is not forgotten because the store failed just then. */
  #enqueueLater(entries: readonly Redispatch[]): void {
    if (entries.length === 0) return;
    const { clock } = this.#parts;
    clock.after(shardLimits.retryMs, () => {
      if (this.#state === "open") for (const entry of entries) this.#enqueue(entry);
      else for (const { held } of entries) for (const { reservation } of held) reservation.release();
    });
  }

  /** Throws the batch's changes away, and gives reserved pollers back to their lines. */
  #abandon(batch: readonly Entry[], outcomes: readonly Outcome[]): void {
    for (const { key } of batch) this.#cache.forget(keyText(key));
    for (const { deliveries } of outcomes) for (const { reservation } of deliveries) reservation.release();
  }

  #refuse(entries: readonly Entry[], error: unknown): void {
    for (const entry of entries) if (entry.type === "command") entry.reject(error);
  }

  #wake({ runId, ...key }: RunRef): void {
    if (this.#state !== "open") return;
    const entry: Submitted = {
      type: "command",
      key,
      command: { type: "wake", runId },
      // A wake that found nothing to do (the clock was set back) changed nothing, so no commit armed the run again.
      resolve: () => this.#rearm(key, runId),
      reject: () => {
        const { clock } = this.#parts;
        clock.after(shardLimits.retryMs, () => this.#wake({ runId, ...key }));
      },
      origin: this.#spans?.originOfClock(),
    };
    this.#enqueue(entry);
  }

  async #redispatchAll(): Promise<void> {
    const { store, clock, onFault } = this.#parts;
    const reading = {
      clock,
      isClosed: () => this.#state !== "open",
      onFault: (error: unknown) => onFault("read waiting tasks", error),
    };
    let afterRunId: string | undefined;
    for (;;) {
      const page = { limit: shardLimits.redispatchPage, ...(afterRunId !== undefined && { afterRunId }) };
      const runs = await insist(() => store.undispatchedRuns(this.lease.shardId, page), reading);
      if (runs === undefined || this.#state !== "open") return;
      for (const { runId, ...key } of runs) this.#enqueue({ type: "redispatch", key, runId, held: [] });
      afterRunId = runs.at(-1)?.runId;
      if (runs.length < shardLimits.redispatchPage) return;
      // The next page waits until this one is through: memory holds one page at a time.
      await this.#running;
    }
  }
}
