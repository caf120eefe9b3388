/**
 * What the nodes of a cluster know of each other, through the database that they share. All times are the database's, so that clocks of machines do not matter.
 *
 *   N1. A node is alive while its last sign of life is younger than its lease. Nothing else makes it so.
 *   N2. Being alive is no right to write: that is the lease of a shard, which every commit proves (D3 of `store.ts`).
 *   N3. A node's id is new with every start of its process, so that a restarted one is another.
 */
import type { Lease } from "./lease.ts";

export interface NodeRecord {
  /** A UUID. */
  readonly id: string;
  /** As its operator calls it. Two may have the same, such as the old and the new process of a restart. */
  readonly name: string;
  /** Where other nodes reach it, as `host:port`. */
  readonly address: string;
  /** `leaving`: alive, and about to give away all that it owns. */
  readonly state: "up" | "leaving";
}

export interface ShardOwner {
  readonly shardId: number;
  /** A node's id; "" when its owner has let it go. */
  readonly owner: string;
}

/** What a node has found out with a sign of life of its own. */
export interface View {
  /** Those alive, by id. */
  readonly nodes: readonly NodeRecord[];
  /** Shards that were ever owned. */
  readonly owners: readonly ShardOwner[];
  /** Grows with every commit that writes a namespace or a setting. */
  readonly changes: number;
}

export interface Membership {
  /** `listener` is called after each commit of this node that writes a namespace or a setting, and the commit resolves after it has. It never throws. */
  watch(listener: () => Promise<void>): void;

  /** A sign of life. Throws a `StoreError` when there was none. */
  beat(node: NodeRecord): Promise<View>;

  /** The node is no more: others need not wait for its lease to end. */
  leave(nodeId: string): Promise<void>;

  /** Lets a shard go, unless it has been taken over. Its commits must have ended. */
  release(lease: Lease): Promise<void>;

  /** Ends what the sessions of a node that is not alive have under way, as far as the database can. It could still hold locks. */
  evict(nodeId: string): Promise<void>;
}
