/**
 * What gRPC puts into HTTP/2: messages behind their prefixes, timeouts, statuses as headers. Pure: bytes and texts in, bytes and texts out.
 */
import { constants, gunzip, gunzipSync, inflate, inflateSync } from "node:zlib";
import { grpcPrefixBytes, readGrpcPrefix } from "@pawl/protocol/http2";
import { limits } from "../limits.ts";
import { type Status, statusCodes } from "./transport.ts";

export interface ReceivedMessage {
  readonly compressed: boolean;
  /** In memory of its own: what is kept of it later keeps no network buffer alive. */
  readonly bytes: Buffer;
}

/** Takes a call's bytes as they come and gives its messages. */
export class FrameReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(bytesMax: number = limits.messageBytesMax) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** What came last and is no whole message yet is kept for longer: not with all that came from the network with it. */
  settle(): void {
    const last = this.#chunks.at(-1);
    if (last && last.buffer.byteLength > 4 * last.length) this.#chunks[this.#chunks.length - 1] = Buffer.from(last);
  }

  /** The next message, undefined when it is not there yet, a status when it is larger than what this server takes. */
  next(): ReceivedMessage | Status | undefined {
    if (this.#length < grpcPrefixBytes) return undefined;
    const { flag, length } = readGrpcPrefix(this.#peek(grpcPrefixBytes));
    if (length > this.#bytesMax) return tooLarge(length);
    if (this.#length < grpcPrefixBytes + length) return undefined;
    if (flag > 1) return { code: "INVALID_ARGUMENT", message: `grpc: invalid compression flag ${flag}` };
    return { compressed: flag === 1, bytes: this.#take(grpcPrefixBytes + length) };
  }

  /** Bytes of a message that never came whole. */
  get isInsideMessage(): boolean {
    return this.#length > 0;
  }

  #peek(count: number): Buffer {
    if (this.#chunks[0]!.length < count) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0]!;
  }

  /** Takes `count` bytes off and gives a copy of them without the prefix. */
  #take(count: number): Buffer {
    const taken = Buffer.allocUnsafeSlow(count - grpcPrefixBytes);
    let skip = grpcPrefixBytes;
    let at = 0;
    let left = count;
    while (left > 0) {
      const chunk = this.#chunks[0]!;
      const used = Math.min(left, chunk.length);
      if (used > skip) at += chunk.copy(taken, at, skip, used);
      skip = Math.max(0, skip - used);
      left -= used;
      if (used === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(used);
    }
    this.#length -= count;
    return taken;
  }
}

/** SDKs look for this text: it tells them not to send the same again. */
export function tooLarge(bytes: number): Status {
  const message = `grpc: received message larger than max (${bytes} vs. ${limits.messageBytesMax})`;
  return { code: "RESOURCE_EXHAUSTED", message };
}

const inflated: Status = {
  code: "RESOURCE_EXHAUSTED",
  message: `grpc: received message after decompression larger than max ${limits.messageBytesMax}`,
};

/** What this server reads; it never compresses itself. */
export const acceptedEncodings = "identity,gzip,deflate";

/** Up to these sizes, packed and unpacked, a thread of its own costs more than the work. */
const syncBytesMax = 16 * 1024;
const syncInflatedBytesMax = 128 * 1024;

const codecs: Readonly<Record<string, { readonly now: typeof gunzipSync; readonly later: typeof gunzip }>> = {
  gzip: { now: gunzipSync, later: gunzip },
  deflate: { now: inflateSync, later: inflate },
};

/** The message as it was before compression; a status when it cannot be had; undefined when that is too much work to wait for. */
export function decompressNow(encoding: string, bytes: Buffer): Buffer | Status | undefined {
  const codec = codecOf(encoding);
  if (!codec) return encodingProblem(encoding);
  if (bytes.length > syncBytesMax) return undefined;
  const chunk = encoding === "gzip" ? { chunkSize: gunzipChunkBytes(bytes) } : {};
  try {
    return codec.now(bytes, { maxOutputLength: syncInflatedBytesMax, ...chunk });
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    return isLarge ? undefined : decompressionProblem(error as NodeJS.ErrnoException);
  }
}

/** The same, however large it is, by another thread. */
export function decompressLater(encoding: string, bytes: Buffer): Promise<Buffer | Status> {
  const codec = codecOf(encoding);
  if (!codec) return Promise.resolve(encodingProblem(encoding));
  return new Promise((resolve) => {
    codec.later(bytes, { maxOutputLength: limits.messageBytesMax }, (error, result) =>
      resolve(error ? decompressionProblem(error) : result),
    );
  });
}

function codecOf(encoding: string) {
  return Object.hasOwn(codecs, encoding) ? codecs[encoding] : undefined;
}

/** Room for all of the message, which gzip tells at its end, so that it is inflated in one go into no more memory than it needs. */
function gunzipChunkBytes(bytes: Buffer): number {
  const told = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4);
  return Math.min(Math.max(told, constants.Z_MIN_CHUNK), syncBytesMax) + 1;
}

function encodingProblem(encoding: string): Status {
  if (encoding === "" || encoding === "identity")
    return { code: "INVALID_ARGUMENT", message: "grpc: compressed flag set with identity or empty encoding" };
  return {
    code: "UNIMPLEMENTED",
    message: `grpc: compression "${encoding}" is not known; known are ${acceptedEncodings}`,
  };
}

function decompressionProblem(error: NodeJS.ErrnoException): Status {
  if (error.code === "ERR_BUFFER_TOO_LARGE") return inflated;
  return { code: "INVALID_ARGUMENT", message: "grpc: failed to decompress the received message" };
}

const timeoutShape = /^(\d{1,8})([HMSmun])$/;
const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds, rounded up; undefined without the header; a status for one that says nothing. */
export function parseTimeout(header: string): number | undefined | Status {
  if (header === "") return undefined;
  const [, amount, unit] = timeoutShape.exec(header) ?? [];
  if (amount === undefined || unit === undefined)
    return { code: "INVALID_ARGUMENT", message: `grpc: malformed grpc-timeout ${JSON.stringify(header.slice(0, 32))}` };
  return Math.ceil(Number(amount) * unitMs[unit]!);
}

/** A status as headers, names and values in turn. */
export function statusHeaderList(status: Status): string[] {
  return Object.entries(statusHeaders(status)).flat();
}

/** A status as headers. */
export function statusHeaders({ code, message, details }: Status): Record<string, string> {
  const headers: Record<string, string> = { "grpc-status": String(statusCodes[code]) };
  if (message !== "") headers["grpc-message"] = percentEncoded(message);
  // Larger details do not fit the headers that HTTP/2 stacks take; code and message say enough without them.
  if (details && details.length <= limits.statusDetailsBytesMax)
    headers["grpc-status-details-bin"] = Buffer.from(details).toString("base64").replace(/=+$/, "");
  return headers;
}

/**
 * gRPC's percent-encoding: printable ASCII but `%` stays. Cut to the limit between characters. A space at either end is encoded too, because HTTP/2
 * stacks drop a header whose value begins or ends with one, and the whole message with it.
 */
function percentEncoded(message: string): string {
  let bytes = Buffer.from(message, "utf8");
  if (bytes.length > limits.statusMessageBytesMax) {
    let end: number = limits.statusMessageBytesMax;
    while ((bytes[end]! & 0xc0) === 0x80) end--;
    bytes = bytes.subarray(0, end);
  }
  let encoded = "";
  for (const [i, byte] of bytes.entries()) {
    const isOuterSpace = byte === 0x20 && (i === 0 || i === bytes.length - 1);
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && !isOuterSpace
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
