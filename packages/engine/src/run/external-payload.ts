/**
 * Payloads that a client keeps in a store of its own: what is sent in place of each says how many bytes lie there. They are counted as events are written,
 * for Describe and for lists; as the reference server has it, search attributes have none.
 */
import type { common } from "@pawl/protocol";
import type { HistoryEventInit, Run } from "../state/run.ts";

/** Adds those of the events to what is known of the run. */
export function countExternalPayloads(run: Run, events: readonly HistoryEventInit[]): void {
  for (const event of events) {
    for (const field in event) {
      const value = event[field as keyof HistoryEventInit];
      if (typeof value === "object" && field !== "links") addWithin(run, value);
    }
  }
}

function addWithin(run: Run, message: object): void {
  // Of bytes and texts there may be much; a loop over their places would take long.
  if (ArrayBuffer.isView(message)) return;
  for (const field in message) {
    const value = (message as Readonly<Record<string, unknown>>)[field];
    if (typeof value !== "object" || value === null || field === "searchAttributes") continue;
    if (field === "externalPayloads") add(run, value as common.Payload["externalPayloads"]);
    else addWithin(run, value);
  }
}

function add(run: Run, found: common.Payload["externalPayloads"]): void {
  if (found.length === 0) return;
  const { count, sizeBytes } = run.externalPayloads;
  const foundBytes = found.reduce((sum, one) => sum + one.sizeBytes, 0);
  run.externalPayloads = { count: count + found.length, sizeBytes: sizeBytes + foundBytes };
  run.changes.visibility = true;
}
