import type { Run } from "../state/run.ts";

/** Remembers by which event a request joined the run; 0 while that is buffered. */
export function noteRequest(run: Run, requestId: string, eventId: number): void {
  run.attachedRequests.set(requestId, eventId);
  run.changes.parts.add(`q/${requestId}`);
}
