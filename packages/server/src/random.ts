/** Chance as a dependency, so that any failing run can be repeated from its seed. */
import { randomUUID } from "node:crypto";

export interface Random {
  /** A version 4 UUID, in lower case. */
  uuid(): string;
  /** At least 0, less than 1. Not for secrets. */
  fraction(): number;
}

export const systemRandom: Random = {
  // Node glues an id together from twenty pieces and keeps them: 488 bytes. Any transformation makes one flat string of it: 64 bytes.
  uuid: () => randomUUID().toLowerCase(),
  fraction: () => Math.random(),
};

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
  return {
    uuid: () => {
      const [a, b, c, d] = [hex(word()), hex(word()), hex(word()), hex(word())];
      const variant = (8 + (Number.parseInt(c[0]!, 16) & 3)).toString(16);
      return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
    },
    fraction: () => word() / 0x1_0000_0000,
  };
}
