import { recognizeAcrossRealms } from "../value/errors.ts";

/** Workflow code and its history disagree: the code was changed without `patched`, or does something that is not the same each time. */
export interface Disagreement {
  /** The event at which they part. */
  readonly eventId: number;
  /** What history holds there. */
  readonly history: string;
  /** What the code did instead. */
  readonly code: string;
  /** The stack at which it did so, when the replay was traced. */
  readonly stack?: string | undefined;
}

/** A replay did not do what history holds. The worker fails the workflow task by it, which is tried again: the workflow waits for code that fits. */
export class Nondeterminism extends Error {
  readonly eventId: number;
  readonly history: string;
  readonly code: string;
  /** The stack at which the code did what it did, when the replay was traced. */
  readonly commandStack: string | undefined;
  constructor({ eventId, history, code, stack }: Disagreement, place?: string) {
    super(
      `Nondeterminism at event ${eventId}: history holds ${history}, but the workflow code ${code}${place ? ` at ${place}` : ""}. ` +
        'If the code was changed on purpose, keep both ways apart with patched("a name for the change"); ' +
        "otherwise look for what differs from run to run: the order of a Map filled elsewhere, an environment variable, a clock outside the workflow.",
    );
    this.eventId = eventId;
    this.history = history;
    this.code = code;
    this.commandStack = stack;
  }

  /** The same, with the place in the user's code. */
  at(place: string): Nondeterminism {
    const { eventId, history, code, commandStack: stack } = this;
    return new Nondeterminism({ eventId, history, code, stack }, place);
  }
}

// By its name it is the one that `@pawl/sdk/workflow` exports, too.
recognizeAcrossRealms(Nondeterminism, "DeterminismViolationError");

/** The history of this task does not follow what was already replayed; the remedy is to replay from its first event. */
export class HistoryGap extends Error {
  constructor(expected: number, got: number) {
    super(`the history goes on at event ${got}, but event ${expected} is next`);
    this.name = "HistoryGap";
  }
}
