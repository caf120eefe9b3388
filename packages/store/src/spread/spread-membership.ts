/**
 * Who is alive and owns what, of nodes that share several stores: the first says who is alive, and each says who owns its shards. A store that does
 * not answer costs its own shards only: of these, what it said last is told.
 */
import type { Membership, NodeRecord, ShardOwner, View } from "../membership.ts";
import type { Lease } from "../store.ts";
import { storeIndex } from "./spread-place.ts";

export class SpreadMembership implements Membership {
  readonly #members: readonly Membership[];
  /** By the place of the store. */
  readonly #owners: (readonly ShardOwner[])[];

  constructor(members: readonly Membership[]) {
    this.#members = members;
    this.#owners = members.map(() => []);
  }

  watch(listener: () => Promise<void>): void {
    this.#first.watch(listener);
  }

  async beat(node: NodeRecord): Promise<View> {
    const [view] = await Promise.all([
      this.#first.beat(node),
      ...this.#members.slice(1).map((member, at) =>
        member.beat(node).then(
          ({ owners }) => {
            this.#owners[at + 1] = owners;
          },
          () => {},
        ),
      ),
    ]);
    this.#owners[0] = view.owners;
    return { ...view, owners: this.#owners.flat() };
  }

  async leave(nodeId: string): Promise<void> {
    await this.#each((member) => member.leave(nodeId));
  }

  async release(lease: Lease): Promise<void> {
    await this.#members[storeIndex(lease.shardId, this.#members.length)]!.release(lease);
  }

  async evict(nodeId: string): Promise<void> {
    await this.#each((member) => member.evict(nodeId));
  }

  get #first(): Membership {
    return this.#members[0]!;
  }

  /** All are asked, whichever fails; then the first fault is thrown. */
  async #each(ask: (member: Membership) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(this.#members.map(ask));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}
