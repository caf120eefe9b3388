/**
 * The only place that constructs and joins the parts of a server, and takes them apart in the opposite order.
 *
 *   store ─▶ namespaces, tokens, cluster ─▶ matching ─▶ ring (gives tasks to matching) ─▶ handlers ─▶ calls: direct, gRPC, HTTP
 */
import {
  databasesOf,
  MemoryStore,
  nameOfAll,
  openDatabases,
  SqliteStore,
  type StateLost,
  type Store,
  StoreError,
  urlsOfHosts,
} from "@pawl/store";
import { loadClosedSessions } from "./access/session.ts";
import { AddressRules } from "./address-rules.ts";
import { systemClock } from "./clock.ts";
import { ClusterMember, type Joins, leaseMsOf, type MemberParts } from "./cluster/member.ts";
import { sealingId } from "./cluster/node-seal.ts";
import {
  checkConfig,
  checkOpenConfig,
  type ListenConfig,
  type OpenConfig,
  type ServerConfig,
  StartFailure,
} from "./config.ts";
import { loadBatchJobs } from "./frontend/batch/batch-job.ts";
import { BatchRunner } from "./frontend/batch/batch-runner.ts";
import { NamespaceDeletions } from "./frontend/namespace/namespace-deletion.ts";
import { NexusTasks } from "./frontend/nexus/nexus-tasks.ts";
import type { Cluster } from "./frontend/parts.ts";
import { loadShardCount } from "./frontend/shard-count.ts";
import { loadCluster } from "./frontend/system.ts";
import { TaskQueueConfigs } from "./frontend/worker/task-queue-config.ts";
import { QueryRegistry } from "./frontend/workflow/query-registry.ts";
import { shardLimits } from "./limits.ts";
import type { Listening } from "./listeners.ts";
import { answering, type MadeParts } from "./main/answering.ts";
import { shardEvents, watchQueues, watchRing } from "./main/instrumentation.ts";
import { loadRegistered, retentionOf } from "./main/registered.ts";
import { Matching } from "./matching/matching.ts";
import { callbackPath } from "./nexus/incoming.ts";
import { OutsideCalls } from "./nexus/outside-calls.ts";
import { systemRandom } from "./random.ts";
import type { DirectCallOptions } from "./rpc/direct-transport.ts";
import type { Status } from "./rpc/transport.ts";
import type { Started } from "./shard/dispatcher.ts";
import { Ring, type RingParts } from "./shard/ring.ts";
import type { Standing } from "./shard/standing.ts";
import { quietTelemetry } from "./telemetry/telemetry.ts";

/** A server without a port. */
export interface OpenServer {
  readonly storeKind: Store["kind"];
  /** What keeps its state, where that is PostgreSQL: without who may use it, and their password. */
  readonly databases?: string;
  /** Resolves when it must end, because its database has lost what had been committed. Another one goes on from what there is. */
  readonly failed: Promise<StateLost>;
  /** One call from within this process, as it would be over gRPC. Resolves to the response's bytes, or to the status that it ends with; never throws. */
  call(path: string, request: Uint8Array, options?: DirectCallOptions): Promise<Uint8Array | Status>;
  /** Lets other processes call. Throws `StartFailure`, also when it listens already; then nothing more is open than before. */
  serve(config?: ListenConfig): Promise<Listening>;
  /** Reads certificates, keys and who may do what again, as happens by itself some seconds after they change. Resolves to whether they make sense; if not, the ones before stay. */
  reload(): Promise<boolean>;
  /** What its runs wait for, for whoever makes its clock jump. */
  standing(): Standing;
  /** Stops taking work, lets what is under way finish, and closes the store. Calling it again waits for the same end. */
  close(): Promise<void>;
}

/** A server that listens. */
export interface RunningServer extends Listening, Pick<OpenServer, "storeKind" | "databases" | "failed"> {
  /** As `OpenServer.reload`. */
  reload(): Promise<boolean>;
  /** As `OpenServer.close`. */
  stop(): Promise<void>;
}

type Close = () => void | Promise<void>;

/** Throws `StartFailure`; then nothing is left open. */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  checkConfig(config);
  const server = await openServer(config);
  try {
    const listening = await server.serve(config);
    return {
      ...{ ...listening, storeKind: server.storeKind, failed: server.failed },
      ...(server.databases !== undefined && { databases: server.databases }),
      ...{ reload: () => server.reload(), stop: () => server.close() },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Throws `StartFailure`; then nothing is left open. */
export async function openServer(config: OpenConfig = {}): Promise<OpenServer> {
  checkOpenConfig(config);
  checkDatabase(config);
  const closes: Close[] = [];
  const closeAll = async () => {
    for (const close of closes.splice(0).reverse()) await close();
  };
  try {
    const { store, ring, member, direct, listeners } = await open(config, closes);
    let closing: Promise<void> | undefined;
    return {
      storeKind: store.kind,
      ...(config.dbUrl !== undefined && { databases: nameOfAll(config.dbUrl) }),
      failed: store.lost ?? new Promise<never>(() => {}),
      call: (path, request, options) => direct.call(path, request, options),
      serve: (where = {}) => listeners.open(where),
      reload: async () => !(await Promise.all([listeners.reload(), member?.reload()])).includes(false),
      standing: () => ring.standing,
      close: () => {
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (error) {
    await closeAll();
    throw startFailureOf(error);
  }
}

/** Throws `StartFailure`, before anything is open. The text is not repeated, as there may be a password in it. */
function checkDatabase({ dbUrl }: OpenConfig): void {
  try {
    for (const url of dbUrl === undefined ? [] : databasesOf(dbUrl)) urlsOfHosts(url);
  } catch (error) {
    throw new StartFailure("usage", (error as Error).message);
  }
}

async function open(config: OpenConfig, closes: Close[]) {
  const { clock = systemClock, random = systemRandom, telemetry = quietTelemetry() } = config;
  const { log } = telemetry;
  const nodeId = sealingId(random.uuid());
  const store = await openStore(config, nodeId);
  closes.push(() => store.close());
  const shardCount = await loadShardCount(store);
  const identity = await loadCluster(store, random);
  const cluster: Cluster = {
    ...{ ...identity, shardCount },
    get address() {
      return answers.listeners.address;
    },
  };
  const registered = await loadRegistered(config, { store, random, clock });
  const { namespaces, searchAttributes, deployments } = registered;
  const member = await clusterOf(config, { id: nodeId, store, shardCount, clock, random, telemetry });
  closes.push(() => member?.closeFiles());
  const matching = member?.queues.own(deployments) ?? new Matching<Started>(clock, deployments);
  const queues = member?.queues ?? matching;
  deployments.watch((namespaceId, taskQueues) => matching.reroute(namespaceId, taskQueues));
  const queueConfigs = await TaskQueueConfigs.load(store, matching, clock);
  const calls = new OutsideCalls();
  const ringParts: RingParts = {
    ...{ store, clock: clock.due ?? clock, random, dispatcher: queues, routing: deployments, shardCount },
    ...(config.timersAheadMs !== undefined && { timersAheadMs: config.timersAheadMs }),
    owner: nodeId,
    cacheBytesMax: shardLimits.cacheBytesMax,
    retentionMs: retentionOf(namespaces),
    call: (call) => calls.make(call),
    traces: telemetry.traces,
    ...shardEvents(telemetry),
  };
  const ring = member?.ring(ringParts) ?? (await Ring.open(ringParts));
  closes.push(() => ring.close());
  closes.push(() => calls.close());
  // Before the ring closes, so that no task is reserved for a poller that is sent away.
  closes.push(() => matching.close());
  watchRing(ring, telemetry);
  watchQueues(matching, telemetry);
  const batchJobs = await loadBatchJobs(store);
  const batches = new BatchRunner({
    ...{ ring, store, clock, batchJobs, namespaces, searchAttributes, matching: queues, telemetry },
    ...(member && { isMine: () => member.node.isMine({ type: "duty", duty: "batches" }) }),
  });
  const namespaceDeletions = new NamespaceDeletions({
    ...{ ring, store, namespaces, clock },
    forgetters: [batches, searchAttributes, queueConfigs, deployments, matching],
    onFault: (what, error) => log.error("namespace fault", { what, error }),
  });
  closes.push(async () => void (await Promise.all([batches.close(), namespaceDeletions.close()])));

  const parts: MadeParts = {
    ...{ ring, matching: queues, store, clock, random, cluster, telemetry, ...registered },
    ...{ batchJobs, batches, queueConfigs, namespaceDeletions, closedSessions: await loadClosedSessions(store) },
    nexusTasks: member?.nexusTasks ?? new NexusTasks({ matching, clock, random }),
    queries: member?.queries ?? new QueryRegistry(),
    addresses: new AddressRules(config.outsideAddresses),
  };
  const answers = answering(parts, member, config.furtherCalls ?? new Map());
  calls.open({
    ...parts,
    callbackUrl: (namespace) => answers.listeners.httpUrl(callbackPath(namespace)),
    onFault: (what, error) => log.error("outside call fault", { what, error }),
  });
  if (member) await join(member, { parts, ring, local: answers.local }, closes);
  else resume(parts);
  answers.open();
  closes.push(answers.close, () => member?.leave());
  return { store, ring, member, ...answers };
}

async function join(
  member: ClusterMember,
  { parts, ring, local }: { readonly parts: MadeParts; readonly ring: Ring; readonly local: Joins["local"] },
  closes: Close[],
): Promise<void> {
  const { namespaces, searchAttributes, nexusEndpoints, deployments, queueConfigs, batchJobs, closedSessions } = parts;
  closes.push(() => member.close());
  await member.join({
    ...{ ring, local, resume: () => resume(parts, member) },
    registries: [namespaces, searchAttributes, nexusEndpoints, deployments, queueConfigs, batchJobs, closedSessions],
  });
}

/** Goes on with what an earlier process, or another node, has not finished. */
function resume({ batches, namespaceDeletions }: MadeParts, member?: ClusterMember): void {
  batches.resume();
  if (member?.node.isMine({ type: "duty", duty: "namespaces" }) !== false) namespaceDeletions.resume();
}

function openStore(
  { dbFilename, dbUrl, dbReceiptFile, sqlitePragmas, cluster }: OpenConfig,
  nodeId: string,
): Promise<Store> | Store {
  const node = cluster && { id: nodeId, leaseMs: leaseMsOf(cluster) };
  if (dbUrl !== undefined)
    return openDatabases(dbUrl, {
      ...(node && { node }),
      ...(dbReceiptFile !== undefined && { receiptFile: dbReceiptFile }),
    });
  if (dbFilename === undefined) return new MemoryStore();
  return SqliteStore.open({ filename: dbFilename, ...(sqlitePragmas && { pragmas: sqlitePragmas }) });
}

function clusterOf(
  { cluster: config }: OpenConfig,
  parts: Omit<MemberParts, "config" | "membership">,
): Promise<ClusterMember> | undefined {
  const { membership } = parts.store;
  return config && membership && ClusterMember.open({ ...parts, config, membership });
}

/** The store says by itself what is wrong with its file and what to do. */
function startFailureOf(error: unknown): unknown {
  return error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
}
