/** `google.rpc.RetryInfo`: when it makes sense to try again. The API's descriptors do not have it; it is one duration. */

export const retryInfoType = "google.rpc.RetryInfo";

/** `retry_delay` (1) is a duration of `seconds` (1) and `nanos` (2). */
export function retryInfo(delayMs: number): Uint8Array {
  const duration = [0x08, ...varint(Math.floor(delayMs / 1_000)), 0x10, ...varint((delayMs % 1_000) * 1_000_000)];
  return Uint8Array.from([0x0a, duration.length, ...duration]);
}

/** Of a whole number of at most 31 bits. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
