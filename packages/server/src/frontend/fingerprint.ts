/**
 * The 32-bit FarmHash fingerprint (its "mk" form), by which the reference server decides which workflows a ramp takes: with the same hash, a
 * workflow id is on the same side of a ramp here and there.
 */

const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/** 0 to 2^32 − 1. */
export function fingerprint32(text: string): number {
  const bytes = Buffer.from(text);
  const length = bytes.length;
  if (length <= 4) return upTo4(bytes) >>> 0;
  if (length <= 12) return upTo12(bytes) >>> 0;
  if (length <= 24) return upTo24(bytes) >>> 0;
  return longer(bytes) >>> 0;
}

function rotate(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by));
}

function mur(a: number, h: number): number {
  return Math.imul(rotate(h ^ Math.imul(rotate(Math.imul(a, c1), 17), c2), 19), 5) + 0xe6546b64;
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function upTo4(bytes: Buffer): number {
  let b = 0;
  let c = 9;
  for (let at = 0; at < bytes.length; at++) {
    b = (Math.imul(b, c1) + bytes.readInt8(at)) | 0;
    c ^= b;
  }
  return finish(mur(b, mur(bytes.length, c)));
}

function upTo12(bytes: Buffer): number {
  const { length } = bytes;
  const a = (length + bytes.readInt32LE(0)) | 0;
  const b = (length * 5 + bytes.readInt32LE(length - 4)) | 0;
  const c = (9 + bytes.readInt32LE((length >>> 1) & 4)) | 0;
  const d = length * 5;
  return finish(mur(c, mur(b, mur(a, d))));
}

function upTo24(bytes: Buffer): number {
  const { length } = bytes;
  const half = length >>> 1;
  const f = bytes.readInt32LE(length - 4);
  const d = bytes.readInt32LE(half);
  const c = bytes.readInt32LE(length - 8);
  let a = bytes.readInt32LE(half - 4);
  let h = (Math.imul(d, c1) + length) | 0;
  a = (rotate(a, 12) + f) | 0;
  h = (mur(c, h) + a) | 0;
  a = (rotate(a, 3) + c) | 0;
  h = (mur(bytes.readInt32LE(0), h) + a) | 0;
  a = (rotate((a + f) | 0, 12) + d) | 0;
  h = (mur(bytes.readInt32LE(4), h) + a) | 0;
  return finish(h);
}

/** One of the steps that mix a word in: rotate by 19, times 5, plus a constant. */
function stir(h: number): number {
  return (Math.imul(rotate(h, 19), 5) + 0xe6546b64) | 0;
}

function longer(bytes: Buffer): number {
  const { length } = bytes;
  const word = (fromEnd: number) => Math.imul(rotate(Math.imul(bytes.readInt32LE(length - fromEnd), c1), 17), c2);
  let h = stir(stir(length ^ word(4)) ^ word(16));
  let g = stir(stir(Math.imul(c1, length) ^ word(8)) ^ word(12));
  let f = (rotate((Math.imul(c1, length) + word(20)) | 0, 19) + 113) | 0;
  let at = 0;
  for (let rounds = Math.floor((length - 1) / 20); rounds > 0; rounds--, at += 20) {
    const a = bytes.readInt32LE(at);
    const b = bytes.readInt32LE(at + 4);
    const c = bytes.readInt32LE(at + 8);
    const d = bytes.readInt32LE(at + 12);
    const e = bytes.readInt32LE(at + 16);
    h = (mur(d, (h + a) | 0) + e) | 0;
    g = (mur(c, (g + b) | 0) + a) | 0;
    f = (mur((b + Math.imul(e, c1)) | 0, (f + c) | 0) + d) | 0;
    f = (f + g) | 0;
    g = (g + f) | 0;
  }
  g = Math.imul(rotate(Math.imul(rotate(g, 11), c1), 17), c1);
  f = Math.imul(rotate(Math.imul(rotate(f, 11), c1), 17), c1);
  h = Math.imul(rotate(stir((h + g) | 0), 17), c1);
  return Math.imul(rotate(stir((h + f) | 0), 17), c1);
}
