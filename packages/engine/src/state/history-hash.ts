/**
 * One number for all events of a run, which its snapshot keeps: an event that is not as it was written no longer comes to it (I7). This is
 * MurmurHash3 without its end, taken further with each batch; four bytes at a time, so that it costs next to nothing beside encoding them.
 */

/** Of a run that has no events. */
export const emptyHistoryHash = 0;

const first = 0xcc9e2d51;
const second = 0x1b873593;

/** `hash`: of the batches before. Unsigned, 32 bits. */
export function hashedHistory(hash: number, { buffer, byteOffset, length }: Uint8Array): number {
  const view = new DataView(buffer, byteOffset, length);
  const whole = length - (length % 4);
  let to = hash;
  for (let at = 0; at < whole; at += 4) to = stirred(to, view.getInt32(at, true));
  let rest = 0;
  for (let at = length - 1; at >= whole; at--) rest = (rest << 8) | view.getUint8(at);
  // The length, too: otherwise zeros at the end would not count.
  return stirred(stirred(to, rest), length) >>> 0;
}

function stirred(hash: number, word: number): number {
  const to = hash ^ Math.imul(rotated(Math.imul(word, first), 15), second);
  return (Math.imul(rotated(to, 13), 5) + 0xe6546b64) | 0;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
