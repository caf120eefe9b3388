/** What a server says on an HTTP/2 connection: headers at once, bodies as far as the peer's windows and the socket have room for them, in turn. */
import type { Socket } from "node:net";
import { frameBytesDefault, frameFlags, frameTypes, HeaderEncoder, Outbox, windowDefault } from "@pawl/protocol/http2";
import type { Http2Stream } from "./http2-stream.ts";

/** So much goes to the socket at once; beyond it the socket says whether it takes more. */
const batchBytes = 64 * 1024;

export class AnswerSender {
  readonly outbox: Outbox;
  readonly #socket: Socket;
  readonly #onEnd: (stream: Http2Stream) => void;
  readonly #encoder = new HeaderEncoder();
  /** With something to send and room in their own windows, for when the connection has room too. Each sends one frame in its turn. */
  readonly #ready = new Set<Http2Stream>();
  #window = windowDefault;
  #heldBytes = 0;

  /** `onEnd`: the last frame of a stream's answer has been written. */
  constructor(socket: Socket, onEnd: (stream: Http2Stream) => void) {
    this.#socket = socket;
    this.#onEnd = onEnd;
    this.outbox = new Outbox(socket);
  }

  /** Of bodies that have no room yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get window(): number {
    return this.#window;
  }

  /** The peer's table of headers takes no more than so many bytes. */
  resizeTable(bytesMax: number): void {
    this.#encoder.resize(bytesMax);
  }

  widen(bytes: number): void {
    this.#window += bytes;
    this.sendMore();
  }

  headers({ id }: Http2Stream, headers: readonly string[], once: readonly string[], isEnd: boolean): void {
    this.outbox.headers(id, this.#encoder.encode(headers, once), isEnd);
  }

  /** As much of it as there is room for. */
  send(stream: Http2Stream): void {
    this.#account(stream);
    if (stream.queueBytes === 0) return this.#finish(stream);
    // Those that wait for the connection go first.
    if (this.#ready.size > 0) {
      this.#ready.add(stream);
      return this.sendMore();
    }
    while (this.#sendFrame(stream) === "more") {
      if (this.#hasRoom()) continue;
      this.#ready.add(stream);
      return;
    }
  }

  sendMore(): void {
    while (this.#ready.size > 0 && this.#hasRoom()) {
      const [stream] = this.#ready;
      this.#ready.delete(stream!);
      if (this.#sendFrame(stream!) === "more") this.#ready.add(stream!);
    }
  }

  /** It is over: what it still wanted to send is dropped. */
  forget(stream: Http2Stream): void {
    this.#ready.delete(stream);
    stream.queue.length = 0;
    stream.queueBytes = 0;
    this.#account(stream);
  }

  #hasRoom(): boolean {
    if (this.outbox.length >= batchBytes) this.outbox.flush();
    return this.#window > 0 && !this.#socket.writableNeedDrain;
  }

  /** "more": it has more to send and its own window has room for it. */
  #sendFrame(stream: Http2Stream): "more" | "done" {
    if (stream.isClosed || stream.sendWindow <= 0) return "done";
    if (!this.#hasRoom()) return "more";
    const bytes = Math.min(stream.queueBytes, frameBytesDefault, stream.sendWindow, this.#window);
    const isLast = stream.trailers === "none" && bytes === stream.queueBytes;
    this.outbox.head(frameTypes.data, isLast ? frameFlags.endOfStream : 0, stream.id, bytes);
    for (let left = bytes; left > 0; ) {
      const piece = stream.queue[0]!;
      if (piece.length <= left) stream.queue.shift();
      else stream.queue[0] = piece.subarray(left);
      this.outbox.write(piece.length <= left ? piece : piece.subarray(0, left));
      left -= Math.min(left, piece.length);
    }
    stream.queueBytes -= bytes;
    stream.sendWindow -= bytes;
    this.#window -= bytes;
    this.#account(stream);
    if (stream.queueBytes > 0) return "more";
    this.#finish(stream);
    return "done";
  }

  #finish(stream: Http2Stream): void {
    const { trailers, hasAnswerEnded } = stream;
    if (!trailers) return stream.drained();
    if (hasAnswerEnded) return;
    if (trailers !== "none") this.headers(stream, trailers.headers, trailers.once, true);
    this.#onEnd(stream);
  }

  #account(stream: Http2Stream): void {
    this.#heldBytes += stream.queueBytes - stream.accountedBytes;
    stream.accountedBytes = stream.queueBytes;
  }
}
