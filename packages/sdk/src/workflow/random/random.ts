/**
 * Random numbers that are the same each time a run is replayed, and the same that the official TypeScript SDK draws for it: a run may begin in a worker of the
 * one and go on in a worker of the other. A seed is eight bytes, the SipHash-1-3 of a text with the key 0; numbers come of it by Alea
 * (Johannes Baagøe, 2010).
 */
export type Seed = readonly number[];

/** Seeds when the first number is drawn: most runs draw none. */
export function seededRandom(seed: () => Seed): () => number {
  let next: (() => number) | undefined;
  return () => {
    next ??= alea(seed());
    return next();
  };
}

function alea(seed: Seed): () => number {
  const mash = masher();
  const starts = [mash([32]), mash([32]), mash([32])];
  let [s0, s1, s2] = starts.map((start) => {
    const mixed = start - mash(seed);
    return mixed < 0 ? mixed + 1 : mixed;
  }) as [number, number, number];
  let carry = 1;
  return () => {
    const t = 2_091_639 * s0 + carry * twoToMinus32;
    s0 = s1;
    s1 = s2;
    carry = t | 0;
    s2 = t - carry;
    return s2;
  };
}

const twoTo32 = 2 ** 32;
const twoToMinus32 = 2 ** -32;

/** Each call mixes further bytes into one state, and gives it as a number from 0 up to 1. */
function masher(): (bytes: readonly number[]) => number {
  let n = 0xefc8249d;
  return (bytes) => {
    for (const byte of bytes) {
      n += byte;
      let h = 0.02519603282416938 * n;
      n = h >>> 0;
      h -= n;
      h *= n;
      n = h >>> 0;
      h -= n;
      n += h * twoTo32;
    }
    return (n >>> 0) * twoToMinus32;
  };
}

/** For a text, e.g. the id of a run: its hash, from the highest byte to the lowest. */
export function seedOf(text: string): Seed {
  // Closed with a byte that is in no UTF-8, as the official core's language hashes texts.
  let rest = sipHash([...new TextEncoder().encode(text), 0xff]);
  const bytes: number[] = [];
  for (let i = 0; i < 8; i++) {
    bytes.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return bytes;
}

/** For a stream of that name beside the run's own. */
export function streamSeedOf(seed: Seed, name: string): Seed {
  const prefix = new TextEncoder().encode("temporal-workflow-random-stream-v1");
  const bytes = new TextEncoder().encode(name);
  return [...prefix, ...bytesOf(seed.length), ...seed, ...bytesOf(bytes.length), ...bytes];
}

function bytesOf(count: number): number[] {
  return [24, 16, 8, 0].map((shift) => (count >>> shift) & 0xff);
}

/** SipHash with one round for each word and three at the end. */
function sipHash(bytes: readonly number[]): bigint {
  const v: State = [0x736f6d6570736575n, 0x646f72616e646f6dn, 0x6c7967656e657261n, 0x7465646279746573n];
  for (let at = 0; at <= bytes.length; at += 8) {
    let word = at + 8 > bytes.length ? BigInt(bytes.length & 0xff) << 56n : 0n;
    for (const [i, byte] of bytes.slice(at, at + 8).entries()) word |= BigInt(byte) << BigInt(8 * i);
    v[3] ^= word;
    round(v);
    v[0] ^= word;
  }
  v[2] ^= 0xffn;
  for (let i = 0; i < 3; i++) round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

type State = [bigint, bigint, bigint, bigint];

function round(v: State): void {
  v[0] = low64(v[0] + v[1]);
  v[1] = rotated(v[1], 13n) ^ v[0];
  v[0] = rotated(v[0], 32n);
  v[2] = low64(v[2] + v[3]);
  v[3] = rotated(v[3], 16n) ^ v[2];
  v[0] = low64(v[0] + v[3]);
  v[3] = rotated(v[3], 21n) ^ v[0];
  v[2] = low64(v[2] + v[1]);
  v[1] = rotated(v[1], 17n) ^ v[2];
  v[2] = rotated(v[2], 32n);
}

function low64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotated(value: bigint, by: bigint): bigint {
  return low64(value << by) | (value >> (64n - by));
}

/** A version 4 UUID, of four numbers. */
export function uuidFrom(random: () => number): string {
  const hex = [0, 1, 2, 3].map(() => ((random() * twoTo32) >>> 0).toString(16).padStart(8, "0")).join("");
  const variant = (8 + (Number.parseInt(hex[16]!, 16) & 3)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
