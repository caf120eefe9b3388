/** What a worker is given for a workflow task or a query: PollWorkflowTaskQueueResponse. */
import type { Located, StartedWorkflowTask } from "@pawl/engine";
import { enums, type Init, type query, toTimestamp, type workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { concat, type EventRange, readEvents } from "../history/history-page.ts";
import { historyToken } from "../history/history-token.ts";
import type { Parts } from "../parts.ts";

type PollResponse = Init<workflowservice.PollWorkflowTaskQueueResponse>;

export interface Delivery {
  /** The worker has no cached state: it gets the history from its first event, whatever the task was started for. */
  readonly fromStart: boolean;
  readonly backlogCount: number;
  /** Buffered queries to be answered together with the task. */
  readonly queries: Readonly<Record<string, query.WorkflowQuery>>;
}

/** Undefined when the run has been deleted since the task was started. */
export async function workflowTaskResponse(
  parts: Pick<Parts, "store" | "tokens">,
  started: StartedWorkflowTask,
  { fromStart, backlogCount, queries }: Delivery,
): Promise<PollResponse | undefined> {
  const { namespaceId, workflowId, task } = started;
  const fromEventId = fromStart ? 1 : started.fromEventId;
  const inMemory = fromEventId === started.fromEventId ? started.events : undefined;
  const range = { fromEventId, toEventId: started.toEventId };
  const history = inMemory
    ? { history: concat([inMemory, started.virtualEvents]) }
    : await storedHistory(parts, { namespaceId, runId: task.runId }, range, started.virtualEvents);
  if (!history) return undefined;
  return {
    taskToken: parts.tokens.seal({ kind: "workflow", namespaceId, workflowId, ...task }),
    workflowExecution: { workflowId, runId: task.runId },
    workflowType: { name: started.workflowType },
    previousStartedEventId: started.previousStartedEventId,
    startedEventId: task.startedEventId,
    attempt: task.attempt,
    backlogCountHint: backlogCount,
    ...history,
    workflowExecutionTaskQueue: { name: started.taskQueue, kind: enums.TaskQueueKind.NORMAL },
    scheduledTime: toTimestamp(started.scheduledAtMs),
    startedTime: toTimestamp(started.startedAtMs),
    queries,
    messages: started.messages,
  };
}

/** A question for a worker: no task is started, so that there is no started event. A worker with cached state needs no history. Undefined when the run has been deleted. */
export async function queryResponse(
  parts: Pick<Parts, "store" | "tokens">,
  asked: {
    readonly namespaceId: string;
    readonly id: string;
    readonly located: Located;
    readonly query: query.WorkflowQuery;
  },
  { sticky, backlogCount }: { readonly sticky: boolean; readonly backlogCount: number },
): Promise<PollResponse | undefined> {
  const { namespaceId, located } = asked;
  const { workflowId, runId } = located;
  const history = sticky
    ? { history: noEvents }
    : await storedHistory(parts, { namespaceId, runId }, { fromEventId: 1, toEventId: located.lastEventId }, noEvents);
  if (!history) return undefined;
  return {
    taskToken: parts.tokens.seal({ kind: "query", namespaceId, workflowId, runId, queryId: asked.id }),
    workflowExecution: { workflowId, runId },
    workflowType: { name: located.workflowType },
    previousStartedEventId: located.lastCompletedStartedEventId,
    attempt: 1,
    backlogCountHint: backlogCount,
    ...history,
    query: asked.query,
    workflowExecutionTaskQueue: { name: located.taskQueue, kind: enums.TaskQueueKind.NORMAL },
  };
}

const noEvents = new Uint8Array(0);

/** The first page, and the token for the rest; `virtualEvents` follow the last stored one. Undefined when the run has been deleted. */
async function storedHistory(
  { store, tokens }: Pick<Parts, "store" | "tokens">,
  { namespaceId, runId }: { namespaceId: string; runId: string },
  range: EventRange,
  virtualEvents: Uint8Array,
): Promise<Pick<PollResponse, "history" | "nextPageToken"> | undefined> {
  if (range.toEventId < range.fromEventId) return { history: virtualEvents };
  const page = await readEvents(store, runId, { ...range, eventCountMax: limits.historyPageEventsMax });
  if (!page) {
    const [stored] = await store.loadRuns([runId]);
    if (!stored) return undefined;
    throw new Error(`the store has no history of run ${runId}`);
  }
  if (page.furthestEventId >= range.toEventId) return { history: concat([page.events, virtualEvents]) };
  const rest = { runId, nextEventId: page.furthestEventId + 1 };
  return { history: page.events, nextPageToken: historyToken.seal(tokens, namespaceId, rest) };
}
