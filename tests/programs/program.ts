/**
 * A made-up workflow with its surroundings: turn by turn, what happens before and during its next workflow task, and what the task commands.
 * It is data, drawn from a seed; numbers pick from what there is at that moment, so that every program can be played.
 */
import fc from "fast-check";

/** What comes from outside. `pick` chooses among pending activities, children, …; `how` among the ways that it can go. */
export interface Happening {
  readonly what: "signal" | "activity" | "child" | "cancel" | "update" | "query";
  readonly pick: number;
  readonly how: number;
}

/** What the workflow task asks for. */
export interface Wish {
  readonly what:
    | "activities"
    | "timer"
    | "sleep"
    | "child"
    | "cancelActivity"
    | "cancelTimer"
    | "signalChild"
    | "cancelChild"
    | "signalNobody"
    | "marker"
    | "memo"
    | "completeUpdates";
  readonly pick: number;
  readonly how: number;
}

export interface Turn {
  /** While no worker has the workflow task. */
  readonly before: readonly Happening[];
  /** While a worker has it: most of this is buffered. */
  readonly during: readonly Happening[];
  readonly wishes: readonly Wish[];
  readonly ending: "complete" | "fail" | "again";
}

export interface Program {
  readonly turns: readonly Turn[];
  readonly end: "complete" | "fail" | "cancel" | "continueAsNew" | "terminate";
}

const number = fc.nat({ max: 99 });
const happening = (...what: readonly Happening["what"][]) =>
  fc.record({ what: fc.constantFrom(...what), pick: number, how: number });

const wish: fc.Arbitrary<Wish> = fc.record({
  what: fc.constantFrom<Wish["what"][]>(
    ...(["activities", "activities", "timer", "sleep", "child", "cancelActivity", "cancelTimer"] as const),
    ...(["signalChild", "cancelChild", "signalNobody", "marker", "memo", "completeUpdates"] as const),
  ),
  pick: number,
  how: number,
});

const turn: fc.Arbitrary<Turn> = fc.record({
  before: fc.array(happening("signal", "activity", "activity", "child", "cancel", "update", "query"), { maxLength: 2 }),
  during: fc.array(happening("signal", "activity", "cancel", "update"), { maxLength: 2 }),
  wishes: fc.array(wish, { maxLength: 3 }),
  ending: fc.constantFrom("complete", "complete", "complete", "complete", "fail", "again"),
});

export const program: fc.Arbitrary<Program> = fc.record({
  turns: fc.array(turn, { minLength: 1, maxLength: 6 }),
  end: fc.constantFrom("complete", "complete", "fail", "cancel", "continueAsNew", "terminate"),
});
