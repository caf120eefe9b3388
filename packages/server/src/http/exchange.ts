/** One request and its answer: reads the body, answers once (T1), and tells its handler when the caller has gone (T2). */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { certificateNames } from "../rpc/certificate-names.ts";
import { EarlyEnd } from "../rpc/early-end.ts";
import { parseTimeout } from "../rpc/grpc-frame.ts";
import type { CallerConnection, Incoming, Status } from "../rpc/transport.ts";
import { problem, type Reply } from "./reply.ts";

/** Answers are about state that changes at any time, and are read as what they say they are. */
const headersOfAll = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** How SDKs and other clients say who they are. */
const clientDefaults: Readonly<Record<string, string>> = { "client-name": "http", "supported-features": "" };

export interface ExchangeOwner {
  readonly clock: Clock;
  /** Added to every answer, such as what CORS asks for. */
  headersFor(request: IncomingMessage): Readonly<Record<string, string>>;
  onEnd(exchange: Exchange, status: number): void;
}

export class Exchange implements Incoming {
  readonly path: string;
  /** What the route is called in metrics; "" until one was found. */
  operation = "";
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #queryText: string;
  #query: URLSearchParams | undefined;
  readonly #owner: ExchangeOwner;
  #deadlineMs: number | undefined;
  readonly #earlyEnd = new EarlyEnd();
  #phase: "open" | "streaming" | "ended" = "open";
  #cancelWake: Cancel | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, owner: ExchangeOwner) {
    // A proxy may send the whole address.
    const target = (request.url ?? "/").replace(/^https?:\/\/[^/?#]*/i, "");
    const [path = "", query = ""] = splitOnce(target, "?");
    this.path = path === "" ? "/" : path;
    this.#queryText = query;
    this.#request = request;
    this.#response = response;
    this.#owner = owner;
    response.on("close", () => this.#onClose());
    response.on("error", () => {}); // "close" follows
    request.on("error", () => {});
  }

  /** Sets the deadline; a refusal when the caller's own cannot be read, or when he asks for too much at once. */
  begin(): Reply | undefined {
    if (this.#queryText.split("&", limits.httpParametersMax + 1).length > limits.httpParametersMax)
      return problem({
        code: "INVALID_ARGUMENT",
        message: `the query string has more than ${limits.httpParametersMax} parameters`,
      });
    const timeoutMs = parseTimeout(this.header("grpc-timeout"));
    if (typeof timeoutMs === "object") return problem(timeoutMs);
    const { clock } = this.#owner;
    const nowMs = clock.nowMs();
    if (timeoutMs !== undefined) this.#deadlineMs = nowMs + timeoutMs;
    const endAtMs = nowMs + Math.min(timeoutMs ?? limits.callMsMax, limits.callMsMax);
    this.#cancelWake = clock.wake(endAtMs, () => this.#onDeadline());
    return undefined;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#queryText);
    return this.#query;
  }

  get verb(): string {
    return this.#request.method ?? "GET";
  }

  /** The address that the caller asked, such as `https://127.0.0.1:7243`. */
  get origin(): string {
    const isSecure = "encrypted" in this.#request.socket;
    return `${isSecure ? "https" : "http"}://${this.header("host")}`;
  }

  /** All of them, by their lower-case names. */
  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get signal(): AbortSignal {
    return this.#earlyEnd.signal;
  }

  ended(): "no" | "cancelled" | "deadline" | "stopping" {
    return this.#earlyEnd.cause;
  }

  /** A header by its lower-case name. gRPC's own headers may also come with the prefix that gateways ask for. */
  header(name: string): string {
    const value = this.#request.headers[name] ?? this.#request.headers[`grpc-metadata-${name}`];
    return (Array.isArray(value) ? value.join(",") : value) ?? clientDefaults[name] ?? "";
  }

  get connection(): CallerConnection | undefined {
    const { socket } = this.#request;
    return socket.destroyed ? undefined : socket;
  }

  certificateNames(): readonly string[] {
    return certificateNames(this.#request.socket);
  }

  /** The whole body, or the refusal of one that is too large or did not come whole. */
  async body(): Promise<Buffer | Reply> {
    const encoding = this.header("content-encoding");
    if (encoding !== "" && encoding !== "identity")
      return problem(
        {
          code: "INVALID_ARGUMENT",
          message: `a body in content-encoding ${JSON.stringify(encoding)} is not read here`,
        },
        { httpStatus: 415 },
      );
    if (Number(this.header("content-length")) > limits.messageBytesMax) return tooLarge;
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > limits.messageBytesMax) return tooLarge;
      }
    } catch {
      return problem({ code: "CANCELLED", message: "the body did not come whole" });
    }
    return Buffer.concat(chunks, length);
  }

  /** Too late for one that has been answered. A stream that has begun cannot say it any more: it is cut, so that its reader does not take it for whole. */
  answer({ status, headers = {}, body = "" }: Reply): void {
    if (this.#phase === "streaming") return void this.#response.destroy();
    if (!this.#end(status)) return;
    this.#response.writeHead(status, {
      ...headersOfAll,
      ...this.#owner.headersFor(this.#request),
      ...headers,
      ...(status !== 204 && { "content-length": Buffer.byteLength(body) }),
    });
    if (this.#request.complete || !this.#hasBody()) this.#response.end(body);
    else this.#endAfterBody(body);
  }

  /** Begins an answer that goes on, without an end known: status 200 now, the rest by `write`, then `endStream`. False when the caller has gone. */
  beginStream(headers: Readonly<Record<string, string>>): boolean {
    if (this.#phase !== "open" || this.#response.destroyed) return false;
    this.#phase = "streaming";
    this.#request.resume();
    this.#response.writeHead(200, { ...headersOfAll, ...this.#owner.headersFor(this.#request), ...headers });
    return true;
  }

  /** Resolves once there is room for more; false when the caller has gone, or took nothing for too long and was cut off. */
  async write(text: string): Promise<boolean> {
    if (this.#phase !== "streaming" || this.#response.destroyed) return false;
    return this.#response.write(text) || this.#drained();
  }

  endStream(): void {
    if (this.#phase !== "streaming" || !this.#end(200)) return;
    this.#response.end();
  }

  /** The server stops: a long poll answers now that there is nothing, what runs runs on. */
  stop(): void {
    this.#response.shouldKeepAlive = false;
    this.#earlyEnd.set("stopping");
  }

  /**
   * The answer came before the body was all there. Reads on without keeping anything, because a caller whose connection is cut while it writes never
   * sees the answer; one that never stops sending is cut off.
   */
  #endAfterBody(body: string | Uint8Array): void {
    this.#response.write(body);
    const { clock } = this.#owner;
    const cancel = clock.after(limits.lingerMs, () => this.#request.destroy());
    this.#request.once("close", cancel);
    this.#request.once("end", () => this.#response.end());
    this.#request.resume();
  }

  #drained(): Promise<boolean> {
    const response = this.#response;
    const { clock } = this.#owner;
    return new Promise((resolve) => {
      const settle = (isDrained: boolean) => {
        cancelWake();
        response.off("drain", onDrain).off("close", onClose);
        resolve(isDrained);
      };
      const onDrain = () => settle(true);
      const onClose = () => settle(false);
      const cancelWake = clock.after(limits.streamStallMsMax, () => response.destroy());
      response.on("drain", onDrain).on("close", onClose);
    });
  }

  #hasBody(): boolean {
    const { "content-length": length, "transfer-encoding": encoding } = this.#request.headers;
    return encoding !== undefined || Number(length ?? 0) > 0;
  }

  #end(status: number): boolean {
    if (this.#phase === "ended") return false;
    this.#phase = "ended";
    this.#cancelWake?.();
    this.#owner.onEnd(this, status);
    return !this.#response.destroyed;
  }

  #onDeadline(): void {
    this.#earlyEnd.set("deadline");
    // A stream ends by itself when its signal aborts.
    if (this.#phase === "open") this.answer(problem(deadlineStatus));
  }

  #onClose(): void {
    if (this.#phase !== "ended") this.#earlyEnd.set("cancelled");
    this.#end(499);
  }
}

const deadlineStatus: Status = { code: "DEADLINE_EXCEEDED", message: "the request's deadline has passed" };

const tooLarge = problem(
  { code: "RESOURCE_EXHAUSTED", message: `the body is larger than max (${limits.messageBytesMax} bytes)` },
  { httpStatus: 413 },
);

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
