/**
 * The only place that constructs and joins the parts of a server, and takes them apart in the opposite order.
 *
 *   store ─▶ namespaces, tokens, cluster ─▶ matching ─▶ ring (gives tasks to matching) ─▶ handlers ─▶ gRPC, HTTP
 */
import { lookup } from "node:dns/promises";
import { methods } from "@pawl/protocol";
import { MemoryStore, SqliteStore, type Store, StoreError } from "@pawl/store";
import { AddressRules } from "./address-rules.ts";
import { systemClock } from "./clock.ts";
import { checkConfig, defaultIp, defaultPort, isLoopback, type ServerConfig, StartFailure } from "./config.ts";
import { loadBatchJobs } from "./frontend/batch-job.ts";
import { BatchRunner } from "./frontend/batch-runner.ts";
import { DeploymentRegistry } from "./frontend/deployment-registry.ts";
import { handlersOf, performerOf } from "./frontend/handlers.ts";
import { draftOf } from "./frontend/namespace.ts";
import { NamespaceDeletions } from "./frontend/namespace-deletion.ts";
import { NamespaceRegistry } from "./frontend/namespace-registry.ts";
import { NexusEndpointRegistry } from "./frontend/nexus-endpoint-registry.ts";
import { NexusTasks } from "./frontend/nexus-tasks.ts";
import { type Parts, Rejection, type Started } from "./frontend/parts.ts";
import { QueryRegistry } from "./frontend/query-registry.ts";
import { typeOfName } from "./frontend/search-attribute.ts";
import { SearchAttributeRegistry } from "./frontend/search-attribute-registry.ts";
import { loadCluster } from "./frontend/system.ts";
import { TaskQueueConfigs } from "./frontend/task-queue-config.ts";
import { Tokens } from "./frontend/tokens.ts";
import { Guard } from "./http/guard.ts";
import { HttpServer } from "./http/http-server.ts";
import { RouteTable } from "./http/route-table.ts";
import { servedRoutes } from "./http/served-routes.ts";
import { limits, shardLimits } from "./limits.ts";
import { Matching } from "./matching/matching.ts";
import { callbackPath } from "./nexus/incoming.ts";
import { OutsideCalls } from "./nexus/outside-calls.ts";
import { systemRandom } from "./random.ts";
import { unaryRoutes } from "./rpc/call.ts";
import { GrpcServer } from "./rpc/grpc-server.ts";
import { Health } from "./rpc/health.ts";
import { MetricsServer } from "./rpc/metrics-server.ts";
import { reflectionRoutes } from "./rpc/reflection.ts";
import type { Routes } from "./rpc/transport.ts";
import { Ring } from "./shard/ring.ts";
import { quietTelemetry, type Telemetry } from "./telemetry.ts";

export interface RunningServer {
  readonly ip: string;
  readonly port: number;
  readonly metricsPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly storeKind: Store["kind"];
  /** Stops taking work, lets what is under way finish, and closes the store. Calling it again waits for the same stop. */
  stop(): Promise<void>;
}

type Close = () => void | Promise<void>;

/** Throws `StartFailure`; then nothing is left open. */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  checkConfig(config);
  const closes: Close[] = [];
  const closeAll = async () => {
    for (const close of closes.splice(0).reverse()) await close();
  };
  try {
    const { ready, store } = await open(config, closes);
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= closeAll();
      return stopping;
    };
    return { ...ready, storeKind: store.kind, stop };
  } catch (error) {
    await closeAll();
    throw startFailureOf(error);
  }
}

async function open(config: ServerConfig, closes: Close[]) {
  const { clock = systemClock, random = systemRandom, telemetry = quietTelemetry() } = config;
  const { log } = telemetry;
  const store = await openStore(config);
  closes.push(() => store.close());
  const shardCount = shardLimits.embeddedShards;
  const cluster = await loadCluster(store, random, { shardCount, address: addressOf(config) });
  const namespaces = await NamespaceRegistry.load(store, random);
  const tokens = await Tokens.load(store);
  const searchAttributes = await SearchAttributeRegistry.load(store);
  const nexusEndpoints = await NexusEndpointRegistry.load({ store, random, clock });
  await makeNamespaces(namespaces, ["default", ...(config.namespaces ?? [])]);
  await registerSearchAttributes(searchAttributes, namespaces, config.searchAttributes ?? {});

  const deployments = await DeploymentRegistry.load(store);
  const matching = new Matching<Started>(clock, deployments);
  deployments.watch((namespaceId, taskQueues) => matching.reroute(namespaceId, taskQueues));
  const queueConfigs = await TaskQueueConfigs.load(store, matching, clock);
  const calls = new OutsideCalls();
  const ring = await Ring.open({
    ...{ store, clock, random, dispatcher: matching, routing: deployments, shardCount },
    owner: random.uuid(),
    cacheBytesMax: shardLimits.cacheBytesMax,
    retentionMs: (namespaceId) => {
      const namespace = namespaces.byId(namespaceId);
      return namespace instanceof Rejection ? limits.retentionMsDefault : namespace.retentionMs;
    },
    onFault: (what, error) => log.error("shard fault", { what, error }),
    call: (call) => calls.make(call),
    ...commitCounts(telemetry),
  });
  closes.push(() => ring.close());
  closes.push(() => calls.close());
  // Before the ring closes, so that no task is reserved for a poller that is sent away.
  closes.push(() => matching.close());
  watchRing(ring, telemetry);
  const batchJobs = await loadBatchJobs(store);
  const batches = new BatchRunner({ ring, store, clock, batchJobs, namespaces, searchAttributes, telemetry });
  closes.push(() => batches.close());
  const namespaceDeletions = new NamespaceDeletions({
    ...{ ring, store, namespaces, clock },
    forgetters: [batches, searchAttributes, queueConfigs, deployments, matching],
    onFault: (what, error) => log.error("namespace fault", { what, error }),
  });
  closes.push(() => namespaceDeletions.close());
  namespaceDeletions.resume();

  const registries = {
    namespaces,
    batchJobs,
    batches,
    searchAttributes,
    nexusEndpoints,
    nexusTasks: new NexusTasks({ matching, clock, random }),
    queueConfigs,
    deployments,
    namespaceDeletions,
    queries: new QueryRegistry(),
  };
  const addresses = new AddressRules(config.outsideAddresses);
  const parts: Parts = { ring, matching, store, ...registries, tokens, addresses, clock, random, cluster, telemetry };
  const ready = await serve(config, parts, closes);
  const callbackUrl = callbackUrlOf(config, ready);
  const onFault = (what: string, error: unknown) => log.error("outside call fault", { what, error });
  calls.open({ ...parts, ...(callbackUrl && { callbackUrl }), onFault });
  log.info("server ready", { ...ready, store: store.kind, namespaces: namespaces.all().length });
  if (store.kind === "memory") log.warn("state is kept in memory only: nothing survives the end of this process");
  return { ready, store };
}

/** From here on callers are heard. */
async function serve(config: ServerConfig, parts: Parts, closes: Close[]) {
  const { clock, random, telemetry } = parts;
  const services = new Set(Object.values(methods).map(({ service }) => service));
  const health = new Health(services);
  const handlers = handlersOf(parts);
  parts.batches.open(performerOf(handlers));
  const routes: Routes = {
    unary: new Map([...unaryRoutes(handlers, { telemetry, random }), ...health.routes.unary]),
    streaming: new Map([...health.routes.streaming, ...reflectionRoutes([...services, "grpc.health.v1.Health"])]),
  };
  const ip = config.ip ?? defaultIp;
  const host = await hostOf(ip);
  let metricsPort: number | undefined;
  if (config.metricsPort !== undefined) {
    const metrics = new MetricsServer(telemetry.metrics);
    metricsPort = (await listen(metrics, { host, ip, port: config.metricsPort })).port;
    closes.push(() => metrics.stop());
  }
  const http = httpServer(config, parts, routes, new Set(Object.keys(handlers)));
  const httpPort = http && (await listen(http, { host, ip, port: config.httpPort! })).port;
  if (http) closes.push(() => http.stop(0));
  const grpc = new GrpcServer({ routes, clock, random, telemetry });
  const { port } = await listen(grpc, { host, ip, port: config.port ?? defaultPort });
  closes.push(async () => {
    health.set("notServing");
    await Promise.all([grpc.stop(limits.drainMsMax), http?.stop(limits.drainMsMax)]);
  });
  health.set("serving");
  return { ip, port, metricsPort, httpPort };
}

function httpServer(config: ServerConfig, parts: Parts, { unary }: Routes, served: ReadonlySet<string>) {
  const { ip = defaultIp, httpPort, httpPublicUrl: publicUrl, httpCorsOrigins: corsOrigins = [] } = config;
  if (httpPort === undefined) return undefined;
  const guard = new Guard({ ip, isLoopback: isLoopback(ip), publicUrl, corsOrigins });
  const { clock, random, telemetry } = parts;
  const routes = new RouteTable(servedRoutes({ ...parts, unary, served, publicUrl }));
  return new HttpServer({ routes, guard, clock, random, telemetry });
}

/** Where callers outside reach this server's routes for them, if they can. */
function callbackUrlOf(
  { httpPublicUrl }: ServerConfig,
  { ip, httpPort }: { ip: string; httpPort: number | undefined },
) {
  if (httpPort === undefined) return undefined;
  const base = (httpPublicUrl ?? `http://${ip.includes(":") ? `[${ip}]` : ip}:${httpPort}`).replace(/\/$/, "");
  return (namespace: string) => `${base}${callbackPath(namespace)}`;
}

function addressOf({ ip = defaultIp, port = defaultPort }: ServerConfig): string {
  return `${ip}:${port}`;
}

function openStore({ dbFilename, sqlitePragmas }: ServerConfig): Promise<Store> | Store {
  if (dbFilename === undefined) return new MemoryStore();
  return SqliteStore.open({ filename: dbFilename, ...(sqlitePragmas && { pragmas: sqlitePragmas }) });
}

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[]): Promise<void> {
  for (const name of new Set(names)) {
    if (namespaces.find(name)) continue;
    const seconds = limits.retentionMsDefault / 1_000;
    const draft = draftOf({ namespace: name, workflowExecutionRetentionPeriod: { seconds, nanos: 0 } });
    const made = draft instanceof Rejection ? draft : await namespaces.create(draft);
    if (made instanceof Rejection)
      throw new StartFailure("usage", `namespace ${JSON.stringify(name)}: ${made.message}`);
  }
}

async function registerSearchAttributes(
  custom: SearchAttributeRegistry,
  namespaces: NamespaceRegistry,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const types = Object.entries(wanted).map(([name, text]) => {
    const type = typeOfName(text);
    if (type === undefined)
      throw new StartFailure("usage", `search attribute ${name}: there is no type ${JSON.stringify(text)}`);
    return [name, type] as const;
  });
  if (types.length === 0) return;
  const refused = await custom.add(namespaces.find("default")!, Object.fromEntries(types));
  if (refused) throw new StartFailure("usage", refused.message);
}

function commitCounts({ metrics }: Telemetry) {
  const commits = metrics.counter("shard_commits", "Commits of shards; one holds many commands.");
  const commands = metrics.counter("shard_commands", "Commands in those commits.");
  const writes = metrics.counter("shard_writes", "Rows written by those commits.");
  return {
    onCommit: (commit: { readonly commands: number; readonly writes: number }) => {
      commits.add();
      commands.add(commit.commands);
      writes.add(commit.writes);
    },
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

async function hostOf(ip: string): Promise<string> {
  try {
    return (await lookup(ip, { order: "ipv4first" })).address;
  } catch (error) {
    throw new StartFailure("usage", `${JSON.stringify(ip)} is no address of this machine`, { cause: error });
  }
}

interface Listener {
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
}

async function listen(listener: Listener, { host, ip, port }: { host: string; ip: string; port: number }) {
  try {
    return await listener.listen({ host, port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const address = `${ip}:${port}`;
    const why =
      code === "EADDRINUSE"
        ? `port ${port} on ${ip} is in use; stop what listens there or choose another port`
        : code === "EACCES"
          ? `listening on ${address} is not allowed for this user`
          : code === "EADDRNOTAVAIL"
            ? `${ip} is no address of this machine`
            : `cannot listen on ${address}: ${message}`;
    throw new StartFailure("environment", why, { cause: error });
  }
}

/** The store says by itself what is wrong with its file and what to do. */
function startFailureOf(error: unknown): unknown {
  return error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
}
