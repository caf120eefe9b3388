/**
 * The only place that constructs and joins the parts of a server, and takes them apart in the opposite order.
 *
 *   store ─▶ namespaces, tokens, cluster ─▶ matching ─▶ ring (gives tasks to matching) ─▶ handlers ─▶ calls: direct, gRPC, HTTP
 */
import { Rejection } from "@pawl/engine";
import { confirmWorkflowTaskPath, methods } from "@pawl/protocol";
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
import { type ClosedSessions, loadClosedSessions } from "./access/session.ts";
import { AddressRules } from "./address-rules.ts";
import { systemClock } from "./clock.ts";
import { ClusterMember, type Joins, leaseMsOf, type MemberParts } from "./cluster/member.ts";
import {
  checkConfig,
  checkOpenConfig,
  type FurtherCall,
  type ListenConfig,
  type OpenConfig,
  type ServerConfig,
  StartFailure,
} from "./config.ts";
import { loadBatchJobs } from "./frontend/batch/batch-job.ts";
import { BatchRunner } from "./frontend/batch/batch-runner.ts";
import { DeploymentRegistry } from "./frontend/deployment/deployment-registry.ts";
import { handlersOf, performerOf } from "./frontend/handlers.ts";
import { draftOf } from "./frontend/namespace/namespace.ts";
import { NamespaceDeletions } from "./frontend/namespace/namespace-deletion.ts";
import { type Namespace, NamespaceRegistry } from "./frontend/namespace/namespace-registry.ts";
import { NexusEndpointRegistry } from "./frontend/nexus/nexus-endpoint-registry.ts";
import { NexusTasks } from "./frontend/nexus/nexus-tasks.ts";
import type { Cluster, Parts } from "./frontend/parts.ts";
import { loadShardCount } from "./frontend/shard-count.ts";
import { loadCluster } from "./frontend/system.ts";
import { Tokens } from "./frontend/tokens.ts";
import { typeOfName } from "./frontend/visibility/search-attribute.ts";
import { SearchAttributeRegistry } from "./frontend/visibility/search-attribute-registry.ts";
import { TaskQueueConfigs } from "./frontend/worker/task-queue-config.ts";
import { confirmWorkflowTask } from "./frontend/workflow/confirm-task.ts";
import { QueryRegistry } from "./frontend/workflow/query-registry.ts";
import { limits, shardLimits } from "./limits.ts";
import { Listeners, type Listening } from "./listeners.ts";
import { Matching } from "./matching/matching.ts";
import { callbackPath } from "./nexus/incoming.ts";
import { OutsideCalls } from "./nexus/outside-calls.ts";
import { systemRandom } from "./random.ts";
import { type CallParts, faultStatus, statusOf, unaryRoutes } from "./rpc/call.ts";
import { type DirectCallOptions, DirectTransport } from "./rpc/direct-transport.ts";
import { Health } from "./rpc/health.ts";
import { reflectionRoutes } from "./rpc/reflection.ts";
import type { Routes, Status, Unary } from "./rpc/transport.ts";
import { commitMetrics, failedCommitMetrics } from "./shard/commit-metrics.ts";
import type { Started } from "./shard/dispatcher.ts";
import { Ring, type RingParts } from "./shard/ring.ts";
import type { Standing } from "./shard/standing.ts";
import { quietTelemetry, type Telemetry } from "./telemetry/telemetry.ts";

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

/** Handlers begin batch operations; only here are they opened, resumed and closed. */
interface MadeParts extends Parts {
  readonly batches: BatchRunner;
  readonly closedSessions: ClosedSessions;
}

async function open(config: OpenConfig, closes: Close[]) {
  const { clock = systemClock, random = systemRandom, telemetry = quietTelemetry() } = config;
  const { log } = telemetry;
  const nodeId = random.uuid();
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

/** What users have registered, with what the configuration asks for. */
async function loadRegistered(
  { namespaces: names = [], searchAttributes: wanted = {} }: OpenConfig,
  { store, random, clock }: Pick<Parts, "store" | "random" | "clock">,
) {
  const namespaces = await NamespaceRegistry.load(store, random);
  const tokens = await Tokens.load(store);
  const searchAttributes = await SearchAttributeRegistry.load(store);
  const nexusEndpoints = await NexusEndpointRegistry.load({ store, random, clock });
  const all = ["default", ...names];
  await makeNamespaces(namespaces, all);
  const made = all.map((name) => namespaces.find(name)!);
  await registerSearchAttributes(searchAttributes, made, wanted);
  return { namespaces, tokens, searchAttributes, nexusEndpoints, deployments: await DeploymentRegistry.load(store) };
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

/** What answers calls, whichever way they come in. */
function answering(parts: MadeParts, member: ClusterMember | undefined, further: ReadonlyMap<string, FurtherCall>) {
  const { clock, random, telemetry } = parts;
  const services = new Set(Object.values(methods).map(({ service }) => service));
  const health = new Health(services);
  const handlers = handlersOf(parts);
  parts.batches.open(performerOf(handlers));
  const served = member?.forwarding(handlers, parts) ?? handlers;
  const routesOf = (entry: Pick<CallParts, "gate" | "admission">): Routes => ({
    unary: new Map<string, Unary>([
      ...unaryRoutes(served, { telemetry, random, ...entry }),
      ...health.routes.unary,
      // Calls that are not the API's have no place in what callers may be permitted.
      ...(entry.gate ? [] : further),
    ]),
    streaming: new Map([...health.routes.streaming, ...reflectionRoutes([...services, "grpc.health.v1.Health"])]),
  });
  // Whoever calls from within this process needs nobody's leave.
  const routes = routesOf({});
  const confirm: Unary = async (taskToken) => {
    const refused = await confirmWorkflowTask(parts, taskToken);
    return refused ? statusOf(refused) : new Uint8Array(0);
  };
  const direct = new DirectTransport({
    ...{ clock, routes: { ...routes, unary: new Map([...routes.unary, [confirmWorkflowTaskPath, confirm]]) } },
    onFault: (path, error) => faultStatus(path, error, { telemetry, random }),
  });
  const listeners = new Listeners({ ...parts, routes, routesOf, health, served: new Set(Object.keys(handlers)) });
  return {
    ...{ direct, listeners },
    /** Without asking other nodes, nor who calls. */
    local: unaryRoutes(handlers, { telemetry, random }),
    open: () => health.set("serving"),
    close: async () => {
      health.set("notServing");
      await Promise.all([direct.stop(limits.drainMsMax), listeners.stop(limits.drainMsMax)]);
    },
  };
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

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[]): Promise<void> {
  for (const name of new Set(names)) {
    if (namespaces.find(name)) continue;
    const seconds = limits.retentionMsDefault / 1_000;
    const draft = draftOf({ namespace: name, workflowExecutionRetentionPeriod: { seconds, nanos: 0 } });
    const made = draft instanceof Rejection ? draft : await namespaces.create(draft);
    // Another node that starts in this moment may have made it.
    if (made instanceof Rejection && made.code !== "ALREADY_EXISTS")
      throw new StartFailure("usage", `namespace ${JSON.stringify(name)}: ${made.message}`);
  }
}

async function registerSearchAttributes(
  custom: SearchAttributeRegistry,
  namespaces: readonly Namespace[],
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const types = Object.entries(wanted).map(([name, text]) => {
    const type = typeOfName(text);
    if (type === undefined)
      throw new StartFailure("usage", `search attribute ${name}: there is no type ${JSON.stringify(text)}`);
    return [name, type] as const;
  });
  if (types.length === 0) return;
  for (const namespace of namespaces) {
    const refused = await custom.add(namespace, Object.fromEntries(types));
    if (refused) throw new StartFailure("usage", refused.message);
  }
}

function retentionOf(namespaces: NamespaceRegistry): RingParts["retentionMs"] {
  return (namespaceId) => {
    const namespace = namespaces.byId(namespaceId);
    return namespace instanceof Rejection ? limits.retentionMsDefault : namespace.retentionMs;
  };
}

/** What shards tell of themselves. */
function shardEvents({
  metrics,
  log,
  stopwatchMs,
}: Telemetry): Pick<RingParts, "onFault" | "onLarge" | "onCommit" | "onFailedCommit" | "stopwatchMs"> {
  return {
    stopwatchMs,
    onFault: (what, error) => log.error("shard fault", { what, error }),
    onLarge: ({ key: { businessId, namespaceId }, what, ended, ...figures }) =>
      log.warn(`${what} exceeds ${ended ? "error" : "warn"} limit`, {
        namespaceId,
        workflowId: businessId,
        ...figures,
      }),
    onCommit: commitMetrics(metrics),
    onFailedCommit: failedCommitMetrics(metrics),
  };
}

function watchRing(ring: Ring, { metrics }: Telemetry): void {
  metrics.gauge(
    "cache_workflows",
    "Workflows and other executions whose state is in memory.",
    () => ring.cached.executions,
  );
  metrics.gauge("cache_bytes", "What they take, by the cache's own estimate.", () => ring.cached.bytes);
  metrics.gauge("timers_armed", "Runs that fall due soon.", () => ring.cached.timers);
  metrics.gauge("process_resident_memory_bytes", "Memory of the whole process.", () => process.memoryUsage.rss());
}

function watchQueues(matching: Matching<Started>, { metrics }: Telemetry): void {
  metrics.gauge("approximate_backlog_count", "Tasks that wait for a worker.", () => matching.backlog.count);
  metrics.gauge(
    "approximate_backlog_age_seconds",
    "How long the one has waited that waits longest.",
    () => matching.backlog.ageMs / 1_000,
  );
}

/** The store says by itself what is wrong with its file and what to do. */
function startFailureOf(error: unknown): unknown {
  return error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
}
