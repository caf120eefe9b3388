/** Writes with everything filled in, for tests that care about a field or two. */

import type { HistoryRange, HistoryWrite, PartWrite, RunWrite, VisibilityWrite } from "../store.ts";

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array | null | undefined): string | null {
  return data ? new TextDecoder().decode(data) : null;
}

export function runWrite(runId: string, fields: Partial<RunWrite> = {}): RunWrite {
  return {
    table: "run",
    runId,
    kind: "workflow",
    namespaceId: "ns",
    businessId: `workflow of ${runId}`,
    snapshot: bytes(`snapshot of ${runId}`),
    wakeAtMs: null,
    undispatched: false,
    ...fields,
  };
}

export function partWrite(runId: string, part: string, content: string | null): PartWrite {
  return { table: "part", runId, part, bytes: content === null ? null : bytes(content) };
}

/** A batch whose bytes name its events: `3-5`. */
export function historyWrite(runId: string, firstEventId: number, lastEventId = firstEventId): HistoryWrite {
  return { table: "history", runId, firstEventId, lastEventId, events: bytes(`${firstEventId}-${lastEventId}`) };
}

export function visibilityWrite(runId: string, fields: Partial<VisibilityWrite> = {}): VisibilityWrite {
  const businessId = fields.businessId ?? `workflow of ${runId}`;
  return {
    table: "visibility",
    runId,
    kind: "workflow",
    namespaceId: "ns",
    businessId,
    type: "Greeting",
    taskQueue: "queue",
    status: 1,
    startTimeMs: 1_000,
    executionTimeMs: 1_000,
    closeTimeMs: null,
    historyLength: null,
    historySizeBytes: null,
    executionDurationMs: null,
    stateTransitionCount: null,
    parentWorkflowId: null,
    parentRunId: null,
    rootWorkflowId: businessId,
    rootRunId: runId,
    searchAttributes: {},
    info: bytes(`info of ${runId}`),
    ...fields,
  };
}

export const wholeHistory: HistoryRange = {
  fromEventId: 1,
  toEventId: Number.MAX_SAFE_INTEGER,
  eventCountMax: Number.MAX_SAFE_INTEGER,
  bytesMax: Number.MAX_SAFE_INTEGER,
};
