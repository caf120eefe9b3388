/** One request on an HTTP/2 connection: what its owner hears of it and does with it. What goes over the wire is up to `Http2Connection`. */
import type { Socket } from "node:net";
import { http2Codes } from "@pawl/protocol/http2";
import { limits } from "../limits.ts";
import type { RequestHeaders } from "./request-headers.ts";

export interface StreamOwner {
  onData(bytes: Buffer): void;
  /** The caller has said everything. */
  onEnd(): void;
  /** There is room again after {@link Http2Stream.isFull}. */
  onDrain(): void;
  /** Both ends have said everything, or one has broken off. In a turn of its own, once, and the last that is heard. */
  onClose(): void;
}

/** What a stream needs of its connection. */
export interface StreamWire {
  readonly socket: Socket;
  /** The stream has more to send, or its owner takes more. */
  headers(stream: Http2Stream, headers: readonly string[], once: readonly string[], isEnd: boolean): void;
  send(stream: Http2Stream): void;
  consume(stream: Http2Stream): void;
  reset(stream: Http2Stream, code: number): void;
}

/** Names and values in turn; those of `once` will hardly be said again. */
export interface Trailers {
  readonly headers: readonly string[];
  readonly once: readonly string[];
}

export class Http2Stream {
  readonly id: number;
  readonly headers: RequestHeaders;
  readonly #wire: StreamWire;
  owner: StreamOwner | undefined;

  /** For the connection: what may still be sent and received, and what has come without anybody having taken it. */
  sendWindow: number;
  receiveWindow: number = limits.streamWindowBytes;
  unconsumed = 0;
  /** Of the request, so far and as announced. */
  bodyBytes = 0;
  /** For the connection: pieces of the body that have no room yet, and what follows them. */
  readonly queue: Uint8Array[] = [];
  queueBytes = 0;
  accountedBytes = 0;
  trailers: Trailers | "none" | undefined;
  hasRequestEnded = false;
  hasAnswerEnded = false;
  isClosed = false;
  #isAnswered = false;
  #isHeld = true;
  #isFull = false;

  constructor(id: number, headers: RequestHeaders, sendWindow: number, wire: StreamWire) {
    this.id = id;
    this.headers = headers;
    this.sendWindow = sendWindow;
    this.#wire = wire;
  }

  /** Undefined when the connection has gone. */
  get socket(): Socket | undefined {
    return this.#wire.socket.destroyed ? undefined : this.#wire.socket;
  }

  /** Whether what is said now can still reach the caller. */
  get isOpen(): boolean {
    return !this.isClosed && !this.#wire.socket.destroyed;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** More waits than should: whoever sends on his own accord waits for `onDrain`. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The caller may send no more than what fits the windows, until {@link release}. It begins so. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#wire.consume(this);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Names and values in turn; those of `once` will hardly be said again. */
  respond(headers: readonly string[], once: readonly string[] = [], { isEnd = false } = {}): void {
    if (!this.isOpen || this.#isAnswered) return;
    this.#isAnswered = true;
    this.#wire.headers(this, headers, once, isEnd);
  }

  /** These bytes are not to change any more. */
  write(pieces: readonly Uint8Array[]): void {
    if (!this.isOpen || this.trailers !== undefined) return;
    this.#enqueue(pieces);
    this.#wire.send(this);
    if (this.queueBytes >= limits.streamQueueBytes) this.#isFull = true;
  }

  /** The rest of the answer: `last`, which may be nothing only if there are trailers, and these. */
  end(last: readonly Uint8Array[], trailers: Trailers | "none"): void {
    if (!this.isOpen || this.trailers !== undefined) return;
    this.#enqueue(last);
    this.trailers = trailers;
    this.#wire.send(this);
  }

  #enqueue(pieces: readonly Uint8Array[]): void {
    for (const bytes of pieces) {
      if (bytes.length === 0) continue;
      this.queue.push(bytes);
      this.queueBytes += bytes.length;
    }
  }

  reset(code: number = http2Codes.CANCEL): void {
    if (!this.isClosed) this.#wire.reset(this, code);
  }

  /** For the connection: all that was written has been sent. */
  drained(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.owner?.onDrain();
  }
}
