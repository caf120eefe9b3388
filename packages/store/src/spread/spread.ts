/**
 * One store over several: each shard lies in one of them, whole. What belongs to no shard (settings, namespaces, who is a node) lies in the first.
 *
 *   O1. Where a shard lies follows from its number and from how many stores there are, so neither may change once there are any (`postgres-databases.ts`).
 *   O2. A commit touches one store, so it is there or not, as in any.
 *   O3. A run lies with its shard. Who asks for one and does not say of which shard asks all stores, unless it was met before.
 *   O4. A list or count holds what was committed in each store when that was asked; it is of no single moment.
 */

import type { Membership } from "../membership.ts";
import {
  type ExecutionKey,
  type HistoryRange,
  type Lease,
  needsLease,
  type StateLost,
  type Store,
  type StoredBatch,
  type StoredRun,
  type VisibilityQuery,
  type VisibilityRow,
  type Write,
} from "../store.ts";
import { compareListOrder, compareScalars, orderComparison } from "../visibility/visibility-filter.ts";
import { SpreadMembership } from "./spread-membership.ts";
import { storeIndex } from "./spread-place.ts";

type Counts = Awaited<ReturnType<Store["countVisibility"]>>;

/** Runs whose store is remembered. */
const homesMax = 10_000;

export class SpreadStore implements Store {
  readonly kind: Store["kind"];
  readonly membership: Membership | undefined;
  /** Of the first that has lost something: the others would go on without it. */
  readonly lost: Promise<StateLost>;
  readonly #stores: readonly Store[];
  /** Where runs lie that were met lately. */
  readonly #homes = new Map<string, Store>();

  /** `stores`: one at least. */
  constructor(stores: readonly Store[]) {
    this.#stores = stores;
    this.kind = this.#first.kind;
    this.lost = Promise.race(stores.map(({ lost }) => lost ?? new Promise<never>(() => {})));
    const members = stores.map(({ membership }) => membership).filter((each) => each !== undefined);
    this.membership = members.length === 0 ? undefined : new SpreadMembership(members);
  }

  acquire(shardId: number, owner: string): Promise<Lease> {
    return this.#storeOf(shardId).acquire(shardId, owner);
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    if (lease === null) return this.#first.commit(null, writes);
    const store = this.#storeOf(lease.shardId);
    // O2.
    if (store !== this.#first && !writes.every(needsLease))
      throw new Error("a shard's writes and those of the whole cluster are commits of their own");
    await store.commit(lease, writes);
    for (const write of writes) if (write.table === "run") this.#remember(write.runId, store);
  }

  async loadCurrent(keys: readonly ExecutionKey[], shardId?: number): Promise<(string | null)[]> {
    if (shardId !== undefined) return this.#storeOf(shardId).loadCurrent(keys, shardId);
    const found = await this.#all((store) => store.loadCurrent(keys));
    return keys.map((_, at) => found.map((each) => each[at] ?? null).find((runId) => runId !== null) ?? null);
  }

  async loadRuns(runIds: readonly string[], shardId?: number): Promise<(StoredRun | null)[]> {
    if (shardId !== undefined) return this.#storeOf(shardId).loadRuns(runIds, shardId);
    const found = await this.#all((store) => store.loadRuns(runIds));
    return runIds.map((runId, at) => {
      const place = found.findIndex((each) => each[at] !== null);
      if (place < 0) return null;
      this.#remember(runId, this.#stores[place]!);
      return found[place]![at] ?? null;
    });
  }

  readHistory(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    return this.#batches(runId, (store) => store.readHistory(runId, range));
  }

  readHistoryReverse(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    return this.#batches(runId, (store) => store.readHistoryReverse(runId, range));
  }

  wakingRuns(shardId: number, page: Parameters<Store["wakingRuns"]>[1]): ReturnType<Store["wakingRuns"]> {
    return this.#storeOf(shardId).wakingRuns(shardId, page);
  }

  undispatchedRuns(
    shardId: number,
    page: Parameters<Store["undispatchedRuns"]>[1],
  ): ReturnType<Store["undispatchedRuns"]> {
    return this.#storeOf(shardId).undispatchedRuns(shardId, page);
  }

  async listVisibility(query: VisibilityQuery): Promise<VisibilityRow[]> {
    const compare = query.orderBy === undefined ? compareListOrder : orderComparison(query.orderBy);
    const pages = await this.#all((store) => store.listVisibility(query));
    return pages.flat().sort(compare).slice(0, Math.max(0, query.limit));
  }

  async countVisibility(query: Parameters<Store["countVisibility"]>[0]): Promise<Counts> {
    const sums = new Map<Counts[number]["value"], number>();
    for (const { value, count } of (await this.#all((store) => store.countVisibility(query))).flat())
      sums.set(value, (sums.get(value) ?? 0) + count);
    const counts = Array.from(sums, ([value, count]) => ({ value, count }));
    return counts.sort(({ value: left }, { value: right }) => {
      if (left === null || right === null) return Number(right === null) - Number(left === null);
      return compareScalars(left, right);
    });
  }

  namespaces(): ReturnType<Store["namespaces"]> {
    return this.#first.namespaces();
  }

  setting(name: string): Promise<Uint8Array | null> {
    return this.#first.setting(name);
  }

  settings(prefix: string): ReturnType<Store["settings"]> {
    return this.#first.settings(prefix);
  }

  async close(): Promise<void> {
    await this.#all((store) => store.close());
  }

  get #first(): Store {
    return this.#stores[0]!;
  }

  /** O1. */
  #storeOf(shardId: number): Store {
    return this.#stores[storeIndex(shardId, this.#stores.length)]!;
  }

  #all<T>(ask: (store: Store) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#stores.map(ask));
  }

  async #batches(runId: string, read: (store: Store) => Promise<StoredBatch[]>): Promise<StoredBatch[]> {
    const home = this.#homes.get(runId);
    const near = home === undefined ? [] : await read(home);
    // A run may have been deleted since, and a new one of its id be elsewhere.
    if (near.length > 0) return near;
    const found = await Promise.all(this.#stores.filter((store) => store !== home).map(read));
    return found.find((batches) => batches.length > 0) ?? [];
  }

  #remember(runId: string, store: Store): void {
    this.#homes.delete(runId);
    this.#homes.set(runId, store);
    if (this.#homes.size <= homesMax) return;
    const [oldest] = this.#homes.keys();
    this.#homes.delete(oldest!);
  }
}
