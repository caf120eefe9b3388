/**
 * This server as one node of several: makes the parts that know of the others, and joins them.
 *
 *   members (who is there) ─▶ holdings (takes and gives up shards) ─▶ ring
 *            │                                                          │ commands for shards of others
 *            ├─▶ queues (tasks and polls to their node) ─▶ matching     ▼
 *            └─▶ registries (read again what others changed)          node ─▶ peers
 *                                     calls from outside ─▶ forwarding ─┘ ▲
 *                                     calls from other nodes ─▶ node-service
 *
 * A server that is alone has none of it.
 */
import type { Membership, Store, View } from "@pawl/store";
import type { Clock } from "../clock.ts";
import type { ClusterConfig } from "../config.ts";
import type { Handlers } from "../frontend/handler.ts";
import { settle } from "../frontend/stored-map.ts";
import { clusterLimits, limits } from "../limits.ts";
import type { Random } from "../random.ts";
import { GrpcServer } from "../rpc/grpc-server.ts";
import type { Unary } from "../rpc/transport.ts";
import { Ring, type RingParts } from "../shard/ring.ts";
import { Metrics } from "../telemetry/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { Tls } from "../tls.ts";
import { forwarding } from "./forwarding.ts";
import { Holdings } from "./holdings.ts";
import { Members } from "./members.ts";
import { ClusterNode } from "./node.ts";
import { NodeSeal } from "./node-seal.ts";
import { nodeRoutes } from "./node-service.ts";
import { PartitionCount } from "./partitions.ts";
import { type PlacesParts, placesOf } from "./places.ts";
import { ClusterNexusTasks, ClusterQueries } from "./questions.ts";
import { ClusterQueues } from "./queues.ts";

export interface MemberParts {
  readonly config: ClusterConfig;
  /** Of this process: new with every start. */
  readonly id: string;
  readonly store: Store;
  readonly membership: Membership;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export interface Joins {
  readonly ring: Ring;
  /** What does the calls of the API, here. */
  readonly local: ReadonlyMap<string, Unary>;
  /** What is kept in memory of what every node may change. */
  readonly registries: readonly { refresh(): Promise<unknown> }[];
  /** What one node does for all goes on here, if it is this one. */
  readonly resume: () => void;
}

const keySetting = "node-key";
const keyBytes = 32;

export class ClusterMember {
  readonly node: ClusterNode;
  readonly queues: ClusterQueues;
  readonly queries: ClusterQueries;
  readonly nexusTasks: ClusterNexusTasks;
  readonly #parts: MemberParts;
  readonly #seal: NodeSeal;
  readonly #tls: Tls | undefined;
  readonly #members: Members;
  readonly #partitionCount: PartitionCount;
  readonly #server: { current: GrpcServer | undefined } = { current: undefined };
  #address: string;
  #ring: Ring | undefined;
  #holdings: Holdings | undefined;
  #joins: Joins | undefined;
  #readChanges = -1;
  #nodeIds = "";
  #followedCount: number;

  private constructor(parts: MemberParts, key: Uint8Array, partitionCount: PartitionCount, tls: Tls | undefined) {
    const { clock, telemetry, id, config, membership } = parts;
    this.#parts = parts;
    this.#seal = new NodeSeal(key);
    this.#partitionCount = partitionCount;
    this.#followedCount = partitionCount.value;
    this.#tls = tls;
    this.#address = config.address ?? "";
    const cluster = this;
    this.#members = new Members({
      ...{ membership, clock, stopwatchMs: telemetry.stopwatchMs, leaseMs: leaseMsOf(config), onFault: this.#onFault },
      me: {
        id,
        name: config.name,
        get address() {
          return cluster.#address;
        },
      },
      onView: (view, beganAtMs) => this.#follow(view, beganAtMs),
    });
    this.node = new ClusterNode({
      ...{ id, clock, telemetry, members: this.#members, seal: this.#seal },
      tls: tls && { files: tls, serverName: config.tls?.serverName },
      hasShard: (shardId) => this.#ring?.has(shardId) ?? false,
      submitHere: (key, command) => this.#ring!.submitHere(key, command),
      lendFor: (...command) => this.queues.lender.lendFor(...command),
      onLost: () => this.#lookAgain(),
      onQueuesMoved: () => this.queues.follow(),
    });
    this.queues = new ClusterQueues(this.node, clock, partitionCount);
    this.queries = new ClusterQueries(this.node, parts.shardCount);
    this.nexusTasks = new ClusterNexusTasks(this.node, { matching: this.queues, clock, random: parts.random });
    membership.watch(() => this.#announce());
  }

  /** Throws `StartFailure` and `StoreError`. */
  static async open(parts: MemberParts): Promise<ClusterMember> {
    const { clock, store, telemetry, config } = parts;
    const key = await settle(store, keySetting, () => crypto.getRandomValues(new Uint8Array(keyBytes)));
    const partitionCount = await PartitionCount.load(store, config.queuePartitions);
    const files = config.tls && { ...config.tls, clientCaPath: config.tls.caPath };
    return new ClusterMember(
      parts,
      key,
      partitionCount,
      files && (await Tls.open(files, { clock, log: telemetry.log })),
    );
  }

  ring(parts: RingParts): Ring {
    this.#ring = Ring.empty({ ...parts, elsewhere: this.node, isSure: () => this.#members.isSure() });
    return this.#ring;
  }

  /** For callers from outside: does what they ask for, wherever that is. `handlers` do it here. */
  forwarding(handlers: Handlers, { namespaces, tokens }: Pick<PlacesParts, "namespaces" | "tokens">): Handlers {
    const { clock, shardCount, telemetry } = this.#parts;
    const places = placesOf({ namespaces, tokens, shardCount, queues: this.queues.places });
    return forwarding(handlers, places, { node: this.node, clock, telemetry, tokens, lender: this.queues.lender });
  }

  /** From here on others know of this node, and it takes what is its own. */
  async join(joins: Joins): Promise<void> {
    const { clock, random, telemetry, membership, config } = this.#parts;
    const { ring, local } = joins;
    this.#joins = joins;
    const look = () => this.#members.look();
    const { node, queues, queries, nexusTasks } = this;
    this.#holdings = new Holdings({
      ...{ node, ring, membership, clock, look, stopwatchMs: telemetry.stopwatchMs, onFault: this.#onFault },
    });
    const routes = nodeRoutes(local, {
      ...{ node, clock, ring, queues, queries, nexusTasks, look, seal: this.#seal, onFault: this.#onFault },
    });
    this.#server.current = new GrpcServer({
      ...{ routes, clock, random, tls: this.#tls },
      telemetry: { ...telemetry, metrics: new Metrics() },
    });
    const host = config.ip ?? "127.0.0.1";
    const { port } = await this.#server.current.listen({ host, port: config.port ?? 0 });
    this.#address ||= `${host.includes(":") ? `[${host}]` : host}:${port}`;
    await this.#members.open();
    await this.#askAllToLook();
    await this.#holdings.settled();
    telemetry.log.info("node joined", { node: config.name, id: node.id, address: this.#address });
  }

  /** Reads the certificates again. Resolves to whether they make sense. */
  async reload(): Promise<boolean> {
    return (await this.#tls?.reload()) !== false;
  }

  /** Gives all that it owns to the others, and goes on sending calls to them. */
  async leave(): Promise<void> {
    try {
      await this.#members.leaving();
      await this.#askAllToLook();
      await this.#holdings?.settled();
    } catch (error) {
      this.#onFault("leave the cluster", error);
    }
  }

  /** When nothing is sent on any more. */
  async close(): Promise<void> {
    await this.#holdings?.close();
    this.queues.close();
    await this.#server.current?.stop(limits.farewellMs);
    await this.#members.close().catch((error: unknown) => this.#onFault("leave the cluster", error));
    this.node.close();
  }

  /** The last of it: from now on no certificates are read. */
  closeFiles(): void {
    this.#tls?.close();
  }

  async #follow(view: View, beganAtMs: number): Promise<void> {
    const { registries, resume } = this.#joins!;
    const nodeIds = view.nodes.map(({ id, state }) => `${id}/${state}`).join(" ");
    const haveNodesChanged = nodeIds !== this.#nodeIds;
    this.#nodeIds = nodeIds;
    if (haveNodesChanged) {
      this.node.forgetGone();
      this.#seal.closeAllBut(new Set(view.nodes.map(({ id }) => id)));
    }
    this.#holdings!.follow(view, beganAtMs);
    if (view.changes !== this.#readChanges) {
      await Promise.all([this.#partitionCount, ...registries].map((registry) => registry.refresh()));
      this.#readChanges = view.changes;
    }
    const hasCountChanged = this.#partitionCount.value !== this.#followedCount;
    this.#followedCount = this.#partitionCount.value;
    if (haveNodesChanged || hasCountChanged) {
      this.node.homes.follow();
      this.queues.follow();
    }
    if (!haveNodesChanged) return;
    this.node.changed();
    resume();
  }

  /** This node has changed what others keep in memory: they read it before the caller hears of it, as far as they can be reached. */
  async #announce(): Promise<void> {
    await this.#askAllToLook(clusterLimits.announceMsMax);
  }

  async #askAllToLook(timeoutMs?: number): Promise<void> {
    await Promise.all(this.node.others.map(({ id }) => this.node.ask(id, "Look", null, timeoutMs)));
  }

  #lookAgain(): void {
    this.#members.look().catch((error: unknown) => this.#onFault("look at the cluster", error));
  }

  readonly #onFault = (what: string, error: unknown): void => {
    this.#parts.telemetry.log.error("cluster fault", { what, error });
  };
}

export function leaseMsOf({ leaseMs = clusterLimits.leaseMsDefault }: ClusterConfig): number {
  return leaseMs;
}
