/** One call on one HTTP/2 stream: reads its message or messages, answers once (T1), and tells its handler when the caller has gone (T2). */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { type CallerSocket, certificateNames } from "./certificate-names.ts";
import { EarlyEnd } from "./early-end.ts";
import {
  acceptedEncodings,
  decompress,
  FrameReader,
  frameOf,
  parseTimeout,
  type ReceivedMessage,
  statusHeaders,
} from "./grpc-frame.ts";
import type { Patience, Waiting } from "./patience.ts";
import type { CallerConnection, Conversation, Incoming, Status, Streaming, Unary } from "./transport.ts";

const answerHeaders = { ":status": 200, "content-type": "application/grpc", "grpc-accept-encoding": acceptedEncodings };
const okTrailers = { "grpc-status": "0" };

export interface CallOwner {
  readonly clock: Clock;
  readonly patience: Patience;
  /** The call has been answered or its caller has gone. */
  onEnd(call: GrpcCall): void;
  /** A handler threw, which `call.ts` never lets it: the transport's last resort. */
  onFault(path: string, error: unknown): Status;
}

type Phase =
  | { readonly type: "reading" }
  /** A unary call's handler runs. */
  | { readonly type: "running" }
  | { readonly type: "talking"; readonly conversation: Conversation }
  | { readonly type: "ended" };

export class GrpcCall implements Incoming, Waiting {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #owner: CallOwner;
  readonly #frames = new FrameReader();
  #phase: Phase = { type: "reading" };
  #deadlineMs: number | undefined;
  readonly #earlyEnd = new EarlyEnd();
  #cancelWake: Cancel | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, owner: CallOwner) {
    this.path = headers[":path"] ?? "";
    this.#stream = stream;
    this.#headers = headers;
    this.#owner = owner;
    stream.on("close", () => this.#onClose());
    stream.on("error", () => {}); // "close" follows, and says all that matters
  }

  /** Sets the deadline. A call whose deadline cannot be read is refused. */
  begin(): void {
    const timeoutMs = parseTimeout(this.header("grpc-timeout"));
    if (typeof timeoutMs === "object") return this.refuse(timeoutMs);
    const { clock } = this.#owner;
    const nowMs = clock.nowMs();
    if (timeoutMs !== undefined) this.#deadlineMs = nowMs + timeoutMs;
    const endAtMs = nowMs + Math.min(timeoutMs ?? limits.callMsMax, limits.callMsMax);
    this.#cancelWake = clock.wake(endAtMs, () => this.#onDeadline());
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get signal(): AbortSignal {
    this.#notice();
    return this.#earlyEnd.signal;
  }

  ended(): "no" | "cancelled" | "deadline" | "stopping" {
    this.#notice();
    return this.#earlyEnd.cause;
  }

  header(name: string): string {
    const value = this.#headers[name];
    return typeof value === "string" ? value : (value?.join(",") ?? "");
  }

  get connection(): CallerConnection | undefined {
    return this.#stream.session;
  }

  certificateNames(): readonly string[] {
    return certificateNames(this.#stream.session?.socket as CallerSocket | undefined);
  }

  /** The handler runs as soon as the message is there. */
  serve(handler: Unary): void {
    if (this.#isEnded()) return;
    const { patience, clock } = this.#owner;
    patience.begin(this, 0, clock.nowMs());
    this.#read((message) => {
      patience.end(this);
      this.#phase = { type: "running" };
      this.#run(handler, message).catch((error: unknown) => this.refuse(this.#owner.onFault(this.path, error)));
    });
  }

  converse(open: Streaming): void {
    if (this.#isEnded()) return;
    const conversation = open(this, (message) => this.#send(message));
    this.#phase = { type: "talking", conversation };
    const pump = this.#read((message) => {
      if (message.compressed)
        return this.refuse({ code: "UNIMPLEMENTED", message: "grpc: this call takes no compressed messages" });
      const status = conversation.onMessage(message.bytes);
      if (status) this.refuse(status);
    });
    this.#stream.on("drain", () => {
      pump();
      if (!this.#stream.writableNeedDrain) this.#stream.resume();
    });
  }

  /** Ends the call with a status; too late for one that has been answered. */
  refuse(status: Status): void {
    if (!this.#end()) return;
    if (this.#stream.headersSent) return this.#finish(statusHeaders(status));
    this.#stream.respond({ ...answerHeaders, ...statusHeaders(status) }, { endStream: true });
    this.#drop();
  }

  /** The caller has kept this server waiting for too long, or for longest when its memory was needed. */
  giveUp(): void {
    if (this.#isEnded()) return this.#stream.close(constants.NGHTTP2_CANCEL);
    this.refuse({ code: "RESOURCE_EXHAUSTED", message: "the request took too long to arrive: send it again" });
    // No lingering: what it holds is wanted back.
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  /**
   * The server stops: a long poll answers now that there is nothing, what runs runs on, a conversation ends. A request that has been arriving for a
   * while is not waited for; one that has just begun is.
   */
  stop(since: "before" | "now"): void {
    this.#earlyEnd.set("stopping");
    const isTalk = this.#phase.type === "talking" && !this.#phase.conversation.outlastsStop;
    if (isTalk || (this.#phase.type === "reading" && since === "before"))
      this.refuse({ code: "UNAVAILABLE", message: "the server is stopping" });
  }

  /** Returns what reads on after answers have held it up. */
  #read(onMessage: (message: ReceivedMessage) => void): () => void {
    // Questions wait while the connection cannot take more answers, so that short ones with long answers fill no memory.
    const pump = () => {
      while (this.#isReading() && !this.#stream.writableNeedDrain) {
        const next = this.#frames.next();
        if (!next) return this.#rest();
        if ("code" in next) return this.refuse(next);
        onMessage(next);
      }
    };
    this.#stream.on("data", (chunk: Buffer) => {
      if (!this.#isReading()) return; // what follows a unary call's one message is dropped
      this.#hold(chunk.byteLength);
      if (!this.#isReading()) return; // that was too much
      this.#frames.push(chunk);
      pump();
    });
    this.#stream.on("end", () => {
      if (this.#phase.type === "reading" || (this.#phase.type === "talking" && this.#frames.isInsideMessage)) {
        const what = this.#frames.isInsideMessage ? "its message is truncated" : "it has no message";
        this.refuse({ code: "INVALID_ARGUMENT", message: `grpc: the request ended early: ${what}` });
      } else if (this.#phase.type === "talking") {
        const status = this.#phase.conversation.onHalfClose();
        if (status) this.refuse(status);
      }
    });
    return pump;
  }

  #hold(bytes: number): void {
    const { patience, clock } = this.#owner;
    // A conversation keeps the server waiting only from the beginning of a message to its end.
    if (this.#phase.type === "talking" && !this.#frames.isInsideMessage) patience.begin(this, bytes, clock.nowMs());
    else patience.grow(this, bytes);
  }

  #rest(): void {
    if (this.#phase.type === "talking" && !this.#frames.isInsideMessage) this.#owner.patience.end(this);
  }

  async #run(handler: Unary, { compressed, bytes }: ReceivedMessage): Promise<void> {
    const message = compressed ? await decompress(this.header("grpc-encoding"), bytes) : bytes;
    if ("code" in message) return this.refuse(message);
    const answer = await handler(message, this);
    if ("code" in answer) this.refuse(answer);
    else this.#answer(answer);
  }

  #answer(message: Uint8Array): void {
    if (!this.#end()) return;
    this.#stream.respond(answerHeaders, { waitForTrailers: true });
    this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(okTrailers));
    const { patience, clock } = this.#owner;
    patience.begin(this, message.byteLength, clock.nowMs());
    this.#stream.end(frameOf(message));
    this.#drop();
  }

  /** One message of several. */
  #send(message: Uint8Array): void {
    if (this.#isEnded() || this.#stream.destroyed) return;
    if (!this.#stream.headersSent) this.#stream.respond(answerHeaders, { waitForTrailers: true });
    if (!this.#stream.write(frameOf(message))) this.#stream.pause();
  }

  #finish(trailers: Record<string, string>): void {
    this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(trailers));
    this.#stream.end();
    this.#drop();
  }

  #isReading(): boolean {
    return this.#phase.type === "reading" || this.#phase.type === "talking";
  }

  #isEnded(): boolean {
    return this.#phase.type === "ended";
  }

  /** False when the call has ended before, or its stream has (T1). */
  #end(): boolean {
    if (this.#phase.type === "ended") return false;
    this.#phase = { type: "ended" };
    this.#owner.patience.end(this);
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#owner.onEnd(this);
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  /** Reads on without keeping anything, so that the caller gets its answer; one that never stops sending is cut off. */
  #drop(): void {
    if (this.#stream.readableEnded) return;
    this.#stream.resume();
    const { clock } = this.#owner;
    this.#cancelWake = clock.after(limits.lingerMs, () => {
      // An answer that nobody has taken yet would hold up a closing without an error for ever: that is for `giveUp`.
      if (this.#stream.writableFinished) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #onDeadline(): void {
    this.#earlyEnd.set("deadline");
    this.refuse({ code: "DEADLINE_EXCEEDED", message: "the call's deadline has passed" });
  }

  #onClose(): void {
    this.#notice();
    this.#end();
    this.#owner.patience.end(this);
    this.#cancelWake?.();
  }

  /** A stream may be dead some callbacks before it says so (T2). */
  #notice(): void {
    if (this.#stream.destroyed && !this.#isEnded()) this.#earlyEnd.set("cancelled");
  }
}
