/**
 * Payloads that a client keeps in a store of its own: what is sent in place of each says how many bytes lie there. They are counted as events are written,
 * for Describe and for lists; as the reference server has it, search attributes have none.
 */
import { type common, enums, type Init } from "@pawl/protocol";
import type { HistoryEventInit, Run } from "../state/run.ts";

const { EventType } = enums;

/** Most events are of these types, which hold no payloads. */
const holdsNone: ReadonlySet<number | undefined> = new Set([
  EventType.WORKFLOW_TASK_SCHEDULED,
  EventType.WORKFLOW_TASK_STARTED,
  EventType.WORKFLOW_TASK_COMPLETED,
  EventType.WORKFLOW_TASK_TIMED_OUT,
  EventType.TIMER_FIRED,
]);

/** Fields of the others that may, by name: to look at every field would take more than twice as long as to encode the event (1.8 µs; this takes 0.2). */
const holders = [
  ...["input", "result", "failure", "details", "header", "memo", "upsertedMemo", "outcome", "lastFailure"],
  ...["lastCompletionResult", "continuedFailure", "request", "acceptedRequest", "rejectedRequest"],
] as const;
type Holders = Partial<Record<(typeof holders)[number], unknown>>;

/** Adds those of the events to what is known of the run. */
export function countExternalPayloads(run: Run, events: readonly HistoryEventInit[]): void {
  for (const event of events) {
    addWithin(run, event.userMetadata);
    addWithin(run, event.eventGroupMarkers);
    if (holdsNone.has(event.eventType)) continue;
    for (const field in event) {
      if (!field.endsWith("EventAttributes")) continue;
      const attributes = event[field as keyof HistoryEventInit] as Holders | undefined;
      if (attributes === undefined) continue;
      for (const holder of holders) {
        const value = attributes[holder];
        if (value !== undefined) addWithin(run, value);
      }
    }
  }
}

function addWithin(run: Run, value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    for (const one of value) addWithin(run, one);
    return;
  }
  const { data, externalPayloads } = value as Init<common.Payload>;
  if (externalPayloads) add(run, externalPayloads);
  else if (!data) for (const field in value) addWithin(run, value[field as keyof typeof value]);
}

function add(run: Run, found: NonNullable<Init<common.Payload>["externalPayloads"]>): void {
  if (found.length === 0) return;
  const { count, sizeBytes } = run.externalPayloads;
  const foundBytes = found.reduce((sum, one) => sum + (one.sizeBytes ?? 0), 0);
  run.externalPayloads = { count: count + found.length, sizeBytes: sizeBytes + foundBytes };
  run.changes.visibility = true;
}
