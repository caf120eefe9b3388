/** The ports of a server: gRPC always, JSON over HTTP, the web UI and metrics when asked for. All of them open, or none does. */
import { lookup } from "node:dns/promises";
import { Access } from "./access/access.ts";
import type { ClosedSessions } from "./access/session.ts";
import { accessOf } from "./access/table.ts";
import { namespaceOf } from "./access/target.ts";
import {
  checkListenConfig,
  defaultIp,
  defaultPort,
  isLoopback,
  type ListenConfig,
  StartFailure,
  type WebPages,
} from "./config.ts";
import { Admission } from "./frontend/admission.ts";
import type { Parts } from "./frontend/parts.ts";
import type { Exchange } from "./http/exchange.ts";
import { Guard } from "./http/guard.ts";
import { HttpServer } from "./http/http-server.ts";
import { sessionRoutes } from "./http/route/session-routes.ts";
import { type Route, RouteTable } from "./http/route-table.ts";
import { servedRoutes } from "./http/served-routes.ts";
import type { CallParts } from "./rpc/call.ts";
import { GrpcServer } from "./rpc/grpc-server.ts";
import type { Health } from "./rpc/health.ts";
import { MetricsServer } from "./rpc/metrics-server.ts";
import type { Routes } from "./rpc/transport.ts";
import { MetricsHistory } from "./telemetry/metrics-history.ts";
import { Tls } from "./tls.ts";

/** Where a server can be reached. */
export interface Listening {
  readonly ip: string;
  readonly port: number;
  readonly metricsPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly uiPort: number | undefined;
  /** Whether gRPC, HTTP and the web UI speak TLS. */
  readonly isSecure: boolean;
}

export interface ListenersParts extends Parts {
  /** For callers who need nobody's leave. */
  readonly routes: Routes;
  /** For callers from other processes. */
  readonly routesOf: (entry: Pick<CallParts, "gate" | "admission">) => Routes;
  /** The methods behind which there is a handler. */
  readonly served: ReadonlySet<string>;
  readonly health: Health;
  readonly closedSessions: ClosedSessions;
}

interface Listener {
  /** Throws what the socket says when the address is taken. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Lets what is under way finish within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** What all ports have in common. */
interface Door {
  readonly tls: Tls | undefined;
  readonly access: Access | undefined;
  readonly admission: Admission;
  readonly routes: Routes;
}

type State =
  | { readonly type: "silent" }
  | { readonly type: "opening"; readonly done: Promise<unknown> }
  | {
      readonly type: "listening";
      /** `host:port` of gRPC. */
      readonly address: string;
      /** Without a slash at its end. */
      readonly httpUrl: string | undefined;
      readonly listeners: readonly Listener[];
      readonly tls: Tls | undefined;
      readonly access: Access | undefined;
    }
  | { readonly type: "stopped" };

export class Listeners {
  readonly #parts: ListenersParts;
  readonly #metricsHistory: MetricsHistory;
  #state: State = { type: "silent" };

  constructor(parts: ListenersParts) {
    this.#parts = parts;
    const { metrics } = parts.telemetry;
    this.#metricsHistory = new MetricsHistory({ metrics, clock: parts.clock });
  }

  /** That of gRPC, as `host:port`; "" when nothing listens. */
  get address(): string {
    return this.#state.type === "listening" ? this.#state.address : "";
  }

  /** The URL of this path of the HTTP API, as callers outside reach it; undefined when it is not served. */
  httpUrl(path: string): string | undefined {
    return this.#state.type === "listening" && this.#state.httpUrl !== undefined
      ? this.#state.httpUrl + path
      : undefined;
  }

  /** Throws `StartFailure`; then nothing listens. */
  async open(config: ListenConfig): Promise<Listening> {
    checkListenConfig(config);
    if (this.#state.type === "stopped") throw new StartFailure("usage", "this server has been closed");
    if (this.#state.type !== "silent") throw new StartFailure("usage", "this server listens already");
    const opening = this.#open(config);
    this.#state = { type: "opening", done: opening.catch(() => {}) };
    try {
      const { listening, listeners, tls, access } = await opening;
      const address = `${listening.ip}:${listening.port}`;
      this.#state = { type: "listening", address, httpUrl: httpUrlOf(config, listening), listeners, tls, access };
      const { telemetry, store, namespaces } = this.#parts;
      telemetry.log.info("server ready", { ...listening, store: store.kind, namespaces: namespaces.all().length });
      if (store.kind === "memory")
        telemetry.log.warn("state is kept in memory only: nothing survives the end of this process");
      return listening;
    } catch (error) {
      this.#state = { type: "silent" };
      throw error;
    }
  }

  /** Reads the files again that may be exchanged while the server runs. Resolves to whether all of them make sense. */
  async reload(): Promise<boolean> {
    if (this.#state.type !== "listening") return true;
    const read = await Promise.all([this.#state.tls?.reload(), this.#state.access?.reload()]);
    return !read.includes(false);
  }

  /** Takes no new calls and lets those under way finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (this.#state.type === "opening") await this.#state.done;
    const { listeners, tls, access } =
      this.#state.type === "listening" ? this.#state : { listeners: [], tls: undefined, access: undefined };
    this.#state = { type: "stopped" };
    this.#metricsHistory.close();
    tls?.close();
    const isMetrics = (listener: Listener) => listener instanceof MetricsServer;
    const stopAll = (some: readonly Listener[]) => Promise.all(some.map((listener) => listener.stop(graceMs)));
    await stopAll(listeners.filter((listener) => !isMetrics(listener)));
    await access?.close();
    await stopAll(listeners.filter(isMetrics)); // last: how a server drains is worth seeing
  }

  async #open(config: ListenConfig) {
    const { ip = defaultIp, port = defaultPort, metricsPort, httpPort, ui } = config;
    const host = await hostOf(ip);
    const listeners: Listener[] = [];
    const listen = async (listener: Listener, wanted: number) => {
      const { port } = await listenOn(listener, { host, ip, port: wanted });
      listeners.push(listener);
      return port;
    };
    const { clock, random, telemetry } = this.#parts;
    const { log } = telemetry;
    const tls = config.tls && (await Tls.open(config.tls, { clock, log }));
    let access: Access | undefined;
    try {
      access =
        config.auth &&
        (await Access.open(config.auth, config.auditLogPath, { ...this.#parts, log, isSecure: isSecure(config) }));
      const gate = access?.gate;
      const admission = new Admission({
        ...{ ...this.#parts, requestsPerSecond: config.namespaceRequestsPerSecond },
        connectionsMax: config.namespaceConnectionsMax,
        namespaceOf: (method, request) => {
          const row = accessOf(method);
          return row?.of === "namespace" ? namespaceOf(this.#parts, row, request) : "";
        },
      });
      const routes = this.#parts.routesOf({ gate, admission });
      const door: Door = { tls, access, admission, routes };
      const metrics = metricsPort === undefined ? undefined : new MetricsServer(telemetry.metrics, this.#parts.health);
      const http = httpPort === undefined ? undefined : this.#httpServer(config, door);
      const listening = {
        ip,
        metricsPort: metrics && (await listen(metrics, metricsPort!)),
        httpPort: http && (await listen(http, httpPort!)),
        uiPort: ui && (await listen(this.#uiServer(config, ui.pages, door), ui.port)),
        port: await listen(new GrpcServer({ routes, clock, random, telemetry, tls, gate }), port),
        isSecure: tls !== undefined,
      };
      if (http || ui) this.#metricsHistory.open();
      return { listening, listeners, tls, access };
    } catch (error) {
      tls?.close();
      await access?.close();
      await Promise.all(listeners.map((listener) => listener.stop(0)));
      throw error;
    }
  }

  #httpServer(config: ListenConfig, door: Door) {
    const { clock, random, telemetry } = this.#parts;
    const routes = new RouteTable(this.#served(config, door));
    const { tls, access, admission } = door;
    const entry = { guard: guardOf(config), tls, gate: access?.gate, admission };
    return new HttpServer({ name: "http", routes, ...entry, clock, random, telemetry });
  }

  /** The API's routes without `/api` would stand where pages do. */
  #uiServer(config: ListenConfig, pages: WebPages, door: Door) {
    const { clock, random, telemetry } = this.#parts;
    const isBesidePages = ({ template, shape }: Route) => template.startsWith("/api/") || shape.type === "own";
    const beside = this.#served(config, door).filter(isBesidePages);
    const session = door.access ? sessionRoutes(door.access) : [];
    const routes = new RouteTable([...beside, ...session]);
    const elsewhere = async ({ verb, path }: Exchange) => (verb === "GET" || verb === "HEAD" ? pages(path) : undefined);
    const { tls, access, admission } = door;
    const entry = { guard: guardOf(config), tls, gate: access?.gate, admission };
    return new HttpServer({ name: "ui", routes, ...entry, elsewhere, clock, random, telemetry });
  }

  #served({ httpPublicUrl: publicUrl }: ListenConfig, { routes, access }: Door): Route[] {
    const { served, routes: trusted } = this.#parts;
    const unary = { unary: routes.unary, trustedUnary: trusted.unary };
    const metricsHistory = this.#metricsHistory;
    return servedRoutes({ ...this.#parts, ...unary, served, publicUrl, metricsHistory, gate: access?.gate });
  }
}

/** Whether callers reach this server over TLS, be it a proxy's. */
function isSecure({ tls, httpPublicUrl }: ListenConfig): boolean {
  return tls !== undefined || /^https:/i.test(httpPublicUrl ?? "");
}

function guardOf({ ip = defaultIp, httpPublicUrl: publicUrl, httpCorsOrigins: corsOrigins = [] }: ListenConfig): Guard {
  return new Guard({ ip, isLoopback: isLoopback(ip), publicUrl, corsOrigins });
}

function httpUrlOf({ httpPublicUrl }: ListenConfig, { ip, httpPort, isSecure }: Listening): string | undefined {
  if (httpPort === undefined) return undefined;
  return (httpPublicUrl ?? `${isSecure ? "https" : "http"}://${ip.includes(":") ? `[${ip}]` : ip}:${httpPort}`).replace(
    /\/$/,
    "",
  );
}

async function hostOf(ip: string): Promise<string> {
  try {
    return (await lookup(ip, { order: "ipv4first" })).address;
  } catch (error) {
    throw new StartFailure("usage", `${JSON.stringify(ip)} is not an address of this machine`, { cause: error });
  }
}

async function listenOn(listener: Listener, { host, ip, port }: { host: string; ip: string; port: number }) {
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
            ? `${ip} is not an address of this machine`
            : `cannot listen on ${address}: ${message}`;
    throw new StartFailure("environment", why, { cause: error });
  }
}
