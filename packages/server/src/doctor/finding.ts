/** What `pawl doctor` says of something that is broken, and what may be done about it. */
import type { Invariant, Violation } from "@pawl/engine/invariant";

/** One thing that is broken. */
export interface Finding {
  /** The guarantee that is broken (docs/guarantees.md). */
  readonly invariant: Invariant;
  /** `workflow`, `activity` or `schedule`; "" where it is about no execution. */
  readonly kind: string;
  /** The namespace's name, or its id where it has none. */
  readonly namespace: string;
  /** The workflow's, activity's or schedule's id. */
  readonly id: string;
  readonly runId: string;
  readonly what: string;
  /** What to do. */
  readonly next: string;
}

/** What was looked at so far. */
export interface Looked {
  readonly runs: number;
  readonly events: number;
}

export interface Watching {
  /** Called now and then. `total` is what is known of it. */
  progress(done: number, total: number): void;
}

export function findingOf(
  { invariant, what }: Pick<Violation, "invariant" | "what">,
  about: Partial<Omit<Finding, "invariant" | "what" | "next">> = {},
): Finding {
  return { ...{ kind: "", namespace: "", id: "", runId: "", ...about }, invariant, what, next: nextStep[invariant] };
}

const restore = "the file is not as Pawl wrote it: restore the newest backup that pawl doctor finds nothing in";
const unsound =
  "do not rely on this run: restore a backup from before, or terminate it, look at pawl workflow show, and start it anew; please report it";
const rewritten =
  "any change of the run writes this anew, such as a signal; if it does not, restore a backup; please report it";
const stuck =
  "a restart of the server looks at what is marked; where that does not help, pawl workflow reset gives it a new task; please report it";

const nextStep: Readonly<Record<Invariant, string>> = {
  I1: restore,
  I2: restore,
  I4: "terminate the run that should not be there, by its run id; please report it",
  I5: unsound,
  I6: restore,
  I7: restore,
  I8: "the clock of the server's machine was wrong, or is: set it right; nothing else needs to be done",
  I9: unsound,
  I10: unsound,
  I12: unsound,
  I13: unsound,
  I14: unsound,
  I15: "pawl activity reset or pawl activity update-options sets its attempts right; please report it",
  I17: unsound,
  I18: "end the run that should not be there, by its run id; please report it",
  I19: unsound,
  I20: "see whether the clock of the server's machine was set forward and back; if not, please report it",
  I21: "terminate the child that should not be there, by its run id; please report it",
  I22: unsound,
  I23: "two servers have written to the same state: make sure that only one is started on it, and restore a backup",
  I25: unsound,
  I26: rewritten,
  I27: restore,
  I29: "let the workflow continue as new, or terminate it; please report it",
  I30: "pawl workflow delete removes what is left; please report it",
  L2: stuck,
  L3: stuck,
};

/** What can be found broken at all (docs/reliability.md). */
export const seenInvariants = Object.keys(nextStep) as readonly Invariant[];
