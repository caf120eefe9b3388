/** All shards of this process: finds the one that owns an execution. */
import type { CommandOfKind, ExecutionKey, Kind, Rejection, ReplyOfKind } from "@pawl/engine";
import { Messages } from "./messages.ts";
import { Shard, type ShardParts } from "./shard.ts";
import { joined, type Standing } from "./standing.ts";
import { Watch } from "./watch.ts";

export interface RingParts extends Omit<ShardParts, "watch" | "carry" | "cacheBytesMax"> {
  readonly shardCount: number;
  /** Who owns the shards, for the store's records: a name that is new with every start of the process. */
  readonly owner: string;
  /** For all shards together. */
  readonly cacheBytesMax: number;
}

export class Ring {
  readonly #shards: readonly Shard[];
  readonly #watch: Watch;
  readonly #messages: Messages;

  private constructor(shards: readonly Shard[], watch: Watch, messages: Messages) {
    this.#shards = shards;
    this.#watch = watch;
    this.#messages = messages;
  }

  static async open({ shardCount, owner, cacheBytesMax, ...parts }: RingParts): Promise<Ring> {
    const watch = new Watch();
    const shards: Shard[] = [];
    const messages = new Messages((key, command) => ring.submit(key, command), parts.clock, parts.onFault);
    const ring = new Ring(shards, watch, messages);
    const carry = messages.carry.bind(messages);
    for (let id = 0; id < shardCount; id++) {
      shards.push(await Shard.open(id, owner, { ...parts, watch, carry, cacheBytesMax: cacheBytesMax / shardCount }));
    }
    // Only now: what one shard has waiting may be for another.
    await Promise.all(shards.map((shard) => shard.start()));
    return ring;
  }

  submit<K extends Kind, C extends CommandOfKind<K>>(
    key: ExecutionKey<K>,
    command: C,
  ): Promise<ReplyOfKind<K, C> | Rejection> {
    return this.#shards[shardOf(key, this.#shards.length)]!.submit(key, command);
  }

  /** Resolves at the next commit that touches the run, or when the signal aborts. Call it before reading. */
  changed(runId: string, signal: AbortSignal): Promise<void> {
    return this.#watch.changed(runId, signal);
  }

  get standing(): Standing {
    return this.#shards.map(({ standing }) => standing).reduce(joined);
  }

  async close(): Promise<void> {
    this.#messages.close();
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  get cached(): Shard["cached"] {
    return this.#shards.reduce(
      (sum, { cached }) => ({
        executions: sum.executions + cached.executions,
        bytes: sum.bytes + cached.bytes,
        timers: sum.timers + cached.timers,
      }),
      { executions: 0, bytes: 0, timers: 0 },
    );
  }
}

/** FNV-1a over the ids: cheap, and the same in every process, because it decides where an execution's rows belong. Kinds of one id are together. */
export function shardOf({ namespaceId, businessId }: Omit<ExecutionKey, "kind">, shardCount: number): number {
  let hash = 0x811c9dc5;
  for (const text of [namespaceId, businessId]) {
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % shardCount;
}
