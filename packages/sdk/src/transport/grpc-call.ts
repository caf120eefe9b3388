/** One unary call on a session: a framed message there, a framed message and a status back. */
import { gunzip } from "node:zlib";
import { statusCodes } from "@pawl/protocol";
import { grpcMessage, grpcPrefixBytes, type Headers, http2Codes, readGrpcPrefix } from "@pawl/protocol/http2";
import type { Http2Session, Http2Stream, StreamLoss, StreamOwner } from "./http2-session.ts";
import { CallFailed } from "./transport.ts";

export interface GrpcRequest {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly message: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly messageBytesMax: number;
}

const timerMsMax = 2 ** 31 - 1;
/** `grpc-timeout` has eight digits. */
const digitsMax = 1e8;

export class GrpcCall implements StreamOwner {
  readonly answer: Promise<Uint8Array>;
  readonly #request: GrpcRequest;
  readonly #session: Http2Session;
  readonly #stream: Http2Stream;
  readonly #timer: NodeJS.Timeout;
  readonly #settle: PromiseWithResolvers<Uint8Array>;
  readonly #abort = () => this.#giveUp(new CallFailed(statusCodes.CANCELLED, "the call was aborted"));
  #chunks: Buffer[] = [];
  #bytes = 0;
  #headers: Headers | undefined;
  #trailers: Headers | undefined;
  #isSettled = false;

  /** Throws {@link CallFailed} when the session takes no more calls. */
  constructor(session: Http2Session, request: GrpcRequest) {
    this.#request = request;
    this.#session = session;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
    const { headers, message, timeoutMs, signal } = request;
    const stream = session.request(headers, ["grpc-timeout", timeoutText(timeoutMs)], grpcMessage(message), this);
    if (!stream) throw new CallFailed(statusCodes.UNAVAILABLE, "the connection takes no more calls");
    this.#stream = stream;
    this.#timer = setTimeout(() => this.#late(), Math.min(timeoutMs, timerMsMax));
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  onHeaders(headers: Headers): void {
    if (this.#headers) this.#trailers = headers;
    else this.#headers = headers;
  }

  onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const { messageBytesMax } = this.#request;
    if (this.#bytes - grpcPrefixBytes <= messageBytesMax) return;
    const text = `Received message larger than max (${this.#bytes - grpcPrefixBytes} vs. ${messageBytesMax})`;
    this.#giveUp(new CallFailed(statusCodes.RESOURCE_EXHAUSTED, text));
  }

  /** Everything that the server said has come. */
  onEnd(): void {
    const said = this.#trailers ?? this.#headers;
    if (said?.["grpc-status"] !== undefined) return this.#finish(said);
    this.#fail(this.#withoutStatus(http2Codes.NO_ERROR, "the stream was closed with code 0"));
  }

  onLoss(loss: StreamLoss): void {
    const said = this.#trailers ?? this.#headers;
    if (said?.["grpc-status"] !== undefined) return this.#finish(said);
    if (loss.type === "connectionLost") return this.#fail(new CallFailed(statusCodes.UNAVAILABLE, loss.text));
    this.#fail(this.#withoutStatus(loss.code, loss.text));
  }

  #withoutStatus(resetCode: number, why: string): CallFailed {
    const status = Number(this.#headers?.[":status"] ?? 200);
    if (status !== 200) return new CallFailed(codeOfHttp(status), `Received HTTP status code ${status}`);
    return new CallFailed(codeOfReset(resetCode), why);
  }

  #fail(failed: CallFailed): void {
    if (this.#end()) this.#settle.reject(failed);
  }

  #late(): void {
    const { timeoutMs } = this.#request;
    this.#giveUp(new CallFailed(statusCodes.DEADLINE_EXCEEDED, `Deadline exceeded after ${timeoutMs} ms`));
  }

  #giveUp(reason: CallFailed): void {
    this.#fail(reason);
    this.#session.cancel(this.#stream);
  }

  #finish(said: Headers): void {
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
    if (all.length < grpcPrefixBytes || readGrpcPrefix(all).length !== all.length - grpcPrefixBytes) {
      return reject(new CallFailed(statusCodes.INTERNAL, "the answer is not one message"));
    }
    const message = all.subarray(grpcPrefixBytes);
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
    return true;
  }
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
    case http2Codes.REFUSED_STREAM:
      return statusCodes.UNAVAILABLE;
    case http2Codes.CANCEL:
      return statusCodes.CANCELLED;
    case http2Codes.ENHANCE_YOUR_CALM:
      return statusCodes.RESOURCE_EXHAUSTED;
    case http2Codes.INADEQUATE_SECURITY:
      return statusCodes.PERMISSION_DENIED;
    default:
      return statusCodes.INTERNAL;
  }
}
