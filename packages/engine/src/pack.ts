import { decode, Encoder } from "@msgpack/msgpack";

/** One for all: each has a buffer of kilobytes, which is too much to make for the few bytes of a heartbeat. */
const encoder = new Encoder({ ignoreUndefined: true });
const packedOnce = new WeakMap<object, Uint8Array>();

/** Plain values as MessagePack. Fields that are undefined are left out. The bytes are the caller's own. */
export function pack(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * For a value within a snapshot that is replaced, never changed: it is written with each change of what it belongs to, and packed the first time only.
 * `plain` makes it one that msgpack takes. `unpack` undoes it.
 */
export function packOnce<T extends object>(value: T, plain: (value: T) => unknown): Uint8Array {
  const known = packedOnce.get(value);
  if (known) return known;
  const bytes = pack(plain(value));
  packedOnce.set(value, bytes);
  return bytes;
}

/** Snapshots of earlier builds hold the value itself. */
export function unpack<T>(packed: Uint8Array | T): T {
  return packed instanceof Uint8Array ? (decode(packed) as T) : packed;
}
