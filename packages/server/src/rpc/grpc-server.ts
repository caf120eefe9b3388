/**
 * gRPC on this server's own HTTP/2. Why not a library: `@grpc/grpc-js` cannot say what SDKs look for when a message is too large, answers INTERNAL to
 * malformed timeouts, sets a timer for each call, and costs more than twice the processor time of what is here; Node's own HTTP/2 makes some ten events
 * of each call.
 */
import { type AddressInfo, createServer as createListener, type Server, type Socket } from "node:net";
import { createServer as createTlsListener, type TLSSocket } from "node:tls";
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Random } from "../random.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Tls } from "../tls.ts";
import type { Gate } from "./gate.ts";
import { type CallOwner, GrpcCall } from "./grpc-call.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { Http2Stream } from "./http2-stream.ts";
import { Inflation } from "./inflation.ts";
import { Patience } from "./patience.ts";
import { type Routes, type Streaming, type Transport, unknownMethod } from "./transport.ts";

export interface GrpcServerParts {
  readonly routes: Routes;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly tls?: Tls | undefined;
  /** Asked about streams, and about who sends a compressed message; what has one request and one answer asks it by itself. */
  readonly gate?: Gate | undefined;
}

/** A connection. `draining`: it has been asked to go away. */
interface Connection {
  readonly http2: Http2Connection;
  readonly bornAtMs: number;
  readonly drainAtMs: number;
  state: { readonly type: "open" } | { readonly type: "draining"; readonly destroyAtMs: number };
  /** When it last showed a sign of life, and since when it owes the next one. */
  aliveAtMs: number;
  pingedAtMs: number | undefined;
}

const noAlpn =
  "HTTP/1.0 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nthis port speaks gRPC over HTTP/2: ask for the protocol h2\r\n";

export class GrpcServer implements Transport {
  readonly #parts: GrpcServerParts;
  readonly #listener: Server;
  readonly #owner: CallOwner;
  readonly #connections = new Map<Http2Connection, Connection>();
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
      inflation: new Inflation(),
      gate: parts.gate,
      onEnd: (call) => this.#onCallEnd(call),
      onFault: (path, error) => {
        parts.telemetry.log.error("transport fault", { path, error });
        return { code: "INTERNAL", message: "internal error" };
      },
    };
    this.#listener = listenerOf(parts.tls, (socket) => this.#onConnection(socket));
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
    for (const { http2 } of this.#connections.values()) http2.leave();
    // Answers that are on their way get out; what a client keeps open beyond that is cut off.
    const cancel = clock.after(limits.farewellMs, () => {
      for (const { http2 } of this.#connections.values()) http2.destroy();
    });
    await closed;
    cancel();
    this.#cancelSweep?.();
  }

  #onConnection(socket: Socket): void {
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    const http2 = new Http2Connection(socket, {
      clock,
      onStream: (stream) => this.#onStream(stream),
      onClose: () => this.#connections.delete(http2),
    });
    // Ages differ by a tenth up or down, so that connections made at once do not come back at once.
    const ageMs = limits.connectionAgeMsMax * (0.9 + 0.2 * random.fraction());
    const connection: Connection = {
      http2,
      bornAtMs: nowMs,
      drainAtMs: nowMs + ageMs,
      state: { type: "open" },
      aliveAtMs: nowMs,
      pingedAtMs: undefined,
    };
    this.#connections.set(http2, connection);
    if (this.#state === "stopping") this.#drain(connection);
  }

  #onStream(stream: Http2Stream): void {
    const { headers } = stream;
    if (headers[":method"] !== "POST") return plainAnswer(stream, 405, "gRPC calls are POST requests");
    if (!headers["content-type"]?.startsWith("application/grpc"))
      return plainAnswer(stream, 415, "this port speaks gRPC: content-type must be application/grpc");
    const call = new GrpcCall(stream, this.#owner);
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
    const { http2, state, bornAtMs, drainAtMs, aliveAtMs, pingedAtMs } = connection;
    const nowMs = this.#parts.clock.nowMs();
    if (!http2.isGreeted && nowMs - bornAtMs >= limits.helloMsMax) return http2.destroy();
    if (state.type === "draining" && nowMs >= state.destroyAtMs) return http2.destroy();
    if (pingedAtMs !== undefined && nowMs - pingedAtMs >= limits.keepaliveTimeoutMs) return http2.destroy();
    http2.look(nowMs);
    // A client that has gone after the notice is not heard of again, its answer to the ping neither: closing finds that out.
    if (state.type === "draining" && http2.isOpen) return http2.leave();
    if (state.type === "open" && nowMs >= drainAtMs) this.#drain(connection);
    if (pingedAtMs !== undefined || nowMs - aliveAtMs < limits.keepaliveMs) return;
    connection.pingedAtMs = nowMs;
    this.#ping(connection, () => {});
  }

  #ping(connection: Connection, then: () => void): void {
    connection.http2.ping(() => {
      connection.aliveAtMs = this.#parts.clock.nowMs();
      connection.pingedAtMs = undefined;
      then();
    });
  }

  /** First a notice, then, once the client must have read it, the end of new calls: so no call is lost between the two. */
  #drain(connection: Connection): void {
    const { http2, state } = connection;
    if (state.type === "draining") return;
    const destroyAtMs = this.#parts.clock.nowMs() + limits.connectionAgeGraceMs;
    connection.state = { type: "draining", destroyAtMs };
    http2.announceLeaving();
    this.#ping(connection, () => http2.leave());
  }
}

function listenerOf(tls: Tls | undefined, onConnection: (socket: Socket) => void): Server {
  if (!tls) return createListener({ noDelay: true }, onConnection);
  const listener = createTlsListener({ ...tls.listenerOptions(["h2"]), noDelay: true }, (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") return onConnection(socket);
    socket.on("error", () => {});
    socket.end(noAlpn, () => socket.destroy());
  });
  listener.on("tlsClientError", () => {}); // its socket closes; who it was is not known
  tls.keep(listener);
  return listener;
}

function plainAnswer(stream: Http2Stream, status: number, text: string): void {
  stream.respond([":status", String(status), "content-type", "text/plain; charset=utf-8"]);
  stream.end([Buffer.from(`${text}\n`)], "none");
}
