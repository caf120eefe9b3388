/** One call on one HTTP/2 stream: reads its message or messages, answers once (T1), and tells its handler when the caller has gone (T2). */
import { grpcPrefix, http2Codes } from "@pawl/protocol/http2";
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { certificateNames } from "./certificate-names.ts";
import { EarlyEnd } from "./early-end.ts";
import type { Gate } from "./gate.ts";
import { acceptedEncodings, FrameReader, parseTimeout, type ReceivedMessage, statusHeaderList } from "./grpc-frame.ts";
import type { Http2Stream, StreamOwner } from "./http2-stream.ts";
import type { Inflation } from "./inflation.ts";
import type { Patience, Waiting } from "./patience.ts";
import type { CallerConnection, Conversation, Incoming, Status, Streaming, Unary } from "./transport.ts";

const answerHeaders = [
  ...[":status", "200", "content-type", "application/grpc"],
  ...["grpc-accept-encoding", acceptedEncodings],
];
const okTrailers = { headers: ["grpc-status", "0"], once: [] };

export interface CallOwner {
  readonly clock: Clock;
  readonly patience: Patience;
  readonly inflation: Inflation;
  /** Asked before a message is unpacked; what is judged with the message asks it by itself. */
  readonly gate: Gate | undefined;
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

export class GrpcCall implements Incoming, Waiting, StreamOwner {
  readonly path: string;
  readonly #stream: Http2Stream;
  readonly #owner: CallOwner;
  readonly #frames = new FrameReader();
  #phase: Phase = { type: "reading" };
  /** Absent until somebody has been found who wants to know. */
  #onMessage: ((message: ReceivedMessage) => void) | undefined;
  #hasCallerEnded = false;
  #deadlineMs: number | undefined;
  readonly #earlyEnd = new EarlyEnd();
  #cancelWake: Cancel | undefined;

  constructor(stream: Http2Stream, owner: CallOwner) {
    this.path = stream.headers[":path"] ?? "";
    this.#stream = stream;
    this.#owner = owner;
    stream.owner = this;
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
    return this.#stream.headers[name] ?? "";
  }

  get connection(): CallerConnection | undefined {
    return this.#stream.socket;
  }

  certificateNames(): readonly string[] {
    return certificateNames(this.#stream.socket);
  }

  /** The handler runs as soon as the message is there. */
  serve(handler: Unary): void {
    if (this.#isEnded()) return;
    const { patience, clock } = this.#owner;
    patience.begin(this, 0, clock.nowMs());
    this.#read((message) => {
      if (!message.compressed) patience.end(this);
      this.#phase = { type: "running" };
      this.#run(handler, message).catch((error: unknown) => this.refuse(this.#owner.onFault(this.path, error)));
    });
  }

  converse(open: Streaming): void {
    if (this.#isEnded()) return;
    const conversation = open(this, (message) => this.#send(message));
    this.#phase = { type: "talking", conversation };
    this.#read((message) => {
      if (message.compressed)
        return this.refuse({ code: "UNIMPLEMENTED", message: "grpc: this call takes no compressed messages" });
      const status = conversation.onMessage(message.bytes);
      if (status) this.refuse(status);
    });
  }

  /** Ends the call with a status; too late for one that has been answered. */
  refuse(status: Status): void {
    if (!this.#end()) return;
    const said = statusHeaderList(status);
    if (!this.#stream.isAnswered) return this.#stream.respond(answerHeaders, said, { isEnd: true });
    this.#stream.end([], { headers: [], once: said });
    this.#awaitTaker();
  }

  /** The caller has kept this server waiting for too long, or for longest when its memory was needed. */
  giveUp(): void {
    if (this.#isEnded()) return this.#stream.reset(http2Codes.CANCEL);
    this.refuse({ code: "RESOURCE_EXHAUSTED", message: "the request took too long to arrive: send it again" });
    // No lingering: what it holds is wanted back.
    this.#stream.reset(http2Codes.NO_ERROR);
    this.#owner.patience.end(this);
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

  onData(chunk: Buffer): void {
    if (!this.#isReading()) return; // what follows a unary call's one message is dropped
    this.#hold(chunk.byteLength);
    if (!this.#isReading()) return; // that was too much
    this.#frames.push(chunk);
    this.#pump();
    if (this.#isReading()) this.#frames.settle();
  }

  onEnd(): void {
    this.#hasCallerEnded = true;
    this.#pump();
  }

  onDrain(): void {
    this.#pump();
    if (!this.#stream.isFull) this.#stream.release();
  }

  onClose(): void {
    this.#notice();
    this.#end();
    this.#owner.patience.end(this);
  }

  #read(onMessage: (message: ReceivedMessage) => void): void {
    this.#onMessage = onMessage;
    this.#pump();
    this.#stream.release();
  }

  /** Questions wait while the connection cannot take more answers, so that short ones with long answers fill no memory. */
  #pump(): void {
    if (!this.#onMessage) return;
    while (this.#isReading() && !this.#stream.isFull) {
      const next = this.#frames.next();
      if (!next) return this.#rest();
      if ("code" in next) return this.refuse(next);
      this.#onMessage(next);
    }
  }

  #hold(bytes: number): void {
    const { patience, clock } = this.#owner;
    // A conversation keeps the server waiting only from the beginning of a message to its end.
    if (this.#phase.type === "talking" && !this.#frames.isInsideMessage) patience.begin(this, bytes, clock.nowMs());
    else patience.grow(this, bytes);
  }

  /** There is no whole message. */
  #rest(): void {
    const { isInsideMessage } = this.#frames;
    if (this.#phase.type === "talking" && !isInsideMessage) this.#owner.patience.end(this);
    if (!this.#hasCallerEnded) return;
    if (this.#phase.type === "talking" && !isInsideMessage) {
      this.#hasCallerEnded = false;
      const status = this.#phase.conversation.onHalfClose();
      if (status) this.refuse(status);
    } else {
      const what = isInsideMessage ? "its message is truncated" : "it has no message";
      this.refuse({ code: "INVALID_ARGUMENT", message: `grpc: the request ended early: ${what}` });
    }
  }

  async #run(handler: Unary, { compressed, bytes }: ReceivedMessage): Promise<void> {
    const message = compressed ? await this.#unpacked(bytes) : bytes;
    if ("code" in message) return this.refuse(message);
    if (this.#isEnded()) return;
    const answer = await handler(message, this);
    if ("code" in answer) this.refuse(answer);
    else this.#answer(answer);
  }

  /** For somebody who has said who he is: unpacking costs its caller nothing. Until then the message counts as one that is still to come. */
  async #unpacked(bytes: Buffer): Promise<Buffer | Status> {
    const { gate, inflation, patience } = this.#owner;
    const visit = gate && !gate.isOpen(this.path) ? await gate.enter(this) : undefined;
    const isRefused = visit !== undefined && "code" in visit;
    const message = isRefused
      ? visit
      : await inflation.inflate(this.header("grpc-encoding"), bytes, () => !this.#isEnded());
    patience.end(this);
    return message;
  }

  #answer(message: Uint8Array): void {
    if (!this.#end()) return;
    this.#stream.respond(answerHeaders);
    this.#stream.end([grpcPrefix(message.length), message], okTrailers);
    this.#awaitTaker();
  }

  /** One message of several. */
  #send(message: Uint8Array): void {
    if (this.#isEnded() || !this.#stream.isOpen) return;
    this.#stream.respond(answerHeaders);
    this.#stream.write([grpcPrefix(message.length), message]);
    if (this.#stream.isFull) this.#stream.hold();
  }

  /** For the rest of the answer, if there was no room for all of it. */
  #awaitTaker(): void {
    const { queueBytes, isOpen } = this.#stream;
    if (isOpen && queueBytes > 0) this.#owner.patience.begin(this, queueBytes, this.#owner.clock.nowMs());
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
    return this.#stream.isOpen;
  }

  #onDeadline(): void {
    this.#earlyEnd.set("deadline");
    this.refuse({ code: "DEADLINE_EXCEEDED", message: "the call's deadline has passed" });
  }

  /** A stream may be dead some callbacks before it says so (T2). */
  #notice(): void {
    if (!this.#stream.isOpen && !this.#isEnded()) this.#earlyEnd.set("cancelled");
  }
}
