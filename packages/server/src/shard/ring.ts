/**
 * The shards of this process: finds the one that owns an execution. Of a server that is alone they are all there, from `open` to `close`; one node of
 * several takes and gives up shards one by one, and knows where to turn for the others.
 */
import type { CommandOfKind, ExecutionKey, Kind, Rejection, ReplyOfKind } from "@pawl/engine";
import type { Lease } from "@pawl/store";
import { Messages } from "./messages.ts";
import { Shard, type ShardParts } from "./shard.ts";
import { joined, type Standing } from "./standing.ts";
import { Unavailable } from "./unavailable.ts";
import { type AwaitedVerdict, Verdicts } from "./verdicts.ts";
import { type News, Watch } from "./watch.ts";

export interface RingParts extends Omit<ShardParts, "watch" | "verdicts" | "carry" | "cacheBytesMax" | "onLost"> {
  readonly shardCount: number;
  /** Who owns the shards, for the store's records: a name that is new with every start of the process. */
  readonly owner: string;
  /** For all shards together. */
  readonly cacheBytesMax: number;
  /** Takes commands for shards that are not here, when this is one node of several. */
  readonly elsewhere?: Elsewhere | undefined;
}

export interface Elsewhere {
  submit(shardId: number, key: ExecutionKey, command: CommandOfKind<Kind>): Promise<unknown>;
  /** Another node has taken over a shard that was here. */
  lost(shardId: number): void;
}

export class Ring {
  /** By id; undefined where another node has the shard. */
  readonly #shards: (Shard | undefined)[];
  readonly #parts: RingParts;
  readonly #watch = new Watch();
  readonly #verdicts = new Verdicts();
  readonly #messages: Messages;

  private constructor(parts: RingParts) {
    this.#parts = parts;
    this.#shards = new Array(parts.shardCount).fill(undefined);
    this.#messages = new Messages((key, command) => this.submit(key, command), parts.clock, parts.onFault);
  }

  /** With all shards. */
  static async open(parts: RingParts): Promise<Ring> {
    const ring = new Ring(parts);
    const shards: Shard[] = [];
    for (let id = 0; id < parts.shardCount; id++) shards.push(await ring.#open(id));
    // Only now: what one shard has waiting may be for another.
    await Promise.all(shards.map((shard) => shard.start()));
    return ring;
  }

  /** Without any, for a node that takes its share by and by. */
  static empty(parts: RingParts & { readonly elsewhere: Elsewhere }): Ring {
    return new Ring(parts);
  }

  get shardCount(): number {
    return this.#shards.length;
  }

  has(shardId: number): boolean {
    return this.#shards[shardId] !== undefined;
  }

  /** Takes a shard over, whoever has it. */
  async take(shardId: number): Promise<void> {
    const shard = await this.#open(shardId);
    await shard.start();
  }

  /** Lets what was submitted to a shard finish, and has no more to do with it. The lease that it had; undefined when it was not here. */
  async giveUp(shardId: number): Promise<Lease | undefined> {
    const shard = this.#shards[shardId];
    if (!shard) return undefined;
    this.#shards[shardId] = undefined;
    await shard.close();
    // Who waits for a run of it looks again, and finds it where it is now.
    this.#watch.notifyAll();
    return shard.lease;
  }

  /** Hands out again what waits for workers or for others, in all shards. */
  redispatch(): void {
    for (const shard of this.#shards) shard?.redispatch();
  }

  async #open(shardId: number): Promise<Shard> {
    const { owner, cacheBytesMax, elsewhere, shardCount, ...parts } = this.#parts;
    const shard: Shard = await Shard.open(shardId, owner, {
      ...parts,
      watch: this.#watch,
      verdicts: this.#verdicts,
      carry: this.#messages.carry.bind(this.#messages),
      cacheBytesMax: cacheBytesMax / shardCount,
      ...(elsewhere && { onLost: () => this.#onLost(shardId, shard) }),
    });
    this.#shards[shardId] = shard;
    return shard;
  }

  #onLost(shardId: number, shard: Shard): void {
    if (this.#shards[shardId] !== shard) return;
    this.#shards[shardId] = undefined;
    this.#watch.notifyAll();
    this.#parts.elsewhere?.lost(shardId);
  }

  submit<K extends Kind, C extends CommandOfKind<K>>(
    key: ExecutionKey<K>,
    command: C,
  ): Promise<ReplyOfKind<K, C> | Rejection> {
    const shardId = shardOf(key, this.#shards.length);
    const shard = this.#shards[shardId];
    const { elsewhere } = this.#parts;
    if (elsewhere === undefined) return shard!.submit(key, command);
    const submitElsewhere = () => elsewhere.submit(shardId, key, command) as Promise<ReplyOfKind<K, C> | Rejection>;
    if (!shard) return submitElsewhere();
    return shard.submit(key, command).catch((error: unknown) => {
      // Nothing was done: the shard is on its way to another node.
      if (error instanceof Unavailable && error.reason === "closed") return submitElsewhere();
      throw error;
    });
  }

  /** Of a shard that is here, and nowhere else: throws `Unavailable` ("closed") otherwise, and when it is being given up. */
  async submitHere(key: ExecutionKey, command: CommandOfKind<Kind>): Promise<unknown> {
    const shard = this.#shards[shardOf(key, this.#shards.length)];
    if (!shard) throw new Unavailable("closed", "this shard is on another node; try again");
    return shard.submit(key as never, command as never);
  }

  /** See `Watch`. */
  changed(runId: string, signal: AbortSignal, news?: News): Promise<void> {
    return this.#watch.changed(runId, signal, news);
  }

  /** See `Verdicts`. */
  awaitVerdict(key: ExecutionKey<"workflow">, updateId: string): AwaitedVerdict {
    return this.#verdicts.await(key, updateId);
  }

  get standing(): Standing {
    return this.#here.map(({ standing }) => standing).reduce(joined);
  }

  async close(): Promise<void> {
    this.#messages.close();
    await Promise.all(this.#here.map((shard) => shard.close()));
  }

  get #here(): Shard[] {
    return this.#shards.filter((shard) => shard !== undefined);
  }

  get cached(): Shard["cached"] {
    return this.#here.reduce(
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
