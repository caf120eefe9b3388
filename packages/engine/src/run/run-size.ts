/**
 * How large a run may become. A command that would take an open run beyond a limit does not happen: what it has made of the run is thrown away,
 * and the run is ended instead.
 */
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import { isOpen, type Run, type SizeKind } from "../state/run.ts";
import type { Command } from "../vocabulary.ts";

/** A figure of a run that has passed the mark from which on it is worth a look. */
export interface SizeWarning {
  readonly what: SizeKind;
  /** Events or bytes. */
  readonly value: number;
  readonly warnAbove: number;
}

/** Thrown by a machine: its state is to be thrown away (E3), and `instead` to be done; who sent the command is told `rejection`. */
export class Oversized extends Error {
  readonly what: SizeKind;
  readonly value: number;
  readonly max: number;
  readonly instead: Extract<Command, { type: "endOversized" }>;
  readonly rejection: Rejection;

  constructor(run: Run, { what, value, max }: Pick<Oversized, "what" | "value" | "max">) {
    const reason = `Workflow ${what} exceeds limit.`;
    super(reason);
    this.name = "Oversized";
    this.what = what;
    this.value = value;
    this.max = max;
    this.rejection = new Rejection("INVALID_ARGUMENT", reason);
    this.instead = { type: "endOversized", runId: run.runId, reason };
  }
}

/** Throws for a history that has become too long. Called before the command's last events are encoded, like in the reference server. */
export function checkHistory(run: Run): void {
  if (!isOpen(run)) return;
  if (run.historySizeBytes > limits.historyBytesMax)
    throw new Oversized(run, { what: "history size", value: run.historySizeBytes, max: limits.historyBytesMax });
  // What merely came in last does not count yet: it is let in, and the next command ends the run.
  const eventCount = run.nextEventId - 1 - run.arrivedLast;
  if (eventCount > limits.historyEventsMax)
    throw new Oversized(run, { what: "history count", value: eventCount, max: limits.historyEventsMax });
}

/** Throws when more is kept of an open run beside its history than may be. */
export function checkState(run: Run): void {
  if (isOpen(run) && run.stateBytes > limits.stateBytesMax)
    throw new Oversized(run, { what: "mutable state size", value: run.stateBytes, max: limits.stateBytesMax });
}

/**
 * Messages on their way, outcomes of updates and what the next run starts with do not count: the reference server keeps them elsewhere, and would
 * let a run live that has many of them.
 */
const uncounted = ["o", "u", "s"];

/** Takes into account how large a part now is, or the rest of the snapshot: `core`. */
export function noteStateBytes(run: Run, part: string, bytes: Uint8Array | null): void {
  if (uncounted.includes(part[0]!)) return;
  run.stateBytes -= run.partBytes.get(part) ?? 0;
  run.partBytes.delete(part);
  if (!bytes) return;
  run.partBytes.set(part, part.length + bytes.length);
  run.stateBytes += part.length + bytes.length;
}

/** The figures of an open run that have passed their mark since the last call. */
export function takeWarnings(run: Run): SizeWarning[] {
  if (!isOpen(run)) return [];
  const figures: SizeWarning[] = [
    { what: "history count", value: run.nextEventId - 1, warnAbove: limits.historyEventsWarn },
    { what: "history size", value: run.historySizeBytes, warnAbove: limits.historyBytesWarn },
    { what: "mutable state size", value: run.stateBytes, warnAbove: limits.stateBytesWarn },
  ];
  const over = figures.filter(({ value, warnAbove }) => value > warnAbove);
  const fresh = over.filter(({ what }) => !run.warned.includes(what));
  run.warned = over.map(({ what }) => what);
  return fresh;
}
