/**
 * gRPC over a socket, for unary calls only: this API has no others, and a general library, or Node's own HTTP/2, costs several times the CPU for each of them.
 *
 *   G1. One session at a time. When it ends, or the server says that it goes, the next call opens another; calls under way stay where they are.
 *   G2. Without calls nothing here keeps the process alive.
 *   G3. What happened to a call whose connection broke is not known: it ends as UNAVAILABLE, and request ids make a second attempt harmless.
 */
import { createConnection, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { statusCodes } from "@pawl/protocol";
import { GrpcCall } from "./grpc-call.ts";
import { Http2Session } from "./http2-session.ts";
import { proxyFor, throughProxy } from "./proxy.ts";
import { CallFailed, type TlsConfig, type Transport, type TransportCall } from "./transport.ts";

export interface GrpcOptions {
  readonly address?: string | undefined;
  readonly tls?: TlsConfig | boolean | null | undefined;
  readonly apiKey?: unknown;
  readonly channelArgs?: ChannelArgs | undefined;
}

/** Settings under gRPC's own names. Those that are not named here mean nothing to this transport. */
export interface ChannelArgs {
  /** Default: 128 MiB. -1: no limit. */
  "grpc.max_receive_message_length"?: number;
  /** Default: 30 seconds. */
  "grpc.keepalive_time_ms"?: number;
  /** Default: 15 seconds. */
  "grpc.keepalive_timeout_ms"?: number;
  "grpc.ssl_target_name_override"?: string;
  "grpc.default_authority"?: string;
  "grpc.primary_user_agent"?: string;
  /** 0: `https_proxy` and the like are not looked at. */
  "grpc.enable_http_proxy"?: number;
  readonly [name: string]: string | number | undefined;
}

/** Where a server is by default. */
export const LOCAL_TARGET = "localhost:7233";
const defaultPort = 7233;
const messageBytesMax = 128 * 1024 * 1024;

export class GrpcTransport implements Transport {
  readonly #target: Target;
  readonly #args: ChannelArgs;
  /** Names and values in turn. */
  readonly #fixedHeaders: readonly string[];
  readonly #tls: ConnectionOptions | undefined;
  #session: Http2Session | undefined;
  #opening: Promise<Http2Session> | undefined;
  #isClosed = false;

  constructor({ address = LOCAL_TARGET, tls, apiKey, channelArgs = {} }: GrpcOptions) {
    const secure = tls ?? apiKey !== undefined;
    this.#target = targetOf(address);
    this.#args = channelArgs;
    this.#tls = secure === false ? undefined : tlsOptions(typeof secure === "object" ? secure : {}, channelArgs);
    const override = typeof secure === "object" ? secure?.serverNameOverride : undefined;
    const authority = channelArgs["grpc.default_authority"] ?? override ?? authorityOf(this.#target);
    const agents = [channelArgs["grpc.primary_user_agent"], `grpc-node-pawl/${process.versions.node}`];
    this.#fixedHeaders = [
      ...[":method", "POST", ":scheme", this.#tls ? "https" : "http", ":authority", authority],
      ...["content-type", "application/grpc", "te", "trailers", "grpc-accept-encoding", "identity,gzip"],
      ...["user-agent", agents.filter(Boolean).join(" ")],
    ];
  }

  async call(asked: TransportCall): Promise<Uint8Array> {
    if (asked.signal?.aborted) throw new CallFailed(statusCodes.CANCELLED, "the call was aborted");
    let { timeoutMs } = asked;
    let session = this.#ready();
    if (!session) {
      const askedAtMs = performance.now();
      session = await this.#opened(asked);
      timeoutMs = Math.max(1, timeoutMs - (performance.now() - askedAtMs));
    }
    // What HTTP/2 itself reads stands first.
    const headers = [":path", asked.path, ...this.#fixedHeaders];
    for (const name in asked.metadata) headers.push(name.toLowerCase(), sendable(name, asked.metadata[name]!));
    const bytesMax = this.#args["grpc.max_receive_message_length"] ?? messageBytesMax;
    return await new GrpcCall(session, {
      ...{ headers, message: asked.message, signal: asked.signal, timeoutMs },
      messageBytesMax: bytesMax < 0 ? Number.POSITIVE_INFINITY : bytesMax,
    }).answer;
  }

  close(): void {
    this.#isClosed = true;
    this.#session?.destroy();
    this.#session = undefined;
  }

  #ready(): Http2Session | undefined {
    const session = this.#session;
    return session?.isOpen ? session : undefined;
  }

  /** The session, once it is there; not later than the call's own end. */
  async #opened({ timeoutMs, signal }: TransportCall): Promise<Http2Session> {
    if (this.#isClosed) throw new CallFailed(statusCodes.UNAVAILABLE, "the connection has been closed");
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    const opening = this.#opening;
    return await new Promise((resolve, reject) => {
      const late = () => {
        const text = `Deadline exceeded after ${timeoutMs} ms, while connecting to ${this.#target.text}`;
        end(() => reject(new CallFailed(statusCodes.DEADLINE_EXCEEDED, text)));
      };
      const timer = setTimeout(late, Math.min(timeoutMs, timerMsMax));
      const abort = () => end(() => reject(new CallFailed(statusCodes.CANCELLED, "the call was aborted")));
      const end = (settle: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        settle();
      };
      signal?.addEventListener("abort", abort, { once: true });
      opening.then(
        (session) => end(() => resolve(session)),
        (error: unknown) => end(() => reject(error)),
      );
    });
  }

  async #open(): Promise<Http2Session> {
    const failed = (error: Error) =>
      new CallFailed(statusCodes.UNAVAILABLE, `No connection established to ${this.#target.text}: ${reasonOf(error)}`);
    const socket = await this.#connected().catch((error: Error) => {
      throw failed(error);
    });
    const session: Http2Session = new Http2Session(socket, () => this.#forget(session));
    // The server may have gone, or the transport been closed, in the very moment that it was reached.
    if (this.#isClosed) session.destroy();
    if (!session.isOpen) throw failed(new Error("the connection was closed"));
    this.#session = session;
    this.#keepAlive(session, socket);
    return session;
  }

  async #connected(): Promise<Socket> {
    const { host, port, path } = this.#target;
    const tls = this.#tls;
    const proxy =
      path !== undefined || this.#args["grpc.enable_http_proxy"] === 0 ? undefined : proxyFor(host, process.env);
    if (proxy) return await throughProxy(proxy, { host, port }, tls);
    return await new Promise((resolve, reject) => {
      const socket = dial();
      const connected = tls && path === undefined ? "secureConnect" : "connect";
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
      socket.once(connected, () => resolve(socket));
    });

    function dial(): Socket {
      if (path !== undefined) return createConnection(path);
      if (!tls) return createConnection({ host, port });
      return connectTls({ ...(isIP(host) ? {} : { servername: host }), ...tls, host, port });
    }
  }

  #forget(session: Http2Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  /** A connection that a network has forgotten says nothing: it is asked now and then. */
  #keepAlive(session: Http2Session, socket: Socket): void {
    const everyMs = this.#args["grpc.keepalive_time_ms"] ?? 30_000;
    const withinMs = this.#args["grpc.keepalive_timeout_ms"] ?? 15_000;
    const ask = setInterval(() => {
      const late = setTimeout(() => session.giveUp("the server did not answer a ping"), withinMs).unref();
      pings.add(late);
      session.ping(() => {
        clearTimeout(late);
        pings.delete(late);
      });
    }, everyMs).unref();
    const pings = new Set<NodeJS.Timeout>();
    socket.once("close", () => {
      clearInterval(ask);
      for (const late of pings) clearTimeout(late);
    });
  }
}

/** Whatever is no byte of a header's value; a character beyond them would become another one. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;
const timerMsMax = 2 ** 31 - 1;

interface Target {
  readonly text: string;
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket, in place of host and port. */
  readonly path: string | undefined;
}

/** `host:port`, `host`, `[::1]:port`, `unix:path`, and gRPC's `dns:` before any of them. */
function targetOf(address: string): Target {
  if (address.startsWith("unix:")) {
    return { text: address, host: "localhost", port: 0, path: address.replace(/^unix:(\/\/(?=\/))?/, "") };
  }
  const text = address.replace(/^(dns:(\/\/[^/]*\/)?|ipv[46]:)/, "");
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host !== undefined) return { text, host, port: port === undefined ? defaultPort : Number(port), path: undefined };
  // An address of IPv6 without brackets has no port.
  if (/^[\da-f:.]+$/i.test(text)) return { text, host: text, port: defaultPort, path: undefined };
  throw new TypeError(`ConnectionOptions.address is not host:port: ${JSON.stringify(address)}`);
}

/** One that a server would take for a broken connection's is told here. */
function sendable(name: string, value: string): string {
  if (!unsendable.test(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(name)) return value;
  throw new CallFailed(statusCodes.INVALID_ARGUMENT, `metadata cannot be sent: ${JSON.stringify([name, value])}`);
}

function authorityOf({ host, port, path }: Target): string {
  if (path !== undefined) return "localhost";
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function tlsOptions(config: TlsConfig, args: ChannelArgs): ConnectionOptions {
  const { serverRootCACertificate, clientCertPair, disableHostVerification, serverNameOverride } = config;
  const servername = serverNameOverride ?? args["grpc.ssl_target_name_override"];
  const pem = (bytes: Uint8Array) => Buffer.from(bytes);
  return {
    ALPNProtocols: ["h2"],
    ...(serverRootCACertificate ? { ca: pem(serverRootCACertificate) } : {}),
    ...(clientCertPair ? { cert: pem(clientCertPair.crt), key: pem(clientCertPair.key) } : {}),
    ...(servername === undefined ? {} : { servername }),
    ...(disableHostVerification ? { rejectUnauthorized: false, checkServerIdentity: () => undefined } : {}),
  };
}

/** An attempt at several addresses fails with an error for each, and no words of its own. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  return error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join("; ") : error.name;
}
