/** All shards of this process: finds the one that owns a workflow. */
import type { Command, Rejection, ReplyTo } from "@pawl/engine";
import { Messages } from "./messages.ts";
import { Shard, type ShardParts, type WorkflowKey } from "./shard.ts";
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

  submit<C extends Command>(key: WorkflowKey, command: C): Promise<ReplyTo<C> | Rejection> {
    return this.#shards[shardOf(key, this.#shards.length)]!.submit(key, command);
  }

  /** Resolves at the next commit that touches the run, or when the signal aborts. Call it before reading. */
  changed(runId: string, signal: AbortSignal): Promise<void> {
    return this.#watch.changed(runId, signal);
  }

  async close(): Promise<void> {
    this.#messages.close();
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  get cached(): Shard["cached"] {
    return this.#shards.reduce(
      (sum, { cached }) => ({
        workflows: sum.workflows + cached.workflows,
        bytes: sum.bytes + cached.bytes,
        timers: sum.timers + cached.timers,
      }),
      { workflows: 0, bytes: 0, timers: 0 },
    );
  }
}

/** FNV-1a over the key: cheap, and the same in every process, because it decides where a workflow's rows belong. */
export function shardOf({ namespaceId, workflowId }: WorkflowKey, shardCount: number): number {
  let hash = 0x811c9dc5;
  for (const text of [namespaceId, workflowId]) {
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % shardCount;
}
