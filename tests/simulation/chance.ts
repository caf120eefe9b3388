/** Everything that a simulation leaves to chance comes from one seed. */
import { seededRandom } from "@pawl/server/simulation";

export class Chance {
  readonly #random: ReturnType<typeof seededRandom>;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** True with this probability. */
  hits(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  /** A whole number of `low..high`, both inclusive. */
  between(low: number, high: number): number {
    return low + Math.floor(this.#random.fraction() * (high - low + 1));
  }

  /** Mostly near `low`, now and then as far as `high`: what waits look like. */
  skewed(low: number, high: number): number {
    return low + Math.floor(this.#random.fraction() ** 4 * (high - low + 1));
  }

  pick<T>(among: readonly T[]): T {
    return among[this.between(0, among.length - 1)]!;
  }

  list<T>(lengthMin: number, lengthMax: number, make: () => T): T[] {
    return Array.from({ length: this.between(lengthMin, lengthMax) }, make);
  }

  seed(): number {
    return this.between(0, 0x7fff_fff0);
  }

  uuid(): string {
    return this.#random.uuid();
  }
}
