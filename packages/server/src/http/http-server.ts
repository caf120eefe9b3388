/** HTTP/1.1 on Node's own server: limits, access, routing and shutdown. What a route does is in its own file; it may throw `JsonProblem` for an invalid request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { methods } from "@pawl/protocol";
import { JsonProblem } from "@pawl/protocol/json";
import { accessOf } from "../access/table.ts";
import type { Clock } from "../clock.ts";
import type { Admission } from "../frontend/admission.ts";
import { Rejection } from "../frontend/handler.ts";
import { limits } from "../limits.ts";
import type { Random } from "../random.ts";
import { faultStatus, statusOf } from "../rpc/call.ts";
import type { Gate } from "../rpc/gate.ts";
import type { Transport } from "../rpc/transport.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Tls } from "../tls.ts";
import { wantsEvents } from "./event-stream.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import { invalid, problem, type Reply } from "./reply.ts";
import type { PathValues, Route, RouteTable } from "./route-table.ts";

export interface HttpServerParts {
  /** What this listener is called in metrics. */
  readonly name: "http" | "ui";
  readonly routes: RouteTable;
  readonly guard: Guard;
  /** Asked for what no route is there for, such as the files of a web page. `undefined`: it has none either. */
  readonly elsewhere?: (exchange: Exchange) => Promise<Reply | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly tls?: Tls | undefined;
  readonly gate?: Gate | undefined;
  /** Refuses what one namespace asks beyond its share. */
  readonly admission?: Admission | undefined;
}

export class HttpServer implements Transport {
  readonly #parts: HttpServerParts;
  readonly #server: Server;
  readonly #owner: ExchangeOwner;
  readonly #exchanges = new Set<Exchange>();
  readonly #counters = new Map<string, Counter>();
  #isStopping = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: HttpServerParts) {
    this.#parts = parts;
    this.#owner = {
      clock: parts.clock,
      headersFor: (request) => ({ ...parts.guard.headersFor(request), ...this.#sessionHeader(request) }),
      onEnd: (exchange, status) => this.#onExchangeEnd(exchange, status),
    };
    this.#server = serverOf(parts.tls);
    this.#server.maxConnections = limits.httpConnectionsMax;
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseGarbage(error, socket));
    const { metrics } = parts.telemetry;
    metrics.gauge(
      "http_service_pending_requests",
      "HTTP requests under way, long polls and streams among them.",
      () => {
        return this.#exchanges.size;
      },
      { listener: parts.name },
    );
  }

  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) => this.#parts.telemetry.log.error("HTTP listener failed", { error }));
        resolve({ port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const { clock } = this.#parts;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const exchange of this.#exchanges) exchange.stop();
    await new Promise<void>((resolve) => {
      if (this.#exchanges.size === 0) return resolve();
      const cancel = clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    this.#server.closeIdleConnections();
    // Answers that are on their way get out; what a client keeps open beyond that is cut off.
    const cancel = clock.after(limits.farewellMs, () => this.#server.closeAllConnections());
    await closed;
    cancel();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const exchange = new Exchange(request, response, this.#owner);
    this.#exchanges.add(exchange);
    const { guard } = this.#parts;
    const refusal = guard.check(request) ?? exchange.begin() ?? guard.preflight(request);
    if (refusal) return exchange.answer(refusal);
    if (this.#isStopping) exchange.stop();
    this.#serve(exchange).catch((error: unknown) => exchange.answer(this.#fault(exchange, error)));
  }

  /** Tells pages that there is a session to end. */
  #sessionHeader({ headers: { cookie } }: IncomingMessage): Readonly<Record<string, string>> {
    const hasSession = this.#parts.gate !== undefined && cookie?.includes("pawl-session=");
    return hasSession ? { "x-pawl-session": "open" } : {};
  }

  async #serve(exchange: Exchange): Promise<void> {
    const segments = segmentsOf(exchange.path);
    if (!segments) return exchange.answer(invalid("the path is not percent-encoded UTF-8"));
    const found = this.#parts.routes.find(exchange.verb, segments);
    if (found.type === "found") {
      exchange.operation = found.route.operation;
      const reply = await this.#enter(exchange, found.route, found.values);
      if (reply) exchange.answer(reply);
      return;
    }
    const elsewhere = await this.#parts.elsewhere?.(exchange);
    exchange.answer(elsewhere ?? notFound(exchange, found));
  }

  /**
   * Before anything of the body is read the caller has said who he is. A route that only carries a call of the API is judged with that call, one that
   * judges itself by itself; all others are judged here.
   */
  async #enter(exchange: Exchange, route: Route, values: PathValues): Promise<Reply | undefined> {
    const { gate } = this.#parts;
    if (!gate || gate.isOpen(route.operation)) return this.#serveRoute(exchange, route, values);
    const visit = await gate.enter(exchange);
    if ("code" in visit) return problem(visit);
    if (route.judges === "itself" || isJudgedWithItsCall(route, exchange)) return route.serve(exchange, values);
    const refusal = visit.admitTo(route.operation, namespaceOfRoute(route, values));
    visit.ended(refusal?.code ?? "OK");
    return refusal ? problem(refusal) : this.#serveRoute(exchange, route, values);
  }

  /** What carries calls of the API takes its share with each of them; what is open to everybody takes nobody's. */
  async #serveRoute(exchange: Exchange, route: Route, values: PathValues): Promise<Reply | undefined> {
    const { admission } = this.#parts;
    const isShared = accessOf(route.operation)?.of === "namespace" && !Object.hasOwn(methods, route.operation);
    if (!admission || !isShared) return route.serve(exchange, values);
    const asked = { namespace: namespaceOfRoute(route, values) };
    const seat = admission.enter(route.operation, asked, exchange.connection);
    if (seat instanceof Rejection) return problem(statusOf(seat));
    try {
      return await route.serve(exchange, values);
    } finally {
      admission.leave(seat);
    }
  }

  /** JSON that is no request is its sender's mistake; all else is a fault or a bug of ours. */
  #fault(exchange: Exchange, error: unknown): Reply {
    if (error instanceof JsonProblem) return invalid(error.message);
    return problem(faultStatus(exchange.operation, error, this.#parts));
  }

  #onExchangeEnd(exchange: Exchange, status: number): void {
    this.#exchanges.delete(exchange);
    if (this.#exchanges.size === 0) this.#onIdle?.();
    const labels = { operation: exchange.operation === "" ? "none" : exchange.operation, status: String(status) };
    const key = `${labels.operation} ${labels.status}`;
    let counter = this.#counters.get(key);
    if (!counter) {
      counter = this.#parts.telemetry.metrics.counter("http_service_requests", "HTTP requests answered.", labels);
      this.#counters.set(key, counter);
    }
    counter.add();
  }
}

function namespaceOfRoute(route: Route, values: PathValues): string | undefined {
  return route.namespaceOf?.(values) ?? values.get("namespace");
}

function isJudgedWithItsCall({ operation, shape }: Route, exchange: Exchange): boolean {
  const isFollowed = shape.type === "method" && shape.follows && wantsEvents(exchange);
  return Object.hasOwn(methods, operation) && !isFollowed;
}

function serverOf(tls: Tls | undefined): Server {
  const options = {
    maxHeaderSize: limits.httpHeadBytesMax,
    headersTimeout: limits.httpHeadMsMax,
    requestTimeout: limits.httpRequestMsMax,
    keepAliveTimeout: limits.httpIdleMsMax,
    connectionsCheckingInterval: limits.connectionSweepMs,
    noDelay: true,
  };
  if (!tls) return createServer(options);
  const server = createTlsServer({ ...options, ...tls.listenerOptions(["http/1.1"]) });
  server.on("tlsClientError", () => {}); // its socket closes; who it was is not known
  tls.keep(server);
  return server;
}

/** What stands between the slashes, decoded: an encoded slash is part of a name. `undefined` when it cannot be decoded. */
function segmentsOf(path: string): string[] | undefined {
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function notFound({ verb, path }: Exchange, found: Exclude<ReturnType<RouteTable["find"]>, { type: "found" }>): Reply {
  const asked = `${verb.slice(0, 20)} ${path.slice(0, 200)}`;
  if (found.type === "otherVerbs") {
    const allow = found.allowed.join(", ");
    return problem(
      { code: "UNIMPLEMENTED", message: `${asked} is not served; this path takes ${allow}` },
      { httpStatus: 405, headers: { allow } },
    );
  }
  const { known, next } = found;
  const hint = next.length > 0 ? `after ${known} comes one of: ${next.join(", ")}` : `nothing comes after ${known}`;
  return problem({ code: "NOT_FOUND", message: `there is no ${asked}; ${hint}` });
}

const garbageStatuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What is no request at all is answered once and cut off. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const httpStatus = garbageStatuses[error.code ?? ""] ?? 400;
  const message = {
    400: "this is no HTTP request",
    408: "the request did not come in time",
    431: "its head is too large",
  };
  const { headers = {}, body = "" } = problem(
    { code: "INVALID_ARGUMENT", message: message[httpStatus as 400] },
    { httpStatus, headers: { connection: "close" } },
  );
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${httpStatus} Refused\r\n${head}\r\n${body}`);
}
