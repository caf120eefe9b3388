/** One unary call on a session: a framed message there, a framed message and a status back. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { gunzip } from "node:zlib";
import { statusCodes } from "@pawl/protocol";
import { CallFailed } from "./transport.ts";

export interface GrpcRequest {
  /** Names and values in turn. */
  readonly headers: string[];
  readonly message: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly messageBytesMax: number;
}

/** Before each message: whether it is compressed, and its length. */
const prefixBytes = 5;
const timerMsMax = 2 ** 31 - 1;
/** `grpc-timeout` has eight digits. */
const digitsMax = 1e8;

/** How many calls a session has under way: one that has some keeps the process alive. */
const underway = new WeakMap<ClientHttp2Session, number>();

export class GrpcCall {
  readonly answer: Promise<Uint8Array>;
  readonly #request: GrpcRequest;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #timer: NodeJS.Timeout;
  readonly #settle: PromiseWithResolvers<Uint8Array>;
  readonly #abort = () => this.#giveUp(new CallFailed(statusCodes.CANCELLED, "the call was aborted"));
  #chunks: Buffer[] = [];
  #bytes = 0;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #error: Error | undefined;
  #isSettled = false;

  /** Throws {@link CallFailed} when the session takes no more calls. */
  constructor(session: ClientHttp2Session, request: GrpcRequest) {
    this.#request = request;
    this.#session = session;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
    const { timeoutMs, signal } = request;
    try {
      request.headers.push("grpc-timeout", timeoutText(timeoutMs));
      this.#stream = session.request(request.headers);
    } catch (error) {
      throw new CallFailed(statusCodes.UNAVAILABLE, (error as Error).message);
    }
    if (add(session, 1) === 1) session.ref();
    const late = () =>
      this.#giveUp(new CallFailed(statusCodes.DEADLINE_EXCEEDED, `Deadline exceeded after ${timeoutMs} ms`));
    this.#timer = setTimeout(late, Math.min(timeoutMs, timerMsMax));
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.#listen();
    this.#stream.end(framed(request.message));
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on("response", (headers) => {
      this.#headers = headers;
    });
    stream.on("trailers", (trailers) => {
      this.#trailers = trailers;
    });
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.#ended());
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#closed());
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const { messageBytesMax } = this.#request;
    if (this.#bytes - prefixBytes <= messageBytesMax) return;
    const text = `Received message larger than max (${this.#bytes - prefixBytes} vs. ${messageBytesMax})`;
    this.#giveUp(new CallFailed(statusCodes.RESOURCE_EXHAUSTED, text));
  }

  #giveUp(reason: CallFailed): void {
    if (this.#end()) this.#settle.reject(reason);
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Everything that the server said has come. */
  #ended(): void {
    const said = this.#trailers ?? this.#headers;
    // An end without a status is told by what follows.
    if (said?.["grpc-status"] === undefined) return;
    this.#finish(said);
  }

  #closed(): void {
    if (this.#isSettled) return;
    const said = this.#trailers ?? this.#headers;
    if (said?.["grpc-status"] !== undefined) return this.#finish(said);
    const status = Number(this.#headers?.[":status"] ?? 200);
    const isBroken = this.#session.destroyed || this.#session.closed;
    const why = this.#error?.message ?? `the stream was closed with code ${this.#stream.rstCode}`;
    const failed =
      status !== 200
        ? new CallFailed(codeOfHttp(status), `Received HTTP status code ${status}`)
        : new CallFailed(isBroken ? statusCodes.UNAVAILABLE : codeOfReset(this.#stream.rstCode), why);
    if (this.#end()) this.#settle.reject(failed);
  }

  #finish(said: IncomingHttpHeaders): void {
    if (!this.#end()) return;
    const code = Number(said["grpc-status"]);
    if (code !== statusCodes.OK) {
      const details = said["grpc-status-details-bin"];
      const status = typeof details === "string" ? Buffer.from(details, "base64") : undefined;
      return this.#settle.reject(new CallFailed(code, decodedText(String(said["grpc-message"] ?? "")), status));
    }
    this.#decode();
  }

  #decode(): void {
    const { resolve, reject } = this.#settle;
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    if (all.length < prefixBytes || all.readUInt32BE(1) !== all.length - prefixBytes) {
      return reject(new CallFailed(statusCodes.INTERNAL, "the answer is not one message"));
    }
    const message = all.subarray(prefixBytes);
    if (all[0] === 0) return resolve(message);
    gunzip(message, { maxOutputLength: Math.min(this.#request.messageBytesMax, 2 ** 31) }, (error, unpacked) => {
      if (error) reject(new CallFailed(statusCodes.INTERNAL, `the answer cannot be decompressed: ${error.message}`));
      else resolve(unpacked);
    });
  }

  /** `false` when it has ended before. */
  #end(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener("abort", this.#abort);
    if (add(this.#session, -1) === 0) this.#session.unref();
    return true;
  }
}

function add(session: ClientHttp2Session, calls: number): number {
  const now = (underway.get(session) ?? 0) + calls;
  underway.set(session, now);
  return now;
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** In milliseconds, or in seconds where these have too many digits. */
function timeoutText(timeoutMs: number): string {
  const ms = Math.ceil(timeoutMs);
  return ms < digitsMax ? `${ms}m` : `${Math.min(Math.ceil(ms / 1_000), digitsMax - 1)}S`;
}

/** `grpc-message` is percent-encoded. */
function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** As gRPC maps what proxies answer. */
function codeOfHttp(status: number): number {
  if (status === 400) return statusCodes.INTERNAL;
  if (status === 401) return statusCodes.UNAUTHENTICATED;
  if (status === 403) return statusCodes.PERMISSION_DENIED;
  if (status === 404) return statusCodes.UNIMPLEMENTED;
  return [429, 502, 503, 504].includes(status) ? statusCodes.UNAVAILABLE : statusCodes.UNKNOWN;
}

/** As gRPC maps what HTTP/2 says. */
function codeOfReset(code: number): number {
  switch (code) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return statusCodes.UNAVAILABLE;
    case constants.NGHTTP2_CANCEL:
      return statusCodes.CANCELLED;
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return statusCodes.RESOURCE_EXHAUSTED;
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return statusCodes.PERMISSION_DENIED;
    default:
      return statusCodes.INTERNAL;
  }
}
