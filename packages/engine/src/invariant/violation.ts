/** Numbers of what can be seen to be broken in a store: guarantees (docs/guarantees.md), and with an L what must go on. */
export type Invariant =
  | (
      | "I1"
      | "I2"
      | "I4"
      | "I5"
      | "I6"
      | "I7"
      | "I8"
      | "I9"
      | "I10"
      | "I12"
      | "I13"
      | "I14"
      | "I15"
      | "I17"
      | "I18"
      | "I19"
    )
  | ("I20" | "I21" | "I22" | "I23" | "I25" | "I26" | "I27" | "I29" | "I30" | "L2" | "L3");

/** Something that must hold and does not. */
export class Violation extends Error {
  readonly invariant: Invariant;
  /** The message without the number. */
  readonly what: string;

  constructor(invariant: Invariant, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
    this.what = what;
  }
}

/** Throws `Violation`. */
export function must(holds: unknown, invariant: Invariant, what: string): asserts holds {
  if (!holds) throw new Violation(invariant, what);
}
