/** A run's history, read page by page. */
import { enums, history } from "@pawl/sdk/proto";
import type { Session } from "../session.ts";

export type HistoryEvent = history.HistoryEvent;

interface Asked {
  readonly workflowId: string;
  readonly runId?: string | undefined;
}

/** Oldest first. With `isFollowing` it goes on with what happens, until the run has closed. */
export async function* historyEvents(
  session: Session,
  { workflowId, runId = "" }: Asked,
  { isFollowing = false }: { readonly isFollowing?: boolean } = {},
): AsyncGenerator<readonly HistoryEvent[]> {
  const { namespace } = session;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const request = { namespace, execution: { workflowId, runId }, nextPageToken, waitNewEvent: isFollowing };
    const page = await session.wait("GetWorkflowExecutionHistory", request);
    const { events } = history.History.decode(page.history ?? new Uint8Array());
    if (events.length > 0) yield events;
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}

/** Newest first. */
export async function* historyReverse(
  session: Session,
  { workflowId, runId = "" }: Asked,
  maximumPageSize = 0,
): AsyncGenerator<readonly HistoryEvent[]> {
  const { namespace } = session;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const request = { namespace, execution: { workflowId, runId }, nextPageToken, maximumPageSize };
    const page = await session.call("GetWorkflowExecutionHistoryReverse", request);
    const { events } = history.History.decode(page.history ?? new Uint8Array());
    if (events.length > 0) yield events;
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}

export async function completedTaskIds(session: Session, run: Asked): Promise<number[]> {
  const ids: number[] = [];
  for await (const events of historyEvents(session, run))
    for (const { eventType, eventId } of events)
      if (eventType === enums.EventType.WORKFLOW_TASK_COMPLETED) ids.push(eventId);
  return ids;
}
