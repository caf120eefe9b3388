/**
 * gRPC on Node's own HTTP/2. Why not a library: `@grpc/grpc-js` cannot say what SDKs look for when a message is too large, answers INTERNAL to
 * malformed timeouts, sets a timer for each call, and costs about twice the processor time of what is here.
 */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createListener, type Server, type Socket } from "node:net";
import { createServer as createTlsListener } from "node:tls";
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Random } from "../random.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Tls } from "../tls.ts";
import type { Gate } from "./gate.ts";
import { type CallOwner, GrpcCall } from "./grpc-call.ts";
import { Patience } from "./patience.ts";
import { type Routes, type Streaming, type Transport, unknownMethod } from "./transport.ts";

export interface GrpcServerParts {
  readonly routes: Routes;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly tls?: Tls | undefined;
  /** Asked about streams; what has one request and one answer asks it by itself. */
  readonly gate?: Gate | undefined;
}

/** A connection. `draining`: it has been asked to go away. */
interface Connection {
  readonly session: ServerHttp2Session;
  readonly bornAtMs: number;
  readonly drainAtMs: number;
  /** It has said hello: its settings have come. */
  isGreeted: boolean;
  state: { readonly type: "open" } | { readonly type: "draining"; readonly destroyAtMs: number };
  /** When it last showed a sign of life, and since when it owes the next one. */
  aliveAtMs: number;
  pingedAtMs: number | undefined;
}

const lastStreamId = 2 ** 31 - 1;

export class GrpcServer implements Transport {
  readonly #parts: GrpcServerParts;
  readonly #http2: Http2Server;
  /** Apart from the HTTP/2 server, because closing that one would tell its clients to go without the notice that `#drain` gives. */
  readonly #listener: Server;
  readonly #owner: CallOwner;
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  readonly #calls = new Set<GrpcCall>();
  readonly #patience = new Patience();
  #state: "open" | "stopping" = "open";
  #onIdle: (() => void) | undefined;
  #cancelSweep: Cancel | undefined;

  constructor(parts: GrpcServerParts) {
    this.#parts = parts;
    this.#owner = {
      clock: parts.clock,
      patience: this.#patience,
      onEnd: (call) => this.#onCallEnd(call),
      onFault: (path, error) => {
        parts.telemetry.log.error("transport fault", { path, error });
        return { code: "INTERNAL", message: "internal error" };
      },
    };
    this.#http2 = createServer({
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindowBytes,
        maxConcurrentStreams: limits.streamsPerConnectionMax,
        maxHeaderListSize: limits.metadataBytesMax,
      },
      maxSessionMemory: limits.connectionMemoryMebibytesMax,
      streamResetBurst: limits.streamResetBurst,
      streamResetRate: limits.streamResetsPerSecond,
    });
    this.#http2.on("session", (session) => this.#onSession(session));
    this.#http2.on("stream", (stream, headers) => this.#onStream(stream, headers));
    this.#http2.on("sessionError", () => {}); // the session closes, which is noticed there
    this.#listener = listenerOf(parts.tls, (socket) => this.#http2.emit("connection", socket));
    this.#listener.maxConnections = limits.connectionsMax;
    const { metrics } = parts.telemetry;
    metrics.gauge("service_connections", "Open client connections.", () => this.#connections.size);
    metrics.gauge("service_pending_requests", "Calls under way, long polls among them.", () => this.#calls.size);
    metrics.gauge(
      "service_waiting_bytes",
      "Held for callers that are still sending their requests or have not taken their answers.",
      () => this.#patience.bytes,
    );
  }

  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen({ host, port }, () => {
        this.#listener.off("error", reject);
        this.#listener.on("error", (error) => this.#parts.telemetry.log.error("listener failed", { error }));
        this.#sweepLater();
        resolve({ port: (this.#listener.address() as AddressInfo).port });
      });
    });
  }

  async stop(graceMs: number): Promise<void> {
    this.#state = "stopping";
    const { clock } = this.#parts;
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const call of [...this.#calls]) call.stop("before");
    for (const connection of this.#connections.values()) this.#drain(connection);
    await new Promise<void>((resolve) => {
      if (this.#calls.size === 0) return resolve();
      const cancel = clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    for (const { session } of this.#connections.values()) session.close();
    // Answers that are on their way get out; what a client keeps open beyond that is cut off.
    const cancel = clock.after(limits.farewellMs, () => {
      for (const { session } of this.#connections.values()) session.destroy();
    });
    await closed;
    cancel();
    this.#cancelSweep?.();
  }

  #onSession(session: ServerHttp2Session): void {
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    session.setLocalWindowSize(limits.connectionWindowBytes);
    // Ages differ by a tenth up or down, so that connections made at once do not come back at once.
    const ageMs = limits.connectionAgeMsMax * (0.9 + 0.2 * random.fraction());
    const connection: Connection = {
      session,
      bornAtMs: nowMs,
      isGreeted: false,
      drainAtMs: nowMs + ageMs,
      state: { type: "open" },
      aliveAtMs: nowMs,
      pingedAtMs: undefined,
    };
    this.#connections.set(session, connection);
    session.once("remoteSettings", () => {
      connection.isGreeted = true;
    });
    session.on("close", () => this.#connections.delete(session));
    session.on("error", () => {}); // "close" follows
    if (this.#state === "stopping") this.#drain(connection);
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (headers[":method"] !== "POST") return plainAnswer(stream, 405, "gRPC calls are POST requests");
    if (!headers["content-type"]?.startsWith("application/grpc"))
      return plainAnswer(stream, 415, "this port speaks gRPC: content-type must be application/grpc");
    const call = new GrpcCall(stream, headers, this.#owner);
    const { unary, streaming } = this.#parts.routes;
    this.#calls.add(call);
    call.begin();
    const handler = unary.get(call.path);
    if (handler) call.serve(handler);
    else {
      const open = streaming.get(call.path);
      if (open) this.#converse(call, open);
      else call.refuse(unknownMethod(call.path, this.#parts.routes));
    }
    if (this.#state === "stopping") call.stop("now");
  }

  #converse(call: GrpcCall, open: Streaming): void {
    const { gate } = this.#parts;
    if (!gate || gate.isOpen(call.path)) return call.converse(open);
    const enter = async () => {
      const visit = await gate.enter(call);
      const refusal = "code" in visit ? visit : visit.admitTo(call.path);
      if (!("code" in visit)) visit.ended(refusal?.code ?? "OK");
      if (refusal) call.refuse(refusal);
      else call.converse(open);
    };
    enter().catch((error: unknown) => call.refuse(this.#owner.onFault(call.path, error)));
  }

  #onCallEnd(call: GrpcCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onIdle?.();
  }

  #sweepLater(): void {
    const { clock } = this.#parts;
    this.#cancelSweep = clock.after(limits.connectionSweepMs, () => {
      for (const connection of this.#connections.values()) this.#look(connection);
      this.#patience.look(clock.nowMs());
      this.#sweepLater();
    });
  }

  #look(connection: Connection): void {
    const { session, state, bornAtMs, isGreeted, drainAtMs, aliveAtMs, pingedAtMs } = connection;
    const nowMs = this.#parts.clock.nowMs();
    if (!isGreeted && nowMs - bornAtMs >= limits.helloMsMax) return session.destroy();
    if (state.type === "draining" && nowMs >= state.destroyAtMs) return session.destroy();
    if (pingedAtMs !== undefined && nowMs - pingedAtMs >= limits.keepaliveTimeoutMs) return session.destroy();
    // A client that has gone after the notice is not heard of again, its answer to the ping neither: closing finds that out.
    if (state.type === "draining" && !session.closed) return session.close();
    if (state.type === "open" && nowMs >= drainAtMs) this.#drain(connection);
    if (pingedAtMs !== undefined || nowMs - aliveAtMs < limits.keepaliveMs) return;
    connection.pingedAtMs = nowMs;
    this.#ping(connection, () => {});
  }

  #ping(connection: Connection, then: () => void): void {
    const { session } = connection;
    if (session.destroyed) return;
    session.ping((error) => {
      if (error || session.destroyed) return;
      connection.aliveAtMs = this.#parts.clock.nowMs();
      connection.pingedAtMs = undefined;
      then();
    });
  }

  /** First a notice, then, once the client must have read it, the end of new calls: so no call is lost between the two. */
  #drain(connection: Connection): void {
    const { session, state } = connection;
    if (state.type === "draining" || session.destroyed) return;
    const destroyAtMs = this.#parts.clock.nowMs() + limits.connectionAgeGraceMs;
    connection.state = { type: "draining", destroyAtMs };
    session.goaway(0, lastStreamId);
    this.#ping(connection, () => session.close());
  }
}

function listenerOf(tls: Tls | undefined, onConnection: (socket: Socket) => void): Server {
  if (!tls) return createListener({ noDelay: true }, onConnection);
  const listener = createTlsListener({ ...tls.listenerOptions(["h2"]), noDelay: true }, onConnection);
  listener.on("tlsClientError", () => {}); // its socket closes; who it was is not known
  tls.keep(listener);
  return listener;
}

function plainAnswer(stream: ServerHttp2Stream, status: number, text: string): void {
  stream.on("error", () => {});
  stream.resume();
  stream.respond({ ":status": status, "content-type": "text/plain; charset=utf-8" });
  stream.end(`${text}\n`);
}
