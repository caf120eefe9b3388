/** Chance as a dependency, so that any failing run can be repeated from its seed. */
import { randomUUID } from "node:crypto";

/** A server's source of random numbers and ids. */
export interface Random {
  /** A version 4 UUID, in lower case. */
  uuid(): string;
  /** A version 7 UUID: those of later milliseconds sort behind, so that rows keyed by them are written side by side. */
  orderedUuid(nowMs: number): string;
  /** At least 0, less than 1. Not for secrets. */
  fraction(): number;
}

export const systemRandom: Random = {
  // Node glues an id together from twenty pieces and keeps them: 488 bytes. Any transformation makes one flat string of it: 64 bytes.
  uuid: () => randomUUID().toLowerCase(),
  orderedUuid: (nowMs) => ordered(nowMs, randomUUID()),
  fraction: () => Math.random(),
};

/** The time in front, then what is random of a version 4 UUID. Lower case also makes one flat string of it. */
function ordered(nowMs: number, uuid: string): string {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid.slice(15)}`.toUpperCase().toLowerCase();
}

/** The same seed gives the same ids and fractions, in the same order (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  const uuid = () => {
    const [a, b, c, d] = [hex(word()), hex(word()), hex(word()), hex(word())];
    const variant = (8 + (Number.parseInt(c[0]!, 16) & 3)).toString(16);
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
  };
  return {
    uuid,
    orderedUuid: (nowMs) => ordered(nowMs, uuid()),
    fraction: () => word() / 0x1_0000_0000,
  };
}
