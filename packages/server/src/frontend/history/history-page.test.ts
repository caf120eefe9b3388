import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { workflowKey } from "@pawl/engine";
import { history } from "@pawl/protocol";
import { type Lease, MemoryStore } from "@pawl/store";
import fc from "fast-check";
import { limits } from "../../limits.ts";
import { concat, frames, readEvent, readEvents, readEventsReverse } from "./history-page.ts";

const runId = "r";

/** Events `from..to`, each with `paddingBytes` of text. */
function batch(from: number, to: number, paddingBytes = 0) {
  const events = [];
  for (let eventId = from; eventId <= to; eventId++)
    events.push({ eventId, workflowExecutionSignaledEventAttributes: { signalName: "x".repeat(paddingBytes) } });
  return { firstEventId: from, lastEventId: to, events: history.History.encode({ events }) };
}

async function storeWith(...batches: readonly ReturnType<typeof batch>[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const lease: Lease = await store.acquire(0, "test");
  const run = { ...workflowKey("n", "w"), runId };
  const rest = { snapshot: new Uint8Array(0), wakeAtMs: null, undispatched: false };
  await store.commit(lease, [
    { table: "run", ...run, ...rest },
    ...batches.map((one) => ({ table: "history", runId, ...one }) as const),
  ]);
  return store;
}

function ids(events: Uint8Array | undefined): number[] {
  return history.History.decode(events!).events.map(({ eventId }) => eventId);
}

const threeBatches = () => storeWith(batch(1, 3), batch(4, 4), batch(5, 9));

describe("a page of history", () => {
  //  from  to  most  events                        furthest
  for (const [from, to, most, expected, furthest] of [
    [1, 9, 256, [1, 2, 3, 4, 5, 6, 7, 8, 9], 9],
    [1, 9, 1, [1, 2, 3], 3],
    [1, 9, 4, [1, 2, 3, 4], 4],
    [4, 9, 1, [4], 4],
    [5, 9, 2, [5, 6, 7, 8, 9], 9],
    [1, 4, 256, [1, 2, 3, 4], 4],
    [2, 6, 256, [2, 3, 4, 5, 6], 6],
    [6, 7, 256, [6, 7], 7],
  ] as const)
    test(`of ${from}..${to}, at most ${most} events, ends after the batch that fills it: at ${furthest}`, async () => {
      const page = await readEvents(await threeBatches(), runId, {
        fromEventId: from,
        toEventId: to,
        eventCountMax: most,
      });
      assert.deepEqual(ids(page?.events), expected);
      assert.equal(page?.furthestEventId, furthest);
    });

  for (const [from, to, most, expected, furthest] of [
    [1, 9, 256, [9, 8, 7, 6, 5, 4, 3, 2, 1], 1],
    [1, 9, 1, [9, 8, 7, 6, 5], 5],
    [1, 4, 1, [4], 4],
    [1, 3, 1, [3, 2, 1], 1],
    [1, 7, 3, [7, 6, 5], 5],
    [1, 7, 6, [7, 6, 5, 4], 4],
  ] as const)
    test(`read backwards from ${to}, at most ${most} events, ends at ${furthest}`, async () => {
      const range = { fromEventId: from, toEventId: to, eventCountMax: most };
      const page = await readEventsReverse(await threeBatches(), runId, range);
      assert.deepEqual(ids(page?.events), expected);
      assert.equal(page?.furthestEventId, furthest);
    });

  test("is undefined when the store has no such run", async () => {
    const range = { fromEventId: 1, toEventId: 3, eventCountMax: 10 };
    assert.equal(await readEvents(await threeBatches(), "other", range), undefined);
    assert.equal(await readEventsReverse(await threeBatches(), "other", range), undefined);
  });

  test("leaves out the batch that would make it larger than clients take, but never all", async () => {
    const half = Math.floor(limits.pageBytesMax * 0.7);
    const store = await storeWith(batch(1, 1, half), batch(2, 2, half), batch(3, 3, half));
    const range = { fromEventId: 1, toEventId: 3, eventCountMax: 256 };
    assert.deepEqual(ids((await readEvents(store, runId, range))?.events), [1]);
    assert.deepEqual(ids((await readEventsReverse(store, runId, range))?.events), [3]);
    const large = await storeWith(batch(1, 1, limits.pageBytesMax + 1), batch(2, 2));
    assert.deepEqual(ids((await readEvents(large, runId, { ...range, toEventId: 2 }))?.events), [1]);
  });
});

test("one event is cut out of its batch", async () => {
  const store = await threeBatches();
  for (const eventId of [1, 3, 4, 7, 9]) assert.deepEqual(ids(await readEvent(store, runId, eventId)), [eventId]);
  assert.equal(await readEvent(store, "other", 1), undefined);
});

test("frames are the encoded events, one by one, and concatenate to the whole", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 40_000 }), { maxLength: 8 }), (sizes) => {
      const events = sizes.map((size, index) => ({
        eventId: index + 1,
        workerMayIgnore: true,
        workflowExecutionSignaledEventAttributes: { signalName: "s".repeat(size) },
      }));
      const whole = history.History.encode({ events });
      const cut = frames(whole);
      assert.deepEqual(
        cut.map((frame) => ids(frame)),
        events.map(({ eventId }) => [eventId]),
      );
      assert.ok(Buffer.from(whole).equals(concat(cut)));
    }),
    { numRuns: 30 },
  );
});

test("bytes that are no events are reported as damage, never read past their end", () => {
  for (const damaged of [
    [0x12, 0x00],
    [0x0a],
    [0x0a, 0x05, 1, 2],
    [0x0a, 0x80],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ])
    assert.throws(() => frames(Uint8Array.from(damaged)), /stored history is damaged/);
});
