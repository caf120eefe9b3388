/**
 * The store of a process that keeps nothing, and of tests: what the process holds in memory stands for a disk. A test may delay commits,
 * make one fail, or `crash` the process that used the store and hand the same object to the next.
 */

import {
  CommitUnknown,
  type ExecutionKey,
  type HistoryRange,
  type HistoryWrite,
  isExpected,
  type Lease,
  LeaseLost,
  type NamespaceWrite,
  NameTaken,
  needsLease,
  type RunRef,
  type RunWrite,
  SettingChanged,
  type Store,
  type StoredBatch,
  type StoredRun,
  StoreFull,
  StoreUnusable,
  type Write,
} from "../store.ts";
import { compareText } from "../text-order.ts";
import { MemoryVisibility } from "./memory-visibility.ts";
import { SortedList } from "./sorted-list.ts";

export interface MemoryOptions {
  /**
   * Called before a commit is applied and again before its caller hears of it; the commit waits for each promise. Commits keep the order
   * of their calls. Without it a commit is applied at once.
   */
  readonly latency?: (phase: "apply" | "answer") => Promise<void>;
}

/** How the next commit under a lease fails: applied or not with an unknown outcome, on a full disk, or after another owner's takeover. */
export type CommitFault = "unknown-applied" | "unknown-lost" | "full" | "lease-lost";

interface Waking {
  readonly wakeAtMs: number;
  readonly runId: string;
}

interface ShardRows {
  rangeId: number;
  readonly waking: SortedList<Waking>;
  readonly undispatched: SortedList<string>;
}

interface RunRow {
  readonly shard: ShardRows;
  readonly write: RunWrite;
}

export class MemoryStore implements Store {
  readonly kind = "memory";
  readonly #latency: MemoryOptions["latency"];
  readonly #shards = new Map<number, ShardRows>();
  /** Run ids by kind and namespace id, then business id. */
  readonly #current = new Map<string, Map<string, string>>();
  readonly #runs = new Map<string, RunRow>();
  readonly #parts = new Map<string, Map<string, Uint8Array>>();
  /** Ascending. */
  readonly #history = new Map<string, StoredBatch[]>();
  readonly #visibility = new MemoryVisibility();
  readonly #namespaces = new Map<string, { id: string; name: string; bytes: Uint8Array }>();
  readonly #settings = new Map<string, Uint8Array>();

  #fault: CommitFault | null = null;
  #isClosed = false;
  /** Ends when everything asked of the store so far has ended. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Aborted by `crash`: whatever waits at that moment never happens. */
  #process = new AbortController();

  constructor({ latency }: MemoryOptions = {}) {
    this.#latency = latency;
  }

  /** The process dies: commits that were not applied are lost, their callers hear `CommitUnknown`, and whoever comes next finds the rest. */
  crash(): void {
    this.#process.abort();
    this.#process = new AbortController();
    this.#queue = Promise.resolve();
    this.#fault = null;
    this.#isClosed = false;
  }

  failNextCommit(fault: CommitFault): void {
    this.#fault = fault;
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    this.#requireOpen();
    if (owner === "") throw new Error("an owner has a name");
    return this.#inOrder(() => {
      const shard = this.#shard(shardId);
      shard.rangeId += 1;
      return { shardId, rangeId: shard.rangeId };
    });
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    this.#requireOpen();
    if (lease === null && writes.some(needsLease)) throw new Error("a write of a shard needs its lease");
    return this.#inOrder(() => {
      if (lease === null || this.#fault === null) return this.#apply(lease, writes);
      const fault = this.#fault;
      this.#fault = null;
      return this.#fail(fault, lease, writes);
    });
  }

  async loadCurrent(keys: readonly ExecutionKey[]): Promise<(string | null)[]> {
    this.#requireOpen();
    return keys.map(
      ({ kind, namespaceId, businessId }) => this.#current.get(`${kind}/${namespaceId}`)?.get(businessId) ?? null,
    );
  }

  async loadRuns(runIds: readonly string[]): Promise<(StoredRun | null)[]> {
    this.#requireOpen();
    return runIds.map((runId) => {
      const row = this.#runs.get(runId);
      if (row === undefined) return null;
      const { kind, namespaceId, businessId, snapshot } = row.write;
      return { kind, namespaceId, businessId, snapshot, parts: new Map(this.#parts.get(runId)) };
    });
  }

  async readHistory(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    this.#requireOpen();
    const batches = this.#history.get(runId) ?? [];
    // The batch that holds `fromEventId` is the last that begins at or before it.
    const first = Math.max(0, firstBehind(batches, range.fromEventId) - 1);
    return page(batches.slice(first, firstBehind(batches, range.toEventId)), range);
  }

  async readHistoryReverse(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    this.#requireOpen();
    const batches = this.#history.get(runId) ?? [];
    return page(batches.slice(0, firstBehind(batches, range.toEventId)).reverse(), range);
  }

  async wakingRuns(
    shardId: number,
    { beforeMs, limit }: { beforeMs: number; limit: number },
  ): Promise<(RunRef & { wakeAtMs: number })[]> {
    this.#requireOpen();
    const found: (RunRef & { wakeAtMs: number })[] = [];
    for (const { runId, wakeAtMs } of this.#shards.get(shardId)?.waking.after() ?? []) {
      if (found.length >= limit || wakeAtMs >= beforeMs) break;
      found.push({ ...this.#ref(runId), wakeAtMs });
    }
    return found;
  }

  async undispatchedRuns(
    shardId: number,
    { afterRunId, limit }: { afterRunId?: string; limit: number },
  ): Promise<RunRef[]> {
    this.#requireOpen();
    const found: RunRef[] = [];
    for (const runId of this.#shards.get(shardId)?.undispatched.after(afterRunId) ?? []) {
      if (found.length >= limit) break;
      found.push(this.#ref(runId));
    }
    return found;
  }

  async listVisibility(query: Parameters<Store["listVisibility"]>[0]): ReturnType<Store["listVisibility"]> {
    this.#requireOpen();
    return this.#visibility.list(query);
  }

  async countVisibility(query: Parameters<Store["countVisibility"]>[0]): ReturnType<Store["countVisibility"]> {
    this.#requireOpen();
    return this.#visibility.count(query);
  }

  async namespaces(): Promise<{ id: string; name: string; bytes: Uint8Array }[]> {
    this.#requireOpen();
    return [...this.#namespaces.values()].sort((a, b) => compareText(a.id, b.id));
  }

  async setting(name: string): Promise<Uint8Array | null> {
    this.#requireOpen();
    return this.#settings.get(name) ?? null;
  }

  async settings(prefix: string): Promise<{ name: string; bytes: Uint8Array }[]> {
    this.#requireOpen();
    const found = [...this.#settings].filter(([name]) => name.startsWith(prefix));
    return found.map(([name, bytes]) => ({ name, bytes })).sort((a, b) => compareText(a.name, b.name));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StoreUnusable("the store is closed");
  }

  /** `change` runs at once, or in its turn when there is latency. Rejects with `CommitUnknown` if a crash comes first. */
  async #inOrder<T>(change: () => T): Promise<T> {
    const latency = this.#latency;
    if (latency === undefined) return change();
    const { signal } = this.#process;
    const turn = this.#queue.then(async () => {
      signal.throwIfAborted();
      await latency("apply");
      signal.throwIfAborted();
      try {
        return change();
      } finally {
        await latency("answer");
      }
    });
    // A failed commit must not hold up those behind it.
    this.#queue = turn.catch(() => null);
    return new Promise((resolve, reject) => {
      const onCrash = () => reject(new CommitUnknown("the process has crashed"));
      signal.addEventListener("abort", onCrash, { once: true });
      turn.then(resolve, reject).finally(() => signal.removeEventListener("abort", onCrash));
    });
  }

  #fail(fault: CommitFault, lease: Lease, writes: readonly Write[]): void {
    switch (fault) {
      case "unknown-applied":
        this.#apply(lease, writes);
        throw new CommitUnknown("as the test asked: applied");
      case "unknown-lost":
        throw new CommitUnknown("as the test asked: lost");
      case "full":
        throw new StoreFull("as the test asked");
      case "lease-lost":
        this.#shard(lease.shardId).rangeId += 1;
        throw new LeaseLost(lease);
      default:
        fault satisfies never;
    }
  }

  /** Everything that can be refused is looked at before the first change. */
  #apply(lease: Lease | null, writes: readonly Write[]): void {
    const shard = lease === null ? null : this.#shard(lease.shardId);
    if (lease !== null && shard?.rangeId !== lease.rangeId) throw new LeaseLost(lease);
    this.#requireWritable(writes);
    for (const write of writes) this.#write(write, shard);
  }

  /** In the order of the writes, as a write may make way for a later one. */
  #requireWritable(writes: readonly Write[]): void {
    const batches = new NewBatches((write) => this.#hasBatch(write));
    const names = new Map([...this.#namespaces.values()].map(({ id, name }) => [id, name]));
    const settings = new Map<string, Uint8Array | null>();
    for (const write of writes) {
      if (write.table === "deleteRun") batches.empty(write.runId);
      else if (write.table === "history") batches.add(write);
      else if (write.table === "namespace") rename(names, write);
      else if (write.table === "setting") {
        const before = settings.has(write.name) ? settings.get(write.name) : this.#settings.get(write.name);
        if (!isExpected(write, before ?? null)) throw new SettingChanged(write.name);
        settings.set(write.name, write.bytes);
      }
    }
  }

  #hasBatch({ runId, firstEventId }: HistoryWrite): boolean {
    const batches = this.#history.get(runId) ?? [];
    return batches[firstBehind(batches, firstEventId) - 1]?.firstEventId === firstEventId;
  }

  #write(write: Write, shard: ShardRows | null): void {
    switch (write.table) {
      case "current":
        return this.#writeCurrent(write, write.runId);
      case "run":
        if (shard !== null) this.#writeRun(write, shard);
        return;
      case "part":
        return this.#writePart(write.runId, write.part, write.bytes);
      case "history":
        return this.#writeHistory(write);
      case "visibility":
        return this.#visibility.put(write);
      case "deleteRun":
        return this.#deleteRun(write.runId);
      case "namespace":
        if (write.bytes === null) this.#namespaces.delete(write.id);
        else this.#namespaces.set(write.id, { id: write.id, name: write.name, bytes: write.bytes });
        return;
      case "setting":
        if (write.bytes === null) this.#settings.delete(write.name);
        else this.#settings.set(write.name, write.bytes);
        return;
      default:
        write satisfies never;
    }
  }

  #writeCurrent({ kind, namespaceId, businessId }: ExecutionKey, runId: string | null): void {
    let runIds = this.#current.get(`${kind}/${namespaceId}`);
    if (runIds === undefined) {
      runIds = new Map();
      this.#current.set(`${kind}/${namespaceId}`, runIds);
    }
    if (runId === null) runIds.delete(businessId);
    else runIds.set(businessId, runId);
  }

  #writeRun(write: RunWrite, shard: ShardRows): void {
    const { runId } = write;
    const before = this.#runs.get(runId);
    this.#runs.set(runId, { shard, write });
    const isSameShard = before?.shard === shard;
    if (!isSameShard || before.write.wakeAtMs !== write.wakeAtMs) {
      this.#unlist(before, "waking");
      if (write.wakeAtMs !== null) shard.waking.add({ wakeAtMs: write.wakeAtMs, runId });
    }
    if (!isSameShard || before.write.undispatched !== write.undispatched) {
      this.#unlist(before, "undispatched");
      if (write.undispatched) shard.undispatched.add(runId);
    }
  }

  #unlist(row: RunRow | undefined, list: "waking" | "undispatched"): void {
    if (row === undefined) return;
    const { runId, wakeAtMs } = row.write;
    if (list === "undispatched") row.shard.undispatched.delete(runId);
    else if (wakeAtMs !== null) row.shard.waking.delete({ wakeAtMs, runId });
  }

  #writePart(runId: string, part: string, bytes: Uint8Array | null): void {
    let parts = this.#parts.get(runId);
    if (parts === undefined) {
      parts = new Map();
      this.#parts.set(runId, parts);
    }
    if (bytes === null) parts.delete(part);
    else parts.set(part, bytes);
    if (parts.size === 0) this.#parts.delete(runId);
  }

  #writeHistory({ runId, firstEventId, lastEventId, events }: HistoryWrite): void {
    let batches = this.#history.get(runId);
    if (batches === undefined) {
      batches = [];
      this.#history.set(runId, batches);
    }
    batches.splice(firstBehind(batches, firstEventId), 0, { firstEventId, lastEventId, events });
  }

  #deleteRun(runId: string): void {
    const row = this.#runs.get(runId);
    this.#unlist(row, "waking");
    this.#unlist(row, "undispatched");
    this.#runs.delete(runId);
    this.#parts.delete(runId);
    this.#history.delete(runId);
    this.#visibility.delete(runId);
  }

  #shard(shardId: number): ShardRows {
    let shard = this.#shards.get(shardId);
    if (shard === undefined) {
      shard = { rangeId: 0, waking: new SortedList(compareWaking), undispatched: new SortedList(compareText) };
      this.#shards.set(shardId, shard);
    }
    return shard;
  }

  #ref(runId: string): RunRef {
    const row = this.#runs.get(runId);
    if (row === undefined) throw new Error(`run ${runId} is listed and not there`);
    const { kind, namespaceId, businessId } = row.write;
    return { kind, namespaceId, businessId, runId };
  }
}

/** The batches of one commit, none of which may begin where another does. */
class NewBatches {
  readonly #isStored: (write: HistoryWrite) => boolean;
  readonly #added = new Map<string, Set<number>>();
  readonly #emptied = new Set<string>();

  constructor(isStored: (write: HistoryWrite) => boolean) {
    this.#isStored = isStored;
  }

  empty(runId: string): void {
    this.#emptied.add(runId);
    this.#added.delete(runId);
  }

  add(write: HistoryWrite): void {
    const { runId, firstEventId } = write;
    const added = this.#added.get(runId) ?? new Set();
    if (added.has(firstEventId) || (!this.#emptied.has(runId) && this.#isStored(write)))
      throw new Error(
        `a write that cannot be stored: ${runId} already has a batch that begins at event ${firstEventId}`,
      );
    this.#added.set(runId, added.add(firstEventId));
  }
}

/** Throws `NameTaken`; `names` are by id. */
function rename(names: Map<string, string>, { id, name, bytes }: NamespaceWrite): void {
  if (bytes === null) {
    names.delete(id);
    return;
  }
  for (const [other, taken] of names) if (taken === name && other !== id) throw new NameTaken(name);
  names.set(id, name);
}

function compareWaking(left: Waking, right: Waking): number {
  return left.wakeAtMs - right.wakeAtMs || compareText(left.runId, right.runId);
}

/** The place of the first batch that begins behind `eventId`. */
function firstBehind(batches: readonly StoredBatch[], eventId: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((batches[middle]?.firstEventId ?? 0) <= eventId) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Those that hold events of the range, until it is full. */
function page(batches: readonly StoredBatch[], range: HistoryRange): StoredBatch[] {
  const found: StoredBatch[] = [];
  let eventCount = 0;
  let byteCount = 0;
  for (const batch of batches) {
    if (batch.lastEventId < range.fromEventId || batch.firstEventId > range.toEventId) continue;
    found.push(batch);
    eventCount += batch.lastEventId - batch.firstEventId + 1;
    byteCount += batch.events.byteLength;
    if (eventCount >= range.eventCountMax || byteCount >= range.bytesMax) break;
  }
  return found;
}
