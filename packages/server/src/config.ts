/** What a server is started with. The command line and embedding code write it; `main.ts` reads it. */
import { isIP } from "node:net";
import type { StatusCode } from "@pawl/protocol";
import type { AddressRule } from "./address-rules.ts";
import type { Clock } from "./clock.ts";
import { clusterLimits } from "./limits.ts";
import type { Random } from "./random.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** The server itself, whether or not it listens anywhere. */
export interface OpenConfig {
  /** The SQLite file that keeps the state. Without it the state is in memory and ends with the process. */
  readonly dbFilename?: string;
  /** The PostgreSQL database that keeps the state, as `postgres://user:password@host:port/database`, instead of a file. */
  readonly dbUrl?: string;
  /** A file in which this server notes its last commits, so that the next one notices when the PostgreSQL database has been set back in between. Default: none. */
  readonly dbReceiptFile?: string;
  /** Pragmas of SQLite that override Pawl's own. */
  readonly sqlitePragmas?: Readonly<Record<string, string | number>>;
  /** Namespaces to make beside `default`, if they are not there. */
  readonly namespaces?: readonly string[];
  /** Search attributes to register in `default` and `namespaces`, name to type (`Keyword`, `Int`, …), if they are not there. */
  readonly searchAttributes?: Readonly<Record<string, string>>;
  /** Addresses that this server may call on behalf of users, for completion callbacks and external Nexus endpoints. Default: none. */
  readonly outsideAddresses?: readonly AddressRule[];

  /** Makes this server one node of several that share the PostgreSQL database. Default: it has the database for itself. */
  readonly cluster?: ClusterConfig;
  /** Further calls to answer, by their paths (`/service/Method`): what an embedding process adds to the API. */
  readonly furtherCalls?: ReadonlyMap<string, FurtherCall>;

  // For tests and embedding; by default the system's clock and random numbers.

  readonly clock?: Clock;
  /** How far ahead timers are read into memory. Default: 2 minutes. A server whose clock jumps must know all timers that it can jump to. */
  readonly timersAheadMs?: number;
  readonly random?: Random;
  /** Default: counts, and writes no log. */
  readonly telemetry?: Telemetry;
}

/** How a server takes part in a cluster. */
export interface ClusterConfig {
  /** The name by which operators know the node. Two processes may have the same, such as the old and the new one of a restart. */
  readonly name: string;
  /** Where it listens for other nodes. Default: 127.0.0.1 and a free port. */
  readonly ip?: string;
  readonly port?: number;
  /** Where other nodes reach it, as `host:port`, if that is another address. */
  readonly address?: string;
  /** How long other nodes wait for a sign of life of this one before they take over its shards. Default: 5 seconds. */
  readonly leaseMs?: number;
  /** Into how many partitions task queues are divided from now on, for all nodes. Default: unchanged; 1 in a new cluster. */
  readonly queuePartitions?: number;
  /** Nodes speak mutual TLS with each other. All of a cluster do, or none. Default: none. */
  readonly tls?: NodeTlsConfig;
}

/** Files in PEM, read again when they change, with which a node both answers the others and calls them. */
export interface NodeTlsConfig {
  /** The node's certificate, good for servers and for clients, with those between it and its authority. */
  readonly certPath: string;
  readonly keyPath: string;
  /** The authorities of all nodes' certificates. They should sign nobody else's. */
  readonly caPath: string;
  /** The name that every node's certificate has. Default: the host of the address at which the node is reached. */
  readonly serverName?: string;
}

/** A request's bytes in, a response's bytes out, or a status. Must not throw. */
export type FurtherCall = (
  request: Uint8Array,
  call: { readonly signal: AbortSignal },
) => Promise<Uint8Array | { readonly code: StatusCode; readonly message: string }>;

/** Where it listens for callers from other processes. */
export interface ListenConfig {
  /** The address to listen on; a name is looked up. Default 127.0.0.1. */
  readonly ip?: string;
  /** For gRPC. Default 7233; 0 takes a free one. */
  readonly port?: number;
  /** Serves Prometheus text at `/metrics`; 0 takes a free port. Without it nothing is served. */
  readonly metricsPort?: number;
  /** Serves the API as JSON over HTTP; 0 takes a free port. Without it nothing is served. */
  readonly httpPort?: number;
  /** The address by which callers reach the HTTP API, if that is another one, such as `https://pawl.example.org`. Links begin with it. */
  readonly httpPublicUrl?: string;
  /** Origins whose web pages may use the HTTP API, such as `https://console.example.org`. Default: none but its own. */
  readonly httpCorsOrigins?: readonly string[];
  /** Speaks TLS on the ports of gRPC, HTTP and the web UI. Default: none of them does. */
  readonly tls?: TlsConfig;
  /** How callers authenticate, and what they may do. Default: no authentication, and everybody may do everything. */
  readonly auth?: AuthConfig;
  /** The audit log: a line of JSON for each call that is refused or changes something; `-` is standard error. Needs `auth`. */
  readonly auditLogPath?: string;
  /** The number of calls per second for one namespace; further ones are refused and told when to try again. Default: no limit. */
  readonly namespaceRequestsPerSecond?: number;
  /** The number of connections, gRPC and HTTP together, over which one namespace may be called; calls over further ones are refused. Default: 10,000. */
  readonly namespaceConnectionsMax?: number;
  /** Serves a web UI, and the API beside it for its use; port 0 takes a free one. Without it nothing is served. */
  readonly ui?: { readonly port: number; readonly pages: WebPages };
  /** Allows listening for other machines without authentication (neither `auth` nor mutual TLS), which is refused otherwise. */
  readonly allowRemoteWithoutAuth?: boolean;
}

/** Files in PEM. They are read again when they change; connections that are open go on. */
export interface TlsConfig {
  /** The server's certificate, with those between it and its authority. */
  readonly certPath: string;
  readonly keyPath: string;
  /** The authorities of which callers must have a certificate (mutual TLS). Without it nobody needs one. */
  readonly clientCaPath?: string;
  /** What these authorities have revoked: one list of each. A list that is too old lets nobody in. */
  readonly clientCrlPath?: string;
}

/** Who may call. With any of these, whoever comes from another process must say who he is, and may do what he has been given alone. */
export interface AuthConfig {
  /** A file of API keys and names in certificates (`access/auth-file.ts`), read again when it changes. */
  readonly file?: string;
  readonly jwt?: JwtConfig;
}

export interface JwtConfig {
  /** The keys that tokens are signed with: a file that holds a JSON Web Key Set, or its URL. */
  readonly jwks: string;
  /** For whom tokens have to be (`aud`), because an issuer makes them for others, too. */
  readonly audience: string;
  /** Who has to have made them (`iss`). Default: whoever has the keys. */
  readonly issuer?: string;
  /** Where a token says what its bearer may do, as a list of `NAMESPACE:ROLE`. */
  readonly permissionsClaim: string;
}

/** What `startServer` takes: a server, and where it listens. */
export interface ServerConfig extends OpenConfig, ListenConfig {}

/** What stands behind a path, such as `/` or `/assets/main-1A2B.js`. `undefined`: nothing. */
export type WebPages = (path: string) => Promise<WebPage | undefined>;

/** An answer of the HTTP port to a browser. */
export interface WebPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Where a server listens that was not told where: this machine alone may connect. */
export const defaultIp = "127.0.0.1";
/** What stands in a namespace's place for a role in all namespaces and over the server itself (like the reference server): no namespace has this name. */
export const systemScope = "temporal-system";
/** For gRPC, as the reference server's. */
export const defaultPort = 7233;

/**
 * Why a server does not start, in one sentence for whoever started it. `usage`: what was asked for makes no sense, whatever the machine;
 * `environment`: something outside (a port, a file) is in the way.
 */
export class StartFailure extends Error {
  readonly reason: "usage" | "environment";
  constructor(reason: StartFailure["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartFailure";
    this.reason = reason;
  }
}

/** Throws `StartFailure`. */
export function checkConfig(config: ServerConfig): void {
  checkListenConfig(config);
  checkOpenConfig(config);
}

/** Throws `StartFailure`. */
export function checkOpenConfig({ dbFilename, dbUrl, cluster }: OpenConfig): void {
  if (dbFilename === "") throw new StartFailure("usage", "the database's file name is empty");
  if (cluster) checkCluster(cluster, dbUrl);
  if (dbUrl !== undefined && dbFilename !== undefined)
    throw new StartFailure("usage", "the state is in a file or in a database, and both are given");
}

function checkCluster(
  { name, port = 0, address, leaseMs, queuePartitions = 1, ip = defaultIp }: ClusterConfig,
  dbUrl: string | undefined,
): void {
  if (dbUrl === undefined) throw new StartFailure("usage", "nodes of a cluster share a PostgreSQL database: --db-url");
  if (name.trim() === "") throw new StartFailure("usage", "the node's name is empty");
  checkPorts({ "cluster port": port });
  if (address !== undefined && !/^\S+:\d{1,5}$/.test(address))
    throw new StartFailure("usage", `a node's address is host:port, not ${JSON.stringify(address)}`);
  if (address === undefined && ["0.0.0.0", "::"].includes(ip))
    throw new StartFailure(
      "usage",
      `${ip} is not an address at which others reach this node: --cluster-address says where they do`,
    );
  const { leaseMsMin, leaseMsMax, queuePartitionsMax } = clusterLimits;
  if (!Number.isInteger(queuePartitions) || queuePartitions < 1 || queuePartitions > queuePartitionsMax)
    throw new StartFailure("usage", `a task queue has 1 to ${queuePartitionsMax} partitions, not ${queuePartitions}`);
  if (leaseMs !== undefined && !(leaseMs >= leaseMsMin && leaseMs <= leaseMsMax))
    throw new StartFailure("usage", `a lease lasts ${leaseMsMin} to ${leaseMsMax} ms, not ${leaseMs}`);
}

/** Throws `StartFailure`. */
export function checkListenConfig({ ip = defaultIp, port = defaultPort, metricsPort, ...config }: ListenConfig): void {
  const { tls } = config;
  if (tls?.clientCrlPath !== undefined && tls.clientCaPath === undefined)
    throw new StartFailure("usage", "what is revoked are certificates of callers: say which authorities make them");
  checkPorts({
    port,
    "metrics port": metricsPort ?? 0,
    "HTTP port": config.httpPort ?? 0,
    "UI port": config.ui?.port ?? 0,
  });
  checkHttp(config);
  checkAuth(config);
  const { namespaceRequestsPerSecond: rate = 1 } = config;
  if (!(rate > 0 && Number.isFinite(rate)))
    throw new StartFailure("usage", `calls of a namespace in a second are a number above 0, not ${rate}`);
  const { namespaceConnectionsMax: connections = 1 } = config;
  if (!(connections > 0 && Number.isSafeInteger(connections)))
    throw new StartFailure("usage", `connections of a namespace are a whole number above 0, not ${connections}`);
  const asksWho = config.auth !== undefined || config.tls?.clientCaPath !== undefined;
  if (!config.allowRemoteWithoutAuth && !asksWho && !isLoopback(ip))
    throw new StartFailure(
      "usage",
      `${ip} can be reached from other machines, and this server asks nobody who they are; listen on ${defaultIp}, say who may call with --auth-file, --auth-jwks or --tls-client-ca-path, or pass --allow-remote-without-auth if the network keeps strangers out`,
    );
}

function checkAuth({ auth, auditLogPath }: ListenConfig): void {
  if (auditLogPath !== undefined && !auth)
    throw new StartFailure("usage", "an audit log says who did what, which needs --auth-file or --auth-jwks");
  const jwks = auth?.jwt?.jwks;
  if (jwks === undefined || !/^http:/i.test(jwks)) return;
  if (!URL.canParse(jwks) || !isLoopback(new URL(jwks).hostname))
    throw new StartFailure("usage", "the keys that tokens are signed with are fetched by https:// or read from a file");
}

function checkPorts(ports: Readonly<Record<string, number>>): void {
  const taken = new Map<number, string>();
  for (const [what, port] of Object.entries(ports)) {
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw new StartFailure("usage", `the ${what} is a whole number from 0 to 65535, not ${port}`);
    const other = taken.get(port);
    if (port !== 0 && other !== undefined)
      throw new StartFailure("usage", `the ${what} must differ from the ${other}, and both are ${port}`);
    taken.set(port, what);
  }
}

function checkHttp({ httpPublicUrl: publicUrl, httpCorsOrigins: origins = [] }: ListenConfig): void {
  const isHttp = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (publicUrl !== undefined && !(isHttp(publicUrl) && /^[^?#]*$/.test(publicUrl)))
    throw new StartFailure(
      "usage",
      `the public URL is such as https://pawl.example.org, not ${JSON.stringify(publicUrl)}`,
    );
  const wrong = origins.find((origin) => !isHttp(origin) || new URL(origin).origin !== origin);
  if (wrong !== undefined)
    throw new StartFailure("usage", `an origin is such as https://console.example.org, not ${JSON.stringify(wrong)}`);
}

/** Addresses that only this machine reaches. */
export function isLoopback(ip: string): boolean {
  if (ip === "localhost" || ip === "::1") return true;
  return isIP(ip) === 4 && ip.startsWith("127.");
}
