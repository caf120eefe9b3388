/**
 * The other end of a link (`link.ts`): calls of another node that come over one long stream, and are answered over it.
 *
 *   S1. Of a message nothing is looked into before its seal has shown that the node made it that began the link.
 *   S2. Answers that come up in one turn of the event loop are one message.
 *   S3. When this server stops, what waits ends and what runs runs on. The stream stays until its caller, who has been told with its connection, has all answers.
 */
import { clusterLimits } from "../limits.ts";
import { EarlyEnd } from "../rpc/early-end.ts";
import type { Conversation, Incoming, Status, Streaming } from "../rpc/transport.ts";
import { type AnswerFrame, type CallFrame, decodeCalls, decodeSealed, encodeAnswers } from "./link-frames.ts";

export interface LinkServiceParts {
  readonly nowMs: () => number;
  /** Whether these frames are of the node that the link is from. */
  readonly isSealed: (link: Incoming, frames: Uint8Array, seal: string) => boolean;
  /** Answers as this link's caller expects them: behind a seal, unless it is of a version that knows none. `number`: which message of the link it is, from 1. */
  readonly seal: (link: Incoming, number: number, frames: Uint8Array) => Uint8Array;
  /** Never throws. */
  readonly serve: (from: string, request: Uint8Array, call: LinkCall) => Promise<Uint8Array | Status>;
}

export const stranger: Status = { code: "UNAUTHENTICATED", message: "this port is for nodes of the cluster" };
const garbled: Status = { code: "INVALID_ARGUMENT", message: "pawl: no frames of a link" };

export function linkService(parts: LinkServiceParts): Streaming {
  return (link, send) => new LinkConversation(parts, link, send);
}

class LinkConversation implements Conversation {
  readonly outlastsStop = true;
  readonly #parts: LinkServiceParts;
  readonly #link: Incoming;
  readonly #from: string;
  readonly #sendMessage: (response: Uint8Array) => void;
  readonly #calls = new Map<number, LinkCall>();
  #answers: AnswerFrame[] = [];
  #bytes = 0;
  #sentCount = 0;
  #isFlushDue = false;

  constructor(parts: LinkServiceParts, link: Incoming, send: (response: Uint8Array) => void) {
    this.#parts = parts;
    this.#link = link;
    this.#from = link.header("pawl-from");
    this.#sendMessage = send;
    link.signal.addEventListener("abort", () => this.#onEnd(), { once: true });
  }

  onMessage(message: Uint8Array): Status | undefined {
    let frames: readonly CallFrame[];
    try {
      const sealed = decodeSealed(message);
      if (!this.#parts.isSealed(this.#link, sealed.frames, sealed.seal)) return stranger;
      frames = decodeCalls(sealed.frames);
    } catch {
      return garbled;
    }
    for (const frame of frames) {
      if (frame.type === "cancel") this.#calls.get(frame.id)?.end("cancelled");
      else void this.#run(frame);
    }
    return undefined;
  }

  /** The caller has all its answers, or has let go of the connection and waits for none. */
  onHalfClose(): Status {
    for (const call of this.#calls.values()) call.end("cancelled");
    return { code: "OK", message: "" };
  }

  async #run(frame: Extract<CallFrame, { type: "call" }>): Promise<void> {
    const { id, timeoutMs, request } = frame;
    const deadlineMs = timeoutMs === undefined ? undefined : this.#parts.nowMs() + timeoutMs;
    const call = new LinkCall(frame, this.#link, deadlineMs);
    this.#calls.set(id, call);
    if (this.#link.ended() !== "no") this.#onEnd();
    const answer = await this.#parts.serve(this.#from, request, call);
    this.#calls.delete(id);
    this.#answer({ id, answer });
  }

  #answer(frame: AnswerFrame): void {
    this.#answers.push(frame);
    if (!("code" in frame.answer)) this.#bytes += frame.answer.length;
    if (this.#bytes > clusterLimits.linkBatchBytes) return this.#flush();
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const answers = this.#answers.splice(0);
    this.#bytes = 0;
    if (answers.length === 0) return;
    this.#sentCount += 1;
    this.#sendMessage(this.#parts.seal(this.#link, this.#sentCount, encodeAnswers(answers)));
  }

  /** S3, or the connection is lost and with it everybody who waits. */
  #onEnd(): void {
    const cause = this.#link.ended() === "stopping" ? "stopping" : "cancelled";
    for (const call of this.#calls.values()) call.end(cause);
  }
}

/** One call of many on a link. */
class LinkCall implements Incoming {
  readonly path: string;
  readonly attachment: string;
  readonly deadlineMs: number | undefined;
  readonly #link: Incoming;
  readonly #earlyEnd = new EarlyEnd();

  constructor(
    { path, attachment }: { readonly path: string; readonly attachment: string },
    link: Incoming,
    deadlineMs: number | undefined,
  ) {
    this.path = path;
    this.attachment = attachment;
    this.deadlineMs = deadlineMs;
    this.#link = link;
  }

  get signal(): AbortSignal {
    void this.#link.signal; // which notices a connection that is gone
    return this.#earlyEnd.signal;
  }

  ended(): ReturnType<Incoming["ended"]> {
    void this.#link.signal;
    return this.#earlyEnd.cause;
  }

  header(): string {
    return "";
  }

  end(cause: "cancelled" | "stopping"): void {
    this.#earlyEnd.set(cause);
  }
}
