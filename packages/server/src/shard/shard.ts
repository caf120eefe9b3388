/**
 * The only writer of one shard of executions: workflows and the other kinds that the engine knows.
 *
 *   inbox ─▶ prefetch (await) ─▶ execute (sync) ─▶ commit (await) ─▶ answer, dispatch
 *                                    │      ▲
 *                                    ▼      │
 *                        workers of this process (S8)
 *
 *   S1. At most one batch is between prefetch and commit; execute sees a state that nobody else changes, and two commands on one execution in a
 *       batch see each other.
 *   S2. Nothing is answered, dispatched or shown before the commit that made it true. S8 is the one exception.
 *   S3. The outcome of a failed commit is unknown: what was cached is dropped and read again, and the caller is told UNAVAILABLE.
 *   S4. A bug in one command fails that command alone: the batch is discarded and its commands are run one by one.
 *   S5. The lease is checked inside the write transaction: when it is lost, the shard stops.
 *   S6. A command that would make a run too large does not happen: it is discarded, as under S4, and the run is ended instead.
 *   S7. A batch that writes nothing is answered from memory only while no other node can have taken the shard over (`isSure`); otherwise the lease is
 *       checked first.
 *   S8. A worker in this process may be given a workflow task before the commit that starts it, and the commands that it answers with at once join that
 *       commit. It ends with the process, so after a crash nobody is left who has seen what was not committed. Only workflow code, which is pure, runs this
 *       way: activities, local ones too, and answers to queries wait for the commit.
 */
import {
  type Call,
  type CommandOfKind,
  type Effect,
  type ExecutionKey,
  type HostCommand,
  type Kind,
  Oversized,
  Rejection,
  type ReplyOfKind,
} from "@pawl/engine";
import { type Lease, LeaseLost, type RunRef, type Store } from "@pawl/store";
import { nextTurn } from "../clock.ts";
import { shardLimits } from "../limits.ts";
import type { Traces } from "../telemetry/traces.ts";
import { Batch, turnsForAnswers } from "./batch.ts";
import type { Committed } from "./commit-metrics.ts";
import { type BatchFigures, CommitSpans } from "./commit-spans.ts";
import { type Entry, type Outcome, type Redispatch, redispatchesOf, releasePollers, type Submitted } from "./entry.ts";
import { ExecutionCache } from "./execution-cache.ts";
import { Executor, type ExecutorParts } from "./executor.ts";
import { takeBatch } from "./fair-batch.ts";
import { type Hosted, keyText } from "./hosted.ts";
import { insist } from "./insist.ts";
import { prefetch } from "./prefetch.ts";
import { Stamps } from "./stamps.ts";
import { type Standing, waitsForOf } from "./standing.ts";
import { Timers } from "./timers.ts";
import { afterFailedCommit, Unavailable } from "./unavailable.ts";
import type { Verdicts } from "./verdicts.ts";
import type { Watch } from "./watch.ts";
import type { ExecutionWrites, LargeRun } from "./writes.ts";

export interface ShardParts extends ExecutorParts {
  readonly store: Store;
  readonly watch: Watch;
  readonly verdicts: Verdicts;
  /** Takes a message to another execution. */
  readonly carry: (effect: Extract<Effect, { type: "send" }>) => void;
  /** Makes a request to somebody outside; what came of it comes back as a command. */
  readonly call: (call: Call) => void;
  readonly cacheBytesMax: number;
  /** See `TimersParts.horizonMs`. */
  readonly timersAheadMs?: number;
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

const hostCommands = ["wake", "receive", "delivered"] satisfies HostCommand["type"][];

export class Shard {
  readonly #parts: ShardParts;
  readonly lease: Lease;
  readonly #cache: ExecutionCache;
  readonly #timers: Timers;
  readonly #executor: Executor;
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
    this.#executor = new Executor(parts, new Stamps(lease.rangeId));
  }

  /** Takes the shard over. */
  static async open(shardId: number, owner: string, parts: ShardParts): Promise<Shard> {
    return new Shard(await parts.store.acquire(shardId, owner), parts);
  }

  /** Starts the timers, and dispatches in the background what waited for a worker or another execution before. */
  async start(): Promise<void> {
    await this.#timers.start();
    this.redispatch();
  }

  /** Dispatches again, in the background, what waits for a worker or another execution: the memory that held it may be gone. */
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

  async #runBatch(entries: readonly Entry[], { together = true } = {}): Promise<void> {
    let hosted: Map<string, Hosted>;
    try {
      hosted = await prefetch(entries, { store: this.#parts.store, shardId: this.lease.shardId, cache: this.#cache });
    } catch (error) {
      // S4 holds for reading, too: a run that cannot be restored must not take its neighbours with it.
      if (entries.length > 1) return this.#runAlone(entries);
      this.#parts.onFault("read executions", error);
      this.#enqueueLater(entries.filter((entry) => entry.type === "redispatch"));
      return this.#refuse(entries, new Unavailable("unknown", "the store could not be read; try again"));
    }
    const batch = new Batch(hosted, this.#executor);
    let changes: ExecutionWrites;
    try {
      batch.execute(entries);
      if (together && batch.deliverEarly()) {
        for (let turn = 0; turn < turnsForAnswers; turn++) await nextTurn();
        batch.execute(batch.takeJoining(this.#inbox, shardLimits.batchMax));
      }
      changes = batch.takeChanges();
    } catch (error) {
      batch.release();
      this.#forget(batch.entries);
      if (batch.entries.length > 1) return this.#runAlone(batch.entries);
      return this.#fail(batch.entries[0]!, error);
    }
    return this.#commit(batch, changes);
  }

  /** S4: alone, each either goes through or fails by itself. */
  async #runAlone(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) await this.#runBatch([entry], { together: false });
  }

  /** The entry was alone in its batch, so the cause is in it: its run would become too large (S6), or there is a bug (S4). */
  async #fail(entry: Entry, error: unknown): Promise<void> {
    if (error instanceof Oversized) return this.#endOversized(entry, error);
    this.#parts.onFault(`execute ${entry.type === "command" ? entry.command.type : entry.type}`, error);
    this.#refuse([entry], error);
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
    await this.#runBatch([{ type: "command", key, command: instead, resolve, reject }], { together: false });
    if (failure) return this.#refuse([entry], failure);
    this.#parts.onLarge?.({ key, runId: instead.runId, what, value, above: max, ended: true });
    const asked = entry.type === "command" && !(hostCommands as readonly string[]).includes(entry.command.type);
    if (asked) entry.resolve(rejection as never);
    else await this.#runBatch([entry], { together: false });
  }

  async #commit({ entries, outcomes, hosted }: Batch, { writes, touched, large }: ExecutionWrites): Promise<void> {
    let figures: BatchFigures | undefined;
    // S7: an empty commit is a look at the fence.
    if (writes.length > 0 || this.#parts.isSure?.() === false) {
      const { onCommit, stopwatchMs = () => 0 } = this.#parts;
      const begunAtMs = stopwatchMs();
      try {
        await this.#parts.store.commit(this.lease, writes);
      } catch (error) {
        return this.#failCommit(entries, outcomes, error);
      }
      const ms = stopwatchMs() - begunAtMs;
      const notes = outcomes.flatMap((outcome) => outcome.notes);
      onCommit?.({ commands: entries.length, transitions: touched.length, writes, notes, seconds: ms / 1_000 });
      figures = { commands: entries.length, rows: writes.length, ms };
    }
    for (const [id, one] of hosted) this.#cache.put(id, one);
    this.#answer(outcomes, touched, figures);
    for (const run of large) this.#parts.onLarge?.(run);
  }

  /** After the commit: arms timers, notifies who waits, answers, dispatches (S2). */
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
      else this.#notice(entry.key, effect);
    }
  }

  /** Notifies who waits for the run, whatever was committed: updates are in memory only, and a commit of unknown outcome has told nobody. */
  #notice(key: ExecutionKey, { runId, ended }: Extract<Effect, { type: "noticed" }>): void {
    this.#rearm(key, runId);
    this.#parts.verdicts.tell(key, runId, ended);
    this.#parts.watch.notify(runId, this.#cachedRun(key, runId)?.status.type !== "open");
  }

  #cachedRun(key: ExecutionKey, runId: string) {
    return this.#cache.get(keyText(key))?.execution.runs.get(runId);
  }

  /** Sets the timer by the run as it is now: later commands of the batch may have changed when it is due. */
  #rearm(key: ExecutionKey, runId: string): void {
    const run = this.#cachedRun(key, runId);
    if (run) this.#timers.arm({ ...key, runId }, Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null);
  }

  /** Memory must not be ahead of the store (S3): what the batch touched is dropped from the cache, and its tasks are dispatched again in case the commit happened. */
  #failCommit(batch: readonly Entry[], outcomes: readonly Outcome[], error: unknown): void {
    this.#parts.onFault("commit", error);
    this.#parts.onFailedCommit?.();
    this.#forget(batch);
    if (error instanceof LeaseLost) {
      releasePollers(outcomes.flatMap(({ deliveries }) => deliveries));
      return this.#lose(batch);
    }
    this.#refuse(batch, afterFailedCommit(error));
    this.#enqueueLater(redispatchesOf(outcomes));
  }

  /** S5: this shard does nothing more. */
  #lose(batch: readonly Entry[]): void {
    this.#state = "lost";
    this.#timers.close();
    this.#parts.onLost?.();
    this.#refuse([...batch, ...this.#inbox.splice(0)], new Unavailable("closed", "this shard has moved; try again"));
  }

  /** Tries again a moment later, so that what waits for a worker or another execution is not lost when the store fails just then. */
  #enqueueLater(entries: readonly Redispatch[]): void {
    if (entries.length === 0) return;
    const { clock } = this.#parts;
    clock.after(shardLimits.retryMs, () => {
      if (this.#state === "open") for (const entry of entries) this.#enqueue(entry);
      else releasePollers(entries.flatMap(({ held }) => held));
    });
  }

  /**
   * Discards the batch's changes: its executions will be read from the store again. Those who wait for them are notified, because what was in memory only (an
   * update that waited for a worker) is gone.
   */
  #forget(batch: readonly Entry[]): void {
    for (const { key } of batch) {
      const forgotten = this.#cache.get(keyText(key));
      this.#cache.forget(keyText(key));
      for (const runId of forgotten?.execution.runs.keys() ?? []) this.#parts.watch.notify(runId, true);
    }
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
