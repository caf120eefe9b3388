/**
 * What travels over a link between two nodes (`link.ts`): calls and cancellations one way, answers the other. Several frames make one message, so that all that
 * comes up in one turn of the event loop is written, sealed and read at once. Pure: values in, bytes out, and back.
 */
import { type Status, type StatusCode, statusCodes } from "../rpc/transport.ts";

export type CallFrame =
  | {
      readonly type: "call";
      /** Of the caller's own, for the answer. */
      readonly id: number;
      readonly path: string;
      /** What goes with the request, as text (`forwarding.ts`). */
      readonly attachment: string;
      /** undefined: the caller sets none. */
      readonly timeoutMs: number | undefined;
      readonly request: Uint8Array;
    }
  /** Nobody waits for the answer any more. */
  | { readonly type: "cancel"; readonly id: number };

export interface AnswerFrame {
  readonly id: number;
  readonly answer: Uint8Array | Status;
}

const kinds = { call: 1, cancel: 2, message: 3, status: 4 } as const;
/** Timeouts that say nothing, or more than four bytes hold. */
const noTimeout = 0xffff_ffff;

export function encodeCalls(frames: readonly CallFrame[]): Buffer {
  const writer = new Writer();
  for (const frame of frames) {
    writer.byte(kinds[frame.type]);
    writer.number(frame.id);
    if (frame.type === "cancel") continue;
    writer.number(Math.min(Math.max(1, Math.ceil(frame.timeoutMs ?? noTimeout)), noTimeout));
    writer.bytes(Buffer.from(frame.path));
    writer.bytes(Buffer.from(frame.attachment));
    writer.bytes(frame.request);
  }
  return writer.end();
}

/** Throws when they are none. Requests are in memory of their own. */
export function decodeCalls(bytes: Uint8Array): CallFrame[] {
  const reader = new Reader(bytes);
  const frames: CallFrame[] = [];
  while (!reader.isAtEnd) {
    const kind = reader.byte();
    const id = reader.number();
    if (kind === kinds.cancel) frames.push({ type: "cancel", id });
    else if (kind === kinds.call) {
      const timeoutMs = reader.number();
      const [path, attachment] = [reader.text(), reader.text()];
      const request = reader.bytes();
      const isTimed = timeoutMs !== noTimeout;
      frames.push({ type: "call", id, path, attachment, timeoutMs: isTimed ? timeoutMs : undefined, request });
    } else throw new RangeError(`no frame of a caller is of kind ${kind}`);
  }
  return frames;
}

export function encodeAnswers(frames: readonly AnswerFrame[]): Buffer {
  const writer = new Writer();
  for (const { id, answer } of frames) {
    const isStatus = "code" in answer;
    writer.byte(isStatus ? kinds.status : kinds.message);
    writer.number(id);
    if (!isStatus) writer.bytes(answer);
    else {
      writer.bytes(Buffer.from(answer.code));
      writer.bytes(Buffer.from(answer.message));
      writer.bytes(answer.details ?? new Uint8Array());
    }
  }
  return writer.end();
}

/** Throws when they are none. Messages are in memory of their own. */
export function decodeAnswers(bytes: Uint8Array): AnswerFrame[] {
  const reader = new Reader(bytes);
  const frames: AnswerFrame[] = [];
  while (!reader.isAtEnd) {
    const kind = reader.byte();
    const id = reader.number();
    if (kind === kinds.message) frames.push({ id, answer: reader.bytes() });
    else if (kind === kinds.status) {
      const [code, message] = [reader.text(), reader.text()];
      const details = reader.bytes();
      if (!isStatusCode(code)) throw new RangeError(`no status is called ${JSON.stringify(code)}`);
      frames.push({ id, answer: { code, message, ...(details.length > 0 && { details }) } });
    } else throw new RangeError(`no frame of an answer is of kind ${kind}`);
  }
  return frames;
}

function isStatusCode(text: string): text is StatusCode {
  return Object.hasOwn(statusCodes, text);
}

/** Frames behind the seal that is over them (`node-seal.ts`). */
export function encodeSealed(seal: string, frames: Uint8Array): Buffer {
  const writer = new Writer();
  writer.bytes(Buffer.from(seal));
  writer.rest(frames);
  return writer.end();
}

/** Throws when it is none. Whether the seal is good is not looked at, and `frames` are no copy. */
export function decodeSealed(bytes: Uint8Array): { readonly seal: string; readonly frames: Uint8Array } {
  const reader = new Reader(bytes);
  return { seal: reader.text(), frames: reader.rest() };
}

/** Collects first, so that all is copied once, into memory of the right size. */
class Writer {
  readonly #pieces: (number | Uint8Array)[] = [];
  readonly #sizes: number[] = [];
  #length = 0;

  byte(value: number): void {
    this.#add(value, 1);
  }

  number(value: number): void {
    this.#add(value, 4);
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#add(value, value.length);
  }

  rest(value: Uint8Array): void {
    this.#add(value, value.length);
  }

  end(): Buffer {
    const all = Buffer.allocUnsafe(this.#length);
    let at = 0;
    for (const [index, piece] of this.#pieces.entries()) {
      const size = this.#sizes[index]!;
      if (typeof piece !== "number") all.set(piece, at);
      else all.writeUIntBE(piece, at, size);
      at += size;
    }
    return all;
  }

  #add(piece: number | Uint8Array, size: number): void {
    this.#pieces.push(piece);
    this.#sizes.push(size);
    this.#length += size;
  }
}

class Reader {
  readonly #all: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#all.length;
  }

  byte(): number {
    return this.#all.readUInt8(this.#step(1));
  }

  number(): number {
    return this.#all.readUInt32BE(this.#step(4));
  }

  text(): string {
    const length = this.number();
    const from = this.#step(length);
    return this.#all.toString("utf8", from, from + length);
  }

  /** A copy: what is kept of it later keeps nothing alive that came along. */
  bytes(): Uint8Array {
    const length = this.number();
    const from = this.#step(length);
    return new Uint8Array(this.#all.subarray(from, from + length));
  }

  rest(): Uint8Array {
    return this.#all.subarray(this.#step(this.#all.length - this.#at));
  }

  #step(size: number): number {
    const from = this.#at;
    if (from + size > this.#all.length) throw new RangeError("a frame is cut off");
    this.#at += size;
    return from;
  }
}
