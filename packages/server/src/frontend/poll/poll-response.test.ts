import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Located, type StartedWorkflowTask, workflowKey } from "@pawl/engine";
import { history } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import { historyToken } from "../history/history-token.ts";
import { Tokens } from "../tokens.ts";
import { queryResponse, workflowTaskResponse } from "./poll-response.ts";

const tokens = new Tokens(new Uint8Array(32));
const runId = "r";

function encoded(from: number, to: number): Uint8Array {
  const events = Array.from({ length: to - from + 1 }, (_, index) => ({ eventId: from + index }));
  return history.History.encode({ events });
}

function ids(events: Uint8Array | undefined): number[] {
  return history.History.decode(events!).events.map(({ eventId }) => eventId);
}

/** A store that has events from 1 on, in batches that end with these. */
async function storeOf(...lastEventIds: readonly number[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const run = { ...workflowKey("n", "w"), runId, snapshot: new Uint8Array(0), wakeAtMs: null, undispatched: false };
  const batches = lastEventIds.map((lastEventId, index) => {
    const firstEventId = (lastEventIds[index - 1] ?? 0) + 1;
    return { table: "history", runId, firstEventId, lastEventId, events: encoded(firstEventId, lastEventId) } as const;
  });
  await store.commit(await store.acquire(0, "test"), [{ table: "run", ...run }, ...batches]);
  return store;
}

/** A task for a cached worker: events 4..6 of six, held in memory. */
const cached: StartedWorkflowTask = {
  task: { runId, scheduledEventId: 5, startedEventId: 6, attempt: 1, stamp: 2 },
  namespaceId: "n",
  workflowId: "w",
  workflowType: "T",
  taskQueue: "q",
  previousStartedEventId: 3,
  scheduledAtMs: 1_000,
  startedAtMs: 1_500,
  fromEventId: 4,
  toEventId: 6,
  virtualEvents: new Uint8Array(0),
  events: encoded(4, 6),
  historySizeBytes: 100,
} as StartedWorkflowTask;

describe("the events of a workflow task are", () => {
  const virtualEvents = encoded(7, 8);
  //  name                                                      the task             whole   events
  for (const [name, change, fromStart, expected] of [
    ["those in memory, for the worker that has the rest", {}, false, [4, 5, 6]],
    ["all of them, for a worker that has nothing", {}, true, [1, 2, 3, 4, 5, 6]],
    ["read when memory has them no more", { events: undefined }, false, [4, 5, 6]],
    ["followed by those that history does not hold yet", { virtualEvents }, false, [4, 5, 6, 7, 8]],
    ["followed by those also when they are read", { virtualEvents }, true, [1, 2, 3, 4, 5, 6, 7, 8]],
    [
      "those alone, when nothing else is new",
      { virtualEvents, fromEventId: 7, events: new Uint8Array(0) },
      false,
      [7, 8],
    ],
  ] as const)
    test(name, async () => {
      const parts = { store: await storeOf(3, 6), tokens };
      const delivery = { fromStart, backlogCount: 0, queries: {} };
      const response = (await workflowTaskResponse(parts, { ...cached, ...change }, delivery))!;
      assert.deepEqual(ids(response.history), expected);
      assert.equal(response.nextPageToken, undefined);
    });

  test("in pages when there are many, with a token for the rest of this task", async () => {
    const store = await storeOf(256, 300);
    const started = { ...cached, toEventId: 300, virtualEvents: encoded(301, 302) };
    const delivery = { fromStart: true, backlogCount: 0, queries: {} };
    const response = (await workflowTaskResponse({ store, tokens }, started, delivery))!;
    assert.equal(ids(response.history).length, 256);
    const rest = historyToken.open(tokens, "n", response.nextPageToken!);
    assert.deepEqual(rest, { runId, nextEventId: 257 });
  });

  test("an error when the store has lost them", async () => {
    const store = new MemoryStore();
    const run = { ...workflowKey("n", "w"), runId, snapshot: new Uint8Array(0) };
    await store.commit(await store.acquire(0, "test"), [{ table: "run", ...run, wakeAtMs: null, undispatched: false }]);
    await assert.rejects(
      workflowTaskResponse({ store, tokens }, cached, { fromStart: true, backlogCount: 0, queries: {} }),
      /no history/,
    );
  });
});

test("a task of a run that has been deleted since is given to nobody", async () => {
  const parts = { store: new MemoryStore(), tokens };
  assert.equal(await workflowTaskResponse(parts, cached, { fromStart: true, backlogCount: 0, queries: {} }), undefined);
  const located = { workflowId: "w", runId, lastEventId: 6 } as Located;
  const asked = {
    namespaceId: "n",
    id: "1",
    located,
    query: { queryType: "state", queryArgs: undefined, header: undefined },
  };
  assert.equal(await queryResponse(parts, asked, { sticky: false, backlogCount: 0 }), undefined);
});
