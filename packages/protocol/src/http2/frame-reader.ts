/** Cuts what comes from a connection into frames (RFC 9113 §4). */

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlags = {
  acknowledged: 0x1,
  endOfStream: 0x1,
  endOfHeaders: 0x4,
  padded: 0x8,
  prioritized: 0x20,
} as const;

export const frameHeadBytes = 9;
/** HTTP/2's own limit, until the one who receives raises it. */
export const frameBytesDefault = 16_384;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export class FrameReader {
  /** The beginning of a frame. */
  #rest: Buffer | undefined;

  /** Frames that are whole now. `undefined` in their place: the peer sends a larger one than it may, or does not speak HTTP/2. */
  *read(chunk: Buffer): Generator<Frame | undefined, void> {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= frameHeadBytes) {
      const length = bytes.readUIntBE(at, 3);
      if (length > frameBytesDefault) return yield undefined;
      const end = at + frameHeadBytes + length;
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      const payload = bytes.subarray(at + frameHeadBytes, end);
      yield { type: bytes[at + 3]!, flags: bytes[at + 4]!, streamId, payload };
      at = end;
    }
    this.#rest = at < bytes.length ? kept(bytes.subarray(at)) : undefined;
  }
}

/** The rest of a frame may be long in coming: a little of it keeps no large buffer alive. */
function kept(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength > 4 * bytes.length ? Buffer.from(bytes) : bytes;
}

/** Data or headers without padding and priority. `undefined` when there is more padding than frame. */
export function contentOf({ type, flags, payload }: Frame): Buffer | undefined {
  const isPadded = (flags & frameFlags.padded) !== 0;
  const isPrioritized = type === frameTypes.headers && (flags & frameFlags.prioritized) !== 0;
  if (!isPadded && !isPrioritized) return payload;
  const start = (isPadded ? 1 : 0) + (isPrioritized ? 5 : 0);
  const end = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  return start <= end ? payload.subarray(start, end) : undefined;
}
