/** Questions to workers when their callers wait on another node than the one that has the worker's poll: their ids say where (`questionId`). */

import { type NexusRequest, NexusTasks } from "../frontend/nexus/nexus-tasks.ts";
import {
  type Asked,
  type Carried,
  type DirectQuery,
  homeOf,
  QueryRegistry,
} from "../frontend/workflow/query-registry.ts";
import { shardOf } from "../shard/ring.ts";
import type { ClusterNode } from "./node.ts";

export class ClusterQueries extends QueryRegistry {
  readonly #node: ClusterNode;
  readonly #shardCount: number;

  constructor(node: ClusterNode, shardCount: number) {
    super(node.id);
    this.#node = node;
    this.#shardCount = shardCount;
  }

  /** The callers of such queries wait where the run's shard is. */
  override attach({ namespaceId, workflowId, runId }: Asked, stamp: number): Carried | Promise<Carried> {
    const place = {
      type: "shard",
      shardId: shardOf({ namespaceId, businessId: workflowId }, this.#shardCount),
    } as const;
    const owner = this.#node.isHere(place) ? this.#node.id : this.#node.ownerOf(place);
    if (owner === undefined || owner === this.#node.id) return this.attachHere(runId, stamp);
    const carried = this.#node.takeCarried(runId, stamp);
    if (carried) return carried;
    // Without an answer they wait for the next task.
    return this.#node.ask(owner, "Attach", { runId, stamp }).then((answer) => (answer?.value ?? {}) as Carried);
  }

  override asked(id: string): DirectQuery | undefined | Promise<DirectQuery | undefined> {
    const home = homeOf(id);
    if (home === this.#node.id) return this.askedHere(id);
    return this.#node.ask(home, "Asked", id).then((answer) => answer?.value as DirectQuery | undefined);
  }
}

export class ClusterNexusTasks extends NexusTasks {
  readonly #node: ClusterNode;

  constructor(node: ClusterNode, parts: ConstructorParameters<typeof NexusTasks>[0]) {
    super({ ...parts, home: node.id });
    this.#node = node;
  }

  override requestOf(id: string): NexusRequest | undefined | Promise<NexusRequest | undefined> {
    const home = homeOf(id);
    if (home === this.#node.id) return this.requestHere(id);
    return this.#node.ask(home, "NexusRequest", id).then((answer) => answer?.value as NexusRequest | undefined);
  }
}
