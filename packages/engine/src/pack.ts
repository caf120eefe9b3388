import { Encoder } from "@msgpack/msgpack";

/** One for all: each has a buffer of kilobytes, which is too much to make for the few bytes of a heartbeat. */
const encoder = new Encoder({ ignoreUndefined: true });

/** Plain values as MessagePack. Fields that are undefined are left out. The bytes are the caller's own. */
export function pack(value: unknown): Uint8Array {
  return encoder.encode(value);
}
