/** What is to go over a socket: all frames of one turn go in one write. */
import { frameBytesDefault, frameFlags, frameHeadBytes, frameTypes } from "./frame-reader.ts";

const bytesAtFirst = 16_384;
/** A buffer that has grown larger is not kept. */
const bytesKept = 262_144;

/** As much of a socket as is needed to write to it. */
export interface OutboxSocket {
  readonly destroyed: boolean;
  readonly writable: boolean;
  readonly writableLength: number;
  write(bytes: Uint8Array): boolean;
}

export class Outbox {
  readonly #socket: OutboxSocket;
  #buffer = Buffer.allocUnsafeSlow(bytesAtFirst);
  #length = 0;
  #isScheduled = false;
  readonly #flushLater = () => this.flush();

  constructor(socket: OutboxSocket) {
    this.#socket = socket;
  }

  /** What has not been given to the socket yet. */
  get length(): number {
    return this.#length;
  }

  write(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.head(type, flags, streamId, payload.length);
    this.#buffer.set(payload, this.#length);
    this.#length += payload.length;
  }

  /** The beginning of a frame whose payload of so many bytes is written next. */
  head(type: number, flags: number, streamId: number, length: number): void {
    this.#makeRoom(frameHeadBytes + length);
    const buffer = this.#buffer;
    let at = this.#length;
    buffer[at++] = length >>> 16;
    buffer[at++] = length >>> 8;
    buffer[at++] = length;
    buffer[at++] = type;
    buffer[at++] = flags;
    this.#length = buffer.writeUInt32BE(streamId, at);
  }

  /** A block of headers, in as many frames as it needs. */
  headers(streamId: number, block: Uint8Array, isEnd: boolean, frameBytes: number = frameBytesDefault): void {
    const { headers, continuation } = frameTypes;
    const end = isEnd ? frameFlags.endOfStream : 0;
    for (let at = 0; at === 0 || at < block.length; at += frameBytes) {
      const isLast = at + frameBytes >= block.length;
      const flags = (isLast ? frameFlags.endOfHeaders : 0) | (at === 0 ? end : 0);
      this.frame(at === 0 ? headers : continuation, flags, streamId, block.subarray(at, at + frameBytes));
    }
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#length === 0 || this.#socket.destroyed) return;
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    if (this.#socket.writable) this.#socket.write(bytes);
    // What the system has taken at once is nobody's any more.
    if (this.#socket.writableLength > 0 || this.#buffer.length > bytesKept) {
      this.#buffer = Buffer.allocUnsafeSlow(bytesAtFirst);
    }
  }

  #makeRoom(bytes: number): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(this.#flushLater);
    }
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
