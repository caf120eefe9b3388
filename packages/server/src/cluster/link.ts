/**
 * Calls to another node over one long stream: a stream for each would cost as much again as the caller's own. What comes up in one turn of the event loop is
 * one message under one seal, and so is what comes back (`link-frames.ts`).
 *
 *   L1. Every call ends: with its answer, or when it has lasted too long, or when the link is lost, in the way that `Peer` promises (C1).
 *   L2. A link that is retired takes no further calls, and ends when the last of its own has its answer: so nothing is lost when a connection has come of age or
 *       the other node stops.
 */
import { type ClientHttp2Stream, constants } from "node:http2";
import { grpcMessage } from "@pawl/protocol/http2";
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits, limits } from "../limits.ts";
import { FrameReader } from "../rpc/grpc-frame.ts";
import { type CallFrame, decodeAnswers, encodeCalls, encodeSealed } from "./link-frames.ts";
import type { PeerAnswer, PeerCall } from "./peer-call.ts";

export interface LinkParts {
  readonly stream: ClientHttp2Stream;
  readonly clock: Clock;
  /** Over encoded frames. */
  readonly seal: (frames: Uint8Array) => string;
  /** The frames of a message of answers, `number` from 1. Throws when the other node has not sent this one. */
  readonly opened: (message: Uint8Array, number: number) => Uint8Array;
  /** What a call comes to that the other node may have seen, and that has no answer any more. `headers`: how the stream ended, as far as that was told. */
  readonly lost: (headers: Readonly<Record<string, unknown>>) => LostCalls;
}

/** `again`: the other node knows no links, and has done nothing; so the call is made in another way. */
export type LostCalls = Exclude<PeerAnswer, Uint8Array> | "again";

interface Pending {
  readonly resolve: (answer: PeerAnswer | "again") => void;
  readonly lateAtMs: number;
  readonly signal: AbortSignal | undefined;
  readonly cancel: () => void;
}

export class Link {
  readonly #parts: LinkParts;
  readonly #reader = new FrameReader(clusterLimits.answerBytesMax);
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #receivedCount = 0;
  #frames: CallFrame[] = [];
  #bytes = 0;
  #isFlushDue = false;
  #isRetired = false;
  #isOver = false;
  #cancelSweep: Cancel | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { stream, lost } = parts;
    const seen: Record<string, unknown> = {};
    stream.on("response", (headers) => Object.assign(seen, headers));
    stream.on("trailers", (trailers) => Object.assign(seen, trailers));
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("error", () => {}); // "close" follows
    // When the other node ends it, which it does with a refusal alone, there is nobody left to say anything to.
    stream.on("end", () => stream.end());
    stream.on("close", () => this.#onLost(lost(seen)));
  }

  /** Whether there is room for another call. */
  get isOpen(): boolean {
    return !this.#isOver && !this.#isRetired && this.#parts.stream.writableLength <= clusterLimits.linkWaitingBytesMax;
  }

  /** Takes calls while `isOpen`. */
  call({ path, attachment, request, timeoutMs, signal }: PeerCall): Promise<PeerAnswer | "again"> {
    return new Promise((resolve) => {
      this.#lastId += 1;
      const id = this.#lastId;
      const { clock } = this.#parts;
      const cancel = () => this.#giveUp(id);
      const lateAtMs = clock.nowMs() + (timeoutMs ?? limits.callMsMax) + clusterLimits.connectMsMax;
      this.#pending.set(id, { resolve, lateAtMs, signal, cancel });
      signal?.addEventListener("abort", cancel, { once: true });
      this.#send({ type: "call", id, path, attachment, timeoutMs, request });
      if (this.#cancelSweep === undefined) this.#sweepLater();
    });
  }

  /** L2. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfDone();
  }

  #send(frame: CallFrame): void {
    if (frame.type === "call") {
      this.#bytes += frame.request.length;
      if (this.#bytes > clusterLimits.linkBatchBytes) this.#flush();
    }
    this.#frames.push(frame);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#flush();
      this.#endIfDone();
    });
  }

  #flush(): void {
    const { stream, seal } = this.#parts;
    const frames = this.#frames.splice(0);
    this.#bytes = 0;
    if (frames.length === 0 || stream.destroyed || stream.writableEnded) return;
    const calls = encodeCalls(frames);
    stream.write(grpcMessage(encodeSealed(seal(calls), calls)));
  }

  #onData(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      for (let next = this.#reader.next(); next; next = this.#reader.next()) {
        if ("code" in next) throw new RangeError(next.message);
        this.#receivedCount += 1;
        const frames = this.#parts.opened(next.bytes, this.#receivedCount);
        for (const { id, answer } of decodeAnswers(frames)) this.#settle(id, answer);
      }
    } catch {
      // It speaks another language or is somebody else, and whatever it has said is worth nothing.
      this.#parts.stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
    }
    this.#endIfDone();
  }

  #settle(id: number, answer: PeerAnswer | "again"): void {
    const pending = this.#pending.get(id);
    if (!pending) return; // its caller had gone
    this.#pending.delete(id);
    pending.signal?.removeEventListener("abort", pending.cancel);
    pending.resolve(answer);
  }

  /** Nobody waits for it any more, or the other node stands still. */
  #giveUp(id: number): void {
    if (!this.#pending.has(id)) return;
    this.#send({ type: "cancel", id });
    const answer = this.#parts.lost({});
    this.#settle(id, answer === "again" ? "unreached" : answer);
  }

  #onLost(lost: LostCalls): void {
    this.#isOver = true;
    this.#cancelSweep?.();
    for (const id of [...this.#pending.keys()]) this.#settle(id, lost);
  }

  #endIfDone(): void {
    if (this.#isRetired && !this.#isFlushDue && this.#pending.size === 0) this.#parts.stream.end();
  }

  #sweepLater(): void {
    const { clock } = this.#parts;
    this.#cancelSweep = clock.wake(clock.nowMs() + clusterLimits.linkSweepMs, () => {
      this.#cancelSweep = undefined;
      const nowMs = clock.nowMs();
      for (const [id, { lateAtMs }] of this.#pending) if (nowMs >= lateAtMs) this.#giveUp(id);
      if (this.#pending.size > 0) this.#sweepLater();
    });
  }
}
