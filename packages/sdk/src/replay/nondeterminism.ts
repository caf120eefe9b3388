/** Workflow code and its history disagree: the code was changed without `patched`, or does something that is not the same each time. */
export interface Disagreement {
  /** The event at which they part. */
  readonly eventId: number;
  /** What history holds there. */
  readonly history: string;
  /** What the code did instead. */
  readonly code: string;
}

export class Nondeterminism extends Error {
  readonly eventId: number;
  readonly history: string;
  readonly code: string;
  constructor({ eventId, history, code }: Disagreement) {
    super(
      `Nondeterminism at event ${eventId}: history holds ${history}, but the workflow code ${code}. ` +
        'If the code was changed on purpose, keep both ways apart with patched("a name for the change"); ' +
        "otherwise look for what differs from run to run: the order of a Map filled elsewhere, an environment variable, a clock outside the workflow.",
    );
    this.name = "DeterminismViolationError";
    this.eventId = eventId;
    this.history = history;
    this.code = code;
  }
}

/** The history of this task does not follow what was already replayed; the remedy is to replay from its first event. */
export class HistoryGap extends Error {
  constructor(expected: number, got: number) {
    super(`the history goes on at event ${got}, but event ${expected} is next`);
    this.name = "HistoryGap";
  }
}
