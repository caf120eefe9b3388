/**
 * Which nodes hold a task queue. It is divided into as many partitions as the cluster is set to, and rendezvous hashing spreads them over the nodes. All that
 * a node has of one queue is a single part in its memory, whichever partitions it comes from: they say which nodes take part, and with what weight.
 *
 *   A1. A node that has a part uses it: what comes in there needs no other node. Who has none takes the partitions in turn.
 *   A2. A sticky queue is never divided. It is where one of the partitions of its normal queue is, so what it gives up is at home there.
 */
import type { Store } from "@pawl/store";
import { StoredMap } from "../frontend/stored-map.ts";
import { clusterLimits } from "../limits.ts";
import type { ClusterNode } from "./node.ts";
import { oneOf, type Place, type Queue } from "./placement.ts";

type QueuePlace = Extract<Place, { type: "queue" }>;

const countKey = "count";
const utf8 = new TextEncoder();
const numberAsText = {
  encode: (count: number) => utf8.encode(String(count)),
  decode: (bytes: Uint8Array) => Number(new TextDecoder().decode(bytes)),
};

/** How many partitions a queue has: the same on all nodes, because it is in the database. */
export class PartitionCount {
  readonly #stored: StoredMap<number>;

  private constructor(stored: StoredMap<number>) {
    this.#stored = stored;
  }

  /** `wanted` becomes the count of the whole cluster; undefined leaves it. Throws `StoreError`. */
  static async load(store: Store, wanted: number | undefined): Promise<PartitionCount> {
    const stored = await StoredMap.load<number>(store, "queue-partitions", numberAsText);
    if (wanted !== undefined) await stored.change(countKey, () => wanted);
    return new PartitionCount(stored);
  }

  get value(): number {
    return this.#stored.get(countKey) ?? clusterLimits.queuePartitionsDefault;
  }

  /** Reads what another node has changed. */
  refresh(): Promise<unknown> {
    return this.#stored.refresh();
  }
}

export class Partitions {
  readonly #node: Pick<ClusterNode, "id" | "ownerOf">;
  readonly #count: { readonly value: number };
  #turn = 0;

  constructor(node: Pick<ClusterNode, "id" | "ownerOf">, count: { readonly value: number }) {
    this.#node = node;
    this.#count = count;
  }

  get count(): number {
    return this.#count.value;
  }

  /** Where what comes to this node for the queue goes. */
  placeOf({ namespaceId, taskQueue, stickyQueue }: Queue): QueuePlace {
    const partitions = this.count;
    const at = (partition: number): QueuePlace => ({ type: "queue", namespaceId, taskQueue, partition });
    if (stickyQueue) return at(oneOf(partitions, stickyQueue)); // A2
    for (let partition = 0; partition < partitions; partition++) if (this.#isMine(at(partition))) return at(partition); // A1
    this.#turn += 1;
    return at(this.#turn % partitions);
  }

  /** Whether this node has a part of it. */
  isMine(queue: Queue): boolean {
    return this.#isMine(this.placeOf(queue));
  }

  /** Nodes that have a part of a normal queue, and which partition of theirs comes first. */
  holders({ namespaceId, taskQueue }: Queue): Map<string, QueuePlace> {
    const holders = new Map<string, QueuePlace>();
    for (let partition = 0; partition < this.count; partition++) {
      const place = { type: "queue", namespaceId, taskQueue, partition } as const;
      const owner = this.#node.ownerOf(place);
      if (owner !== undefined && !holders.has(owner)) holders.set(owner, place);
    }
    return holders;
  }

  /** Who has each partition of a normal queue, by its number. */
  owners({ namespaceId, taskQueue }: Queue): (string | undefined)[] {
    return Array.from({ length: this.count }, (_, partition) =>
      this.#node.ownerOf({ type: "queue", namespaceId, taskQueue, partition }),
    );
  }

  /** How much of a normal queue is this node's. */
  share(queue: Queue): number {
    if (this.count === 1) return 1;
    const mine = this.owners(queue).filter((owner) => owner === this.#node.id).length;
    // A part that is on its way to another node goes on as it was.
    return mine === 0 ? 1 : mine / this.count;
  }

  #isMine(place: QueuePlace): boolean {
    return this.#node.ownerOf(place) === this.#node.id;
  }
}
