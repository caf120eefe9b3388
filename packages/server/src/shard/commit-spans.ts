/**
 * A span for each command that was committed, within the trace of the call that made it; for what the clock asked for, in a trace of its own. It begins
 * when the shard was asked and ends when the commit is on the disk.
 */
import type { CommandOfKind, Effect, ExecutionKey, Kind, Task } from "@pawl/engine";
import type { TraceContext } from "../telemetry/trace-context.ts";
import type { Traces } from "../telemetry/traces.ts";

/** Where a command came from, and when. */
export interface Origin {
  readonly context: TraceContext | undefined;
  readonly startMs: number;
}

/** Of the commit that a command was part of: how many others, and how long it took. */
export interface BatchFigures {
  readonly commands: number;
  readonly rows: number;
  readonly ms: number;
}

export interface CommittedCommand {
  readonly origin: Origin;
  readonly key: ExecutionKey;
  readonly command: CommandOfKind<Kind>;
  /** The tasks that it made. */
  readonly outcome: { readonly deliveries: readonly { readonly task: Task }[]; readonly effects: readonly Effect[] };
  readonly shardId: number;
  readonly figures: BatchFigures;
}

export class CommitSpans {
  readonly #traces: Traces;

  constructor(traces: Traces) {
    this.#traces = traces;
  }

  originNow(): Origin {
    return { context: this.#traces.current, startMs: this.#traces.nowMs() };
  }

  originOfClock(): Origin {
    return { context: undefined, startMs: this.#traces.nowMs() };
  }

  /** A loop belongs to no trace, although some call has set it going. */
  apart<T>(loop: () => T): T {
    return this.#traces.within(undefined, loop);
  }

  /** `settle` does what follows from the commit: that belongs to the same trace. */
  add(committed: CommittedCommand, settle: () => void): void {
    const context = this.#end(committed);
    const { deliveries, effects } = committed.outcome;
    for (const { task } of deliveries) this.#traces.setMaker(task, context);
    for (const effect of effects) if (effect.type === "dispatch") this.#traces.setMaker(effect.task, context);
    this.#traces.within(context, settle);
  }

  #end({ origin, key, command, shardId, figures }: CommittedCommand): TraceContext {
    const span = this.#traces.begin(origin.context);
    if (span === "unsampled") return span;
    const attributes = {
      "pawl.shard": shardId,
      "pawl.batch.commands": figures.commands,
      "pawl.batch.rows": figures.rows,
      "pawl.batch.commit_ms": figures.ms,
      [idNames[key.kind]]: key.businessId,
    };
    const { startMs } = origin;
    this.#traces.end({ ...span, startMs }, { name: `commit ${command.type}`, kind: "internal", attributes });
    return span.context;
  }
}

/** As the SDKs' own spans have them. */
const idNames = {
  workflow: "temporalWorkflowID",
  activity: "temporalActivityID",
  schedule: "temporalScheduleID",
} as const satisfies Record<Kind, string>;
