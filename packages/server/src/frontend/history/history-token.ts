/** Where reading a run's history goes on. The same token serves polls and GetWorkflowExecutionHistory, because workers pass the one to the other. */
import { Rejection } from "@pawl/engine";
import type { Tokens } from "../tokens.ts";

export interface HistoryPosition {
  readonly runId: string;
  readonly nextEventId: number;
}

function tokenOf(name: string) {
  return {
    seal: (tokens: Tokens, namespaceId: string, { runId, nextEventId }: HistoryPosition): Uint8Array =>
      tokens.sealPage(name, namespaceId, [runId, nextEventId]),

    /** Undefined for the first page. */
    open(tokens: Tokens, namespaceId: string, bytes: Uint8Array): HistoryPosition | undefined | Rejection {
      const values = tokens.openPage(name, namespaceId, bytes);
      if (values === undefined || values instanceof Rejection) return values;
      const [runId, nextEventId] = values as [string, number];
      return { runId, nextEventId };
    },
  };
}

export const historyToken = tokenOf("history");
/** Newest first: `nextEventId` is the highest event still to come. */
export const reverseHistoryToken = tokenOf("history-reverse");
