/** The end of a Nexus operation, told by whoever has the token that its handler was given. */
import { type NexusOutcome, Rejection, type RejectionCode, workflowKey } from "@pawl/engine";
import type { common } from "@pawl/protocol";
import type { CallParts } from "./call-parts.ts";

export interface OperationEnd {
  readonly token: string;
  readonly operationToken: string;
  readonly startedAtMs: number;
  /** To what works on it, should its start not have been told yet. */
  readonly startedLinks: readonly common.Link[];
  readonly outcome: NexusOutcome;
}

/** Why it was not taken, in the terms of Nexus; undefined when it was. Throws when that is unknown. */
export async function endOperation(
  { ring, tokens }: Pick<CallParts, "ring" | "tokens">,
  { token: text, ...end }: OperationEnd,
): Promise<{ readonly type: string; readonly message: string } | undefined> {
  const token = tokens.openCallback(text);
  if (!token) return { type: "BAD_REQUEST", message: "invalid callback token" };
  const { namespaceId, workflowId, runId, scheduledEventId, requestId } = token;
  const completion = { type: "completeNexusOperation", ...{ scheduledEventId, requestId }, ...end } as const;
  const key = workflowKey(namespaceId, workflowId);
  let reply = await ring.submit(key, { ...completion, runId });
  // A run that was reset goes on as another, which has its operations; the request id tells whether it is the same one.
  if (reply instanceof Rejection && reply.code === "NOT_FOUND")
    reply = await ring.submit(key, { ...completion, runId: "" });
  if (!(reply instanceof Rejection)) return undefined;
  return { type: typesByCode[reply.code] ?? "INTERNAL", message: reply.message };
}

const typesByCode: Partial<Record<RejectionCode, string>> = {
  NOT_FOUND: "NOT_FOUND",
  INVALID_ARGUMENT: "BAD_REQUEST",
  FAILED_PRECONDITION: "BAD_REQUEST",
};
