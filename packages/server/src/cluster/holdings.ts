/**
 * The shards of this node, as they should be by what it sees of the others: gives up what is another's, takes what is its own.
 *
 *   H1. A shard whose owner is alive is waited for, so that nothing that its owner has under way fails; not for ever.
 *   H2. A shard of a node that is dead is taken at once. What that node's sessions may still hold in the database is ended first.
 *   H3. What memory of a dead node held (tasks in its queues, messages on their way) is handed out again by the shards that made it.
 */
import type { Membership, View } from "@pawl/store";
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import type { Ring } from "../shard/ring.ts";
import type { ClusterNode } from "./node.ts";

export interface HoldingsParts {
  readonly node: ClusterNode;
  readonly ring: Pick<Ring, "shardCount" | "has" | "take" | "giveUp" | "redispatch">;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly stopwatchMs: () => number;
  /** Looks at the cluster again. */
  readonly look: () => Promise<void>;
  readonly onFault: (what: string, error: unknown) => void;
}

export class Holdings {
  readonly #parts: HoldingsParts;
  /** When, by the stopwatch, each shard that is here was taken. */
  readonly #takenAtMs = new Map<number, number>();
  /** Since when a shard is waited for that another node has. */
  readonly #waitingSinceMs = new Map<number, number>();
  #nodes: ReadonlySet<string> = new Set();
  #view: View | undefined;
  #running: Promise<void> | undefined;
  #cancelLook: Cancel | undefined;
  #isClosed = false;

  constructor(parts: HoldingsParts) {
    this.#parts = parts;
  }

  /** Brings things in line with the view, in the background. `beganAtMs`: as `MembersParts.onView`. */
  follow(view: View, beganAtMs: number): void {
    this.#view = view;
    this.#dropTaken(view, beganAtMs);
    const nodes = new Set(view.nodes.map(({ id }) => id));
    const hasLost = [...this.#nodes].some((id) => !nodes.has(id));
    this.#nodes = nodes;
    if (hasLost) this.#parts.ring.redispatch(); // H3
    this.#run();
  }

  /** Resolves when what this node has under way to take or give up has come to an end. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Takes and gives up no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook?.();
    await this.settled();
  }

  /** Others have found this node dead, and taken what it had. */
  #dropTaken({ owners }: View, beganAtMs: number): void {
    const { ring, node, onFault } = this.#parts;
    for (const { shardId, owner } of owners) {
      if (owner === node.id || !ring.has(shardId) || (this.#takenAtMs.get(shardId) ?? beganAtMs) >= beganAtMs) continue;
      ring.giveUp(shardId).catch((error: unknown) => onFault("drop a shard", error));
    }
  }

  #run(): void {
    if (this.#isClosed || this.#running !== undefined) return;
    this.#running = this.#bringInLine().finally(() => {
      this.#running = undefined;
    });
  }

  async #bringInLine(): Promise<void> {
    const { node, ring, clock, look, onFault } = this.#parts;
    let view: View | undefined;
    try {
      // Again when another view has come meanwhile.
      while (!this.#isClosed && view !== this.#view) {
        view = this.#view!;
        await this.#giveUp();
        await this.#take(view);
      }
    } catch (error) {
      onFault("take shards", error);
    }
    node.changed();
    const isWhole = () =>
      shardIds(ring).every((shardId) => ring.has(shardId) === node.isMine({ type: "shard", shardId }));
    if (this.#isClosed || isWhole()) return;
    this.#cancelLook?.();
    this.#cancelLook = clock.after(clusterLimits.handOverPollMs, () => {
      look().catch((error: unknown) => onFault("look at the cluster", error));
    });
  }

  async #giveUp(): Promise<void> {
    const { node, ring, membership } = this.#parts;
    const others = shardIds(ring).filter((shardId) => ring.has(shardId) && !node.isMine({ type: "shard", shardId }));
    await Promise.all(
      others.map(async (shardId) => {
        this.#takenAtMs.delete(shardId);
        const lease = await ring.giveUp(shardId);
        if (lease) await membership.release(lease);
      }),
    );
  }

  async #take(view: View): Promise<void> {
    const { node, ring, membership, stopwatchMs } = this.#parts;
    const owners = new Map(view.owners.map(({ shardId, owner }) => [shardId, owner]));
    const evicted = new Set<string>();
    for (const shardId of shardIds(ring)) {
      if (this.#isClosed) return;
      if (ring.has(shardId) || !node.isMine({ type: "shard", shardId })) continue;
      const owner = owners.get(shardId) ?? "";
      const isOthers = owner !== "" && owner !== node.id;
      if (isOthers && node.isAlive(owner) && this.#isStillWaitedFor(shardId)) continue; // H1
      if (isOthers && !evicted.has(owner)) {
        evicted.add(owner);
        await membership.evict(owner); // H2
      }
      const beganAtMs = stopwatchMs();
      await ring.take(shardId);
      this.#takenAtMs.set(shardId, Math.max(beganAtMs, stopwatchMs()));
      this.#waitingSinceMs.delete(shardId);
      node.changed();
    }
  }

  #isStillWaitedFor(shardId: number): boolean {
    const { stopwatchMs } = this.#parts;
    const sinceMs = this.#waitingSinceMs.get(shardId) ?? stopwatchMs();
    this.#waitingSinceMs.set(shardId, sinceMs);
    return stopwatchMs() - sinceMs < clusterLimits.handOverMsMax;
  }
}

function shardIds(ring: Pick<Ring, "shardCount">): number[] {
  return Array.from({ length: ring.shardCount }, (_, shardId) => shardId);
}
