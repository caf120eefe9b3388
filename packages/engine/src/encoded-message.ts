import type { Codec, Init } from "@pawl/protocol";

/** Messages of the API within a snapshot, in their own encoding; an absent one stays absent. */
export function optional<T>(codec: Codec<T>, message: Init<T> | undefined): Uint8Array | undefined {
  return message === undefined ? undefined : codec.encode(message);
}

export function restored<T>(codec: Codec<T>, bytes: Uint8Array | undefined): T | undefined {
  return bytes === undefined ? undefined : codec.decode(bytes);
}
