/** Reading a run's history: in pages, from either end, waiting for what comes, or its closing event alone. */
import { type ExecutionKey, type Located, Rejection, workflowKey } from "@pawl/engine";
import { enums, type Init, type RequestOf, type workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { executionProblem, invalid } from "../field-rules.ts";
import type { Call, Handlers } from "../handler.ts";
import { Wait, waitUntilMs } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import { followedEvent } from "./followed-event.ts";
import { concat, readClosingEvent, readEvents, readEventsReverse } from "./history-page.ts";
import { type HistoryPosition, historyToken, reverseHistoryToken } from "./history-token.ts";

type Response = Init<workflowservice.GetWorkflowExecutionHistoryResponse> | Rejection;
type ReadParts = Pick<Parts, "ring" | "store" | "tokens" | "clock">;

/** One call, with its run settled. */
interface Reading {
  readonly key: ExecutionKey<"workflow">;
  readonly runId: string;
  /** "" for the run id: the current run. */
  readonly position: HistoryPosition | undefined;
  readonly eventCountMax: number;
  readonly call: Call;
}

export function historyHandlers(parts: Parts) {
  const { namespaces } = parts;
  return {
    GetWorkflowExecutionHistory: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const reading = readingOf(parts, historyToken, { request, namespaceId: namespace.id, call });
      if (reading instanceof Rejection) return reading;
      const closeOnly = request.historyEventFilterType === enums.HistoryEventFilterType.CLOSE_EVENT;
      if (closeOnly) return closeEvent(parts, reading, request.waitNewEvent);
      return request.waitNewEvent ? nextEvents(parts, reading) : events(parts, reading);
    },

    GetWorkflowExecutionHistoryReverse: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const reading = readingOf(parts, reverseHistoryToken, { request, namespaceId: namespace.id, call });
      return reading instanceof Rejection ? reading : eventsReverse(parts, reading);
    },
  } satisfies Handlers;
}

type ReadRequest = Pick<RequestOf<"GetWorkflowExecutionHistory">, "execution" | "nextPageToken" | "maximumPageSize">;

function readingOf(
  { tokens }: Pick<Parts, "tokens">,
  token: typeof historyToken,
  { request, namespaceId, call }: { request: ReadRequest; namespaceId: string; call: Call },
): Reading | Rejection {
  const { execution, maximumPageSize, nextPageToken } = request;
  const problem = executionProblem(execution);
  if (problem) return problem;
  const { workflowId, runId } = execution!;
  const position = token.open(tokens, namespaceId, nextPageToken);
  if (position instanceof Rejection) return position;
  if (position && runId !== "" && runId !== position.runId)
    return invalid("RunId in the request does not match the NextPageToken.");
  const { historyPageEventsMax } = limits;
  return {
    key: workflowKey(namespaceId, workflowId),
    runId: position?.runId ?? runId,
    position,
    eventCountMax: maximumPageSize <= 0 ? historyPageEventsMax : Math.min(maximumPageSize, historyPageEventsMax),
    call,
  };
}

function locate({ ring }: ReadParts, { key }: Reading, runId: string): Promise<Located | Rejection> {
  return ring.submit(key, { type: "locate", runId });
}

/**
 * What is there, page by page, up to what is the last event when the last page is read: events of a workflow task that were only shown at the first
 * page may be in history since, and a worker that has that task waits for them.
 */
async function events(parts: ReadParts, reading: Reading): Promise<Response> {
  const located = await locate(parts, reading, reading.runId);
  if (located instanceof Rejection) return located;
  const { runId, lastEventId } = located;
  const nextEventId = reading.position?.nextEventId ?? 1;
  if (nextEventId > lastEventId) return { history: noEvents };
  const page = await readEvents(parts.store, runId, {
    fromEventId: nextEventId,
    toEventId: lastEventId,
    eventCountMax: reading.eventCountMax,
  });
  if (!page) return gone;
  if (page.furthestEventId < lastEventId)
    return { history: page.events, nextPageToken: tokenAt(parts, reading, located, page.furthestEventId + 1) };
  // A workflow task that is retried is not in history yet; workers must see it all the same, people need not.
  const isForPeople = tools.includes(reading.call.clientName);
  return { history: isForPeople ? page.events : concat([page.events, located.virtualEvents]) };
}

const tools: readonly string[] = ["temporal-cli", "temporal-ui"];
const noEvents = new Uint8Array(0);
const gone = new Rejection("NOT_FOUND", "Workflow execution history not found.");

/** What is there and then what comes, as long as the run is open: an empty page with a token means "ask again". */
async function nextEvents(parts: ReadParts, reading: Reading): Promise<Response> {
  const located = await waitFor(parts, reading, "change", ({ lastEventId, open }) => {
    return !open || lastEventId >= (reading.position?.nextEventId ?? 1);
  });
  if (located instanceof Rejection) return located;
  const { runId, open, lastEventId } = located;
  const nextEventId = reading.position?.nextEventId ?? 1;
  const page =
    lastEventId < nextEventId
      ? { events: noEvents, furthestEventId: nextEventId - 1 }
      : await readEvents(parts.store, runId, {
          fromEventId: nextEventId,
          toEventId: lastEventId,
          eventCountMax: reading.eventCountMax,
        });
  if (!page) return gone;
  const isEnd = !open && page.furthestEventId >= lastEventId;
  const next = page.furthestEventId + 1;
  return {
    history: page.events,
    ...(!isEnd && { nextPageToken: tokenAt(parts, reading, located, next) }),
  };
}

async function closeEvent(parts: ReadParts, reading: Reading, wait: boolean): Promise<Response> {
  const located = wait
    ? await waitFor(parts, reading, "end", ({ open }) => !open)
    : await locate(parts, reading, reading.runId);
  if (located instanceof Rejection) return located;
  const { open, lastEventId } = located;
  if (open)
    return {
      history: noEvents,
      ...(wait && { nextPageToken: tokenAt(parts, reading, located, lastEventId) }),
    };
  const event = await readClosingEvent(parts.store, located);
  return event ? { history: followedEvent(event, reading.call) } : gone;
}

async function eventsReverse(parts: ReadParts, reading: Reading): Promise<Response> {
  const located = await locate(parts, reading, reading.runId);
  if (located instanceof Rejection) return located;
  const { runId, lastEventId } = located;
  const toEventId = reading.position?.nextEventId ?? lastEventId;
  const page = await readEventsReverse(parts.store, runId, {
    fromEventId: 1,
    toEventId,
    eventCountMax: reading.eventCountMax,
  });
  if (!page) return gone;
  const nextEventId = page.furthestEventId - 1;
  if (nextEventId < 1) return { history: page.events };
  const nextPageToken = reverseHistoryToken.seal(parts.tokens, reading.key.namespaceId, {
    runId,
    nextEventId,
  });
  return { history: page.events, nextPageToken };
}

function tokenAt({ tokens }: ReadParts, { key }: Reading, { runId }: Located, nextEventId: number): Uint8Array {
  return historyToken.seal(tokens, key.namespaceId, { runId, nextEventId });
}

/** Where the run stands once `isReached`, or when the caller's time is nearly up. Looks at it first, and then at each piece of news. */
async function waitFor(
  parts: ReadParts,
  reading: Reading,
  news: "change" | "end",
  isReached: (located: Located) => boolean,
): Promise<Located | Rejection> {
  const { ring, clock } = parts;
  const { call } = reading;
  let { runId } = reading;
  using wait = new Wait(call.signal, clock, waitUntilMs(call, clock.nowMs(), limits.historyPollMsMax));
  for (;;) {
    // Who names no run learns by a look which one it is, and looks again once he is told of its changes.
    const told = runId === "" ? undefined : ring.changed(runId, wait.signal, news);
    const located = await locate(parts, reading, runId);
    if (located instanceof Rejection || isReached(located)) return located;
    await told;
    if (wait.isOver) return located;
    runId = located.runId;
  }
}
