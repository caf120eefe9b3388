/**
 * Who owns what among the nodes that are there: rendezvous hashing. Every node weighs each thing by a number of its own, and the heaviest gets it. So all
 * who see the same nodes agree without a word, and when a node comes or goes only what it gets or had moves.
 */

/** What has one owner among the nodes. */
export type Place =
  /** Of executions. */
  | { readonly type: "shard"; readonly shardId: number }
  /** A partition of all kinds of tasks of one name, and some of the sticky queues of its workers. */
  | { readonly type: "queue"; readonly namespaceId: string; readonly taskQueue: string; readonly partition: number }
  /** What one node does for all, or keeps for all. */
  | { readonly type: "duty"; readonly duty: "namespaces" | "batches" | "workers" }
  /** A certain node, and no other. */
  | { readonly type: "node"; readonly nodeId: string };

/** What names a queue; `stickyQueue`: that one of its workers, if it has a name. */
export interface Queue {
  readonly namespaceId: string;
  readonly taskQueue: string;
  readonly stickyQueue?: string | undefined;
}

/** Undefined when there is no node. */
export function ownerOf(nodeIds: readonly string[], place: Place): string | undefined {
  if (place.type === "node") return nodeIds.includes(place.nodeId) ? place.nodeId : undefined;
  const name = nameOf(place);
  let owner: string | undefined;
  let heaviest = -1;
  for (const nodeId of nodeIds) {
    const weight = weightOf(nodeId, name);
    if (weight < heaviest || (weight === heaviest && owner !== undefined && nodeId < owner)) continue;
    owner = nodeId;
    heaviest = weight;
  }
  return owner;
}

export function nameOf(place: Exclude<Place, { type: "node" }>): string {
  switch (place.type) {
    case "shard":
      return `shard/${place.shardId}`;
    case "queue":
      return `queue/${place.namespaceId}/${place.taskQueue}${place.partition > 0 ? `/${place.partition}` : ""}`;
    case "duty":
      return `duty/${place.duty}`;
    default:
      return place satisfies never;
  }
}

/** The same on every node: which of `count` things a text belongs to. */
export function oneOf(count: number, text: string): number {
  return count === 1 ? 0 : weightOf("", text) % count;
}

/** FNV-1a over both texts, and then the last steps of MurmurHash3, without which texts that are nearly the same weigh nearly the same. */
function weightOf(nodeId: string, name: string): number {
  let hash = 0x811c9dc5;
  for (const text of [nodeId, "/", name]) {
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
