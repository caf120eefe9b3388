/** The ports of a server: gRPC always, JSON over HTTP, the web UI and metrics when asked for. All of them open, or none does. */
import { lookup } from "node:dns/promises";
import {
  checkListenConfig,
  defaultIp,
  defaultPort,
  isLoopback,
  type ListenConfig,
  StartFailure,
  type WebPages,
} from "./config.ts";
import type { Parts } from "./frontend/parts.ts";
import type { Exchange } from "./http/exchange.ts";
import { Guard } from "./http/guard.ts";
import { HttpServer } from "./http/http-server.ts";
import { type Route, RouteTable } from "./http/route-table.ts";
import { servedRoutes } from "./http/served-routes.ts";
import { GrpcServer } from "./rpc/grpc-server.ts";
import { MetricsServer } from "./rpc/metrics-server.ts";
import type { Routes } from "./rpc/transport.ts";
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
  readonly routes: Routes;
  /** The methods behind which there is a handler. */
  readonly served: ReadonlySet<string>;
}

interface Listener {
  /** Throws what the socket says when the address is taken. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Lets what is under way finish within `graceMs`. */
  stop(graceMs: number): Promise<void>;
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
    }
  | { readonly type: "stopped" };

export class Listeners {
  readonly #parts: ListenersParts;
  #state: State = { type: "silent" };

  constructor(parts: ListenersParts) {
    this.#parts = parts;
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
      const { listening, listeners, tls } = await opening;
      const address = `${listening.ip}:${listening.port}`;
      this.#state = { type: "listening", address, httpUrl: httpUrlOf(config, listening), listeners, tls };
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
    return this.#state.type !== "listening" || (await this.#state.tls?.reload()) !== false;
  }

  /** Takes no new calls and lets those under way finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (this.#state.type === "opening") await this.#state.done;
    const { listeners, tls } = this.#state.type === "listening" ? this.#state : { listeners: [], tls: undefined };
    this.#state = { type: "stopped" };
    tls?.close();
    const isMetrics = (listener: Listener) => listener instanceof MetricsServer;
    const stopAll = (some: readonly Listener[]) => Promise.all(some.map((listener) => listener.stop(graceMs)));
    await stopAll(listeners.filter((listener) => !isMetrics(listener)));
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
    const { clock, random, telemetry, routes } = this.#parts;
    const tls = config.tls && (await Tls.open(config.tls, { clock, log: telemetry.log }));
    try {
      const metrics = metricsPort === undefined ? undefined : new MetricsServer(telemetry.metrics);
      const http = httpPort === undefined ? undefined : this.#httpServer(config, tls);
      const listening = {
        ip,
        metricsPort: metrics && (await listen(metrics, metricsPort!)),
        httpPort: http && (await listen(http, httpPort!)),
        uiPort: ui && (await listen(this.#uiServer(config, ui.pages, tls), ui.port)),
        port: await listen(new GrpcServer({ routes, clock, random, telemetry, tls }), port),
        isSecure: tls !== undefined,
      };
      return { listening, listeners, tls };
    } catch (error) {
      tls?.close();
      await Promise.all(listeners.map((listener) => listener.stop(0)));
      throw error;
    }
  }

  #httpServer(config: ListenConfig, tls: Tls | undefined) {
    const { clock, random, telemetry } = this.#parts;
    const routes = new RouteTable(this.#served(config));
    return new HttpServer({ name: "http", routes, guard: guardOf(config), clock, random, telemetry, tls });
  }

  /** The API's routes without `/api` would stand where pages do. */
  #uiServer(config: ListenConfig, pages: WebPages, tls: Tls | undefined) {
    const { clock, random, telemetry } = this.#parts;
    const isBesidePages = ({ template, shape }: Route) => template.startsWith("/api/") || shape.type === "own";
    const routes = new RouteTable(this.#served(config).filter(isBesidePages));
    const elsewhere = async ({ verb, path }: Exchange) => (verb === "GET" || verb === "HEAD" ? pages(path) : undefined);
    return new HttpServer({ name: "ui", routes, guard: guardOf(config), elsewhere, clock, random, telemetry, tls });
  }

  #served({ httpPublicUrl: publicUrl }: ListenConfig): Route[] {
    const { routes, served } = this.#parts;
    return servedRoutes({ ...this.#parts, unary: routes.unary, served, publicUrl });
  }
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
    throw new StartFailure("usage", `${JSON.stringify(ip)} is no address of this machine`, { cause: error });
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
            ? `${ip} is no address of this machine`
            : `cannot listen on ${address}: ${message}`;
    throw new StartFailure("environment", why, { cause: error });
  }
}
