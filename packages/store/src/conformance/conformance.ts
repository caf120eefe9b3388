/**
 * What every store must do, as tests. `sqlite.test.ts`, `memory.test.ts` and the test of any other store are a call of `exerciseStore`
 * and what only that store promises.
 */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import {
  type ExecutionKey,
  executionKinds,
  type HistoryRange,
  LeaseLost,
  NameTaken,
  type Store,
  type StoredBatch,
  StoreError,
} from "../store.ts";
import {
  bytes,
  historyWrite,
  partWrite,
  runWrite,
  text,
  visibilityWrite,
  wholeHistory,
} from "./conformance-samples.ts";
import { exerciseSettings } from "./conformance-settings.ts";
import { exerciseVisibility } from "./conformance-visibility.ts";

/** `open` gives an empty store; the suite closes it. */
/** `isSpread`: shards are apart, and a run never goes from one to another. */
export function exerciseStore(name: string, open: () => Promise<Store>, { isSpread = false } = {}): void {
  const opened = async (t: TestContext): Promise<Store> => {
    const store = await open();
    t.after(() => store.close());
    return store;
  };
  describe(`${name} store`, () => {
    describe("commits", () => exerciseCommits(opened));
    describe("values", () => exerciseValues(opened));
    describe("refusals", () => exerciseRefusals(opened));
    describe("fences", () => exerciseFences(opened));
    describe("runs", () => exerciseRuns(opened));
    describe("kinds", () => exerciseKinds(opened));
    describe("due runs", () => exerciseDueRuns(opened));
    if (!isSpread) describe("runs that move", () => exerciseMoves(opened));
    describe("deletion", () => exerciseDeletion(opened));
    describe("history", () => exerciseHistory(opened));
    describe("names", () => exerciseNames(opened));
    describe("settings", () => exerciseSettings(opened));
    describe("visibility", () => exerciseVisibility(opened));
  });
}

type Open = (t: TestContext) => Promise<Store>;

/** A workflow id, a run id, … must come back as it went in. */
const awkwardTexts = [
  "",
  " ",
  "'; DROP TABLE run; --",
  '"double" and `back`',
  "100%",
  "a_b",
  "\\",
  "tab\tand\nline",
  "ünïcödé",
  "工作流程",
  "\u{1f40e}\u{10ffff}",
  "\u{ffff}\u{e000}",
  "x".repeat(1_000),
];

function exerciseCommits(open: Open): void {
  test("a commit is read back by key as soon as it resolves", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    await store.commit(lease, [
      { table: "current", kind: "workflow", namespaceId: "ns", businessId: "w", runId: "r" },
      runWrite("r", { businessId: "w" }),
      partWrite("r", "a/1", "activity"),
      historyWrite("r", 1, 3),
    ]);
    assert.deepEqual(await store.loadCurrent([{ kind: "workflow", namespaceId: "ns", businessId: "w" }]), ["r"]);
    const [run] = await store.loadRuns(["r"]);
    assert.deepEqual(
      { ...run, parts: [...(run?.parts ?? [])] },
      {
        kind: "workflow",
        namespaceId: "ns",
        businessId: "w",
        snapshot: bytes("snapshot of r"),
        parts: [["a/1", bytes("activity")]],
      },
    );
    assert.deepEqual(await store.readHistory("r", wholeHistory), [
      { firstEventId: 1, lastEventId: 3, events: bytes("1-3") },
    ]);
  });

  test("a commit of nothing resolves", async (t) => {
    const store = await open(t);
    await store.commit(await store.acquire(1, "me"), []);
    await store.commit(null, []);
  });

  test("a later write of the same key replaces the earlier, also within one commit", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    await store.commit(lease, [runWrite("r", { snapshot: bytes("one") }), partWrite("r", "p", "one")]);
    await store.commit(lease, [
      runWrite("r", { snapshot: bytes("two") }),
      partWrite("r", "p", "two"),
      runWrite("r", { snapshot: bytes("three") }),
      partWrite("r", "p", null),
      partWrite("r", "q", "three"),
    ]);
    const [run] = await store.loadRuns(["r"]);
    assert.equal(text(run?.snapshot), "three");
    assert.deepEqual([...(run?.parts ?? [])], [["q", bytes("three")]]);
  });

  test("commits made in one turn are all there, in the order they were made", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    await Promise.all(
      numbers.map((i) =>
        store.commit(lease, [runWrite("last", { snapshot: bytes(`${i}`) }), runWrite(`r${i}`), historyWrite("all", i)]),
      ),
    );
    const runs = await store.loadRuns(["last", ...numbers.map((i) => `r${i}`)]);
    assert.equal(text(runs[0]?.snapshot), "499");
    assert.ok(runs.every((run) => run !== null));
    const batches = await store.readHistory("all", { ...wholeHistory, fromEventId: 0 });
    assert.deepEqual(
      batches.map(({ firstEventId }) => firstEventId),
      numbers,
    );
  });
}

function exerciseValues(open: Open): void {
  test("the arrays of a commit may be huge or empty", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const huge = new Uint8Array(2 * 1024 * 1024).map((_, i) => i % 251);
    const empty = new Uint8Array(0);
    await Promise.all(
      [huge, empty].map((data, i) =>
        store.commit(lease, [
          runWrite(`r${i}`, { snapshot: data }),
          { table: "part", runId: `r${i}`, part: "p", bytes: data },
          { table: "history", runId: `r${i}`, firstEventId: 1, lastEventId: 1, events: data },
          visibilityWrite(`r${i}`, { info: data }),
        ]),
      ),
    );
    for (const [i, data] of [huge, empty].entries())
      await store.commit(null, [{ table: "setting", name: `s${i}`, bytes: data }]);
    const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 });
    for (const [i, data] of [huge, empty].entries()) {
      const [run] = await store.loadRuns([`r${i}`]);
      const [batch] = await store.readHistory(`r${i}`, wholeHistory);
      const info = rows.find(({ runId }) => runId === `r${i}`)?.info;
      for (const found of [run?.snapshot, run?.parts.get("p"), batch?.events, await store.setting(`s${i}`), info]) {
        assert.ok(found && Buffer.compare(found, data) === 0);
      }
    }
  });

  test("any text comes back as it went in", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    await store.commit(
      lease,
      awkwardTexts.flatMap((name) => [
        { table: "current", kind: "workflow", namespaceId: name, businessId: name, runId: name } as const,
        runWrite(name, { namespaceId: name, businessId: name, undispatched: true }),
        partWrite(name, name, name),
      ]),
    );
    const keys = awkwardTexts.map((name) => ({ kind: "workflow", namespaceId: name, businessId: name }) as const);
    assert.deepEqual(await store.loadCurrent(keys), awkwardTexts);
    const runs = await store.loadRuns(awkwardTexts);
    for (const [i, name] of awkwardTexts.entries()) {
      assert.deepEqual([runs[i]?.namespaceId, runs[i]?.businessId, text(runs[i]?.parts.get(name))], [name, name, name]);
    }
  });
}

function exerciseRefusals(open: Open): void {
  test("a commit with a batch of history that is already there changes nothing, and its neighbours are kept", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    await store.commit(lease, [historyWrite("r", 1, 2)]);
    const outcomes = await Promise.allSettled([
      store.commit(lease, [runWrite("before")]),
      store.commit(lease, [runWrite("bad"), historyWrite("r", 3), historyWrite("r", 1, 2)]),
      store.commit(lease, [runWrite("bad"), historyWrite("q", 1), historyWrite("q", 1)]),
      store.commit(lease, [runWrite("after")]),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    for (const outcome of outcomes) assert.ok(!("reason" in outcome && outcome.reason instanceof StoreError));
    const found = await store.loadRuns(["before", "bad", "after"]);
    assert.deepEqual(
      found.map((run) => run !== null),
      [true, false, true],
    );
    assert.deepEqual((await store.readHistory("r", wholeHistory)).map(names), ["1-2"]);
    assert.deepEqual(await store.readHistory("q", wholeHistory), []);
  });

  test("a write of a shard without a lease is a bug, and writes nothing", async (t) => {
    const store = await open(t);
    await assert.rejects(
      store.commit(null, [{ table: "setting", name: "s", bytes: bytes("x") }, runWrite("r")]),
      (error) => !(error instanceof StoreError),
    );
    assert.deepEqual([await store.setting("s"), ...(await store.loadRuns(["r"]))], [null, null]);
  });

  test("closing waits for the commits under way, and nothing works after it", async () => {
    // Closed by hand: the suite's own closing comes again and must do no harm.
    const closing = { after: () => {} } as unknown as TestContext;
    const store = await open(closing);
    const lease = await store.acquire(1, "me");
    const commit = store.commit(lease, [runWrite("r")]);
    await store.close();
    await commit;
    await store.close();
    await assert.rejects(store.commit(lease, [runWrite("q")]), { name: "StoreUnusable" });
    await assert.rejects(store.loadRuns(["r"]), { name: "StoreUnusable" });
    await assert.rejects(store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 1 }), {
      name: "StoreUnusable",
    });
  });
}

function exerciseFences(open: Open): void {
  test("each acquisition raises the range id of its shard alone", async (t) => {
    const store = await open(t);
    assert.deepEqual(await store.acquire(1, "a"), { shardId: 1, rangeId: 1 });
    assert.deepEqual(await store.acquire(2, "a"), { shardId: 2, rangeId: 1 });
    assert.deepEqual(await store.acquire(1, "b"), { shardId: 1, rangeId: 2 });
    assert.deepEqual(await store.acquire(1, "b"), { shardId: 1, rangeId: 3 });
  });

  test("a commit under a lease that was taken over writes nothing", async (t) => {
    const store = await open(t);
    const stale = await store.acquire(1, "old");
    const lease = await store.acquire(1, "new");
    await assert.rejects(store.commit(stale, [runWrite("r"), visibilityWrite("r")]), LeaseLost);
    await assert.rejects(store.commit({ shardId: 7, rangeId: 1 }, [runWrite("r")]), LeaseLost);
    await assert.rejects(store.commit(stale, []), LeaseLost);
    await store.commit(lease, [runWrite("q")]);
    const found = await store.loadRuns(["r", "q"]);
    assert.deepEqual(
      found.map((run) => run !== null),
      [false, true],
    );
    assert.deepEqual(await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 1 }), []);
  });

  test("a takeover fences what is committed after it, and not what was before, in one group with both", async (t) => {
    const store = await open(t);
    const old = await store.acquire(1, "old");
    const other = await store.acquire(2, "other");
    const [before, taken, late, neighbour] = await Promise.allSettled([
      store.commit(old, [runWrite("before")]),
      store.acquire(1, "new"),
      store.commit(old, [runWrite("late"), historyWrite("late", 1)]),
      store.commit(other, [runWrite("neighbour")]),
    ]);
    assert.equal(before.status, "fulfilled");
    assert.equal(neighbour.status, "fulfilled");
    assert.ok(late.status === "rejected" && late.reason instanceof LeaseLost);
    assert.ok(taken.status === "fulfilled");
    await store.commit(taken.value, [runWrite("after")]);
    const found = await store.loadRuns(["before", "late", "neighbour", "after"]);
    assert.deepEqual(
      found.map((run) => run !== null),
      [true, false, true, true],
    );
    assert.deepEqual(await store.readHistory("late", wholeHistory), []);
  });
}

function exerciseRuns(open: Open): void {
  test("what is not there is null, in the places asked for", async (t) => {
    const store = await open(t);
    await store.commit(await store.acquire(1, "me"), [
      { table: "current", kind: "workflow", namespaceId: "ns", businessId: "w", runId: "r" },
      runWrite("r"),
      partWrite("no run", "p", "x"),
    ]);
    const keys = ["v", "w", "x"].map((businessId) => ({ kind: "workflow", namespaceId: "ns", businessId }) as const);
    assert.deepEqual(await store.loadCurrent(keys), [null, "r", null]);
    assert.deepEqual(await store.loadCurrent([{ kind: "workflow", namespaceId: "other", businessId: "w" }]), [null]);
    const runs = await store.loadRuns(["q", "r", "no run", "r"]);
    assert.deepEqual(
      runs.map((run) => run?.businessId ?? null),
      [null, "workflow of r", null, "workflow of r"],
    );
    assert.deepEqual([await store.loadRuns([]), await store.loadCurrent([])], [[], []]);
  });

  test("a current run is replaced, and removed by null", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const key = { kind: "workflow", namespaceId: "ns", businessId: "w" } as const;
    for (const runId of ["one", "two", null, null, "three"]) {
      await store.commit(lease, [{ table: "current", ...key, runId }]);
      assert.deepEqual(await store.loadCurrent([key]), [runId]);
    }
  });
}

function exerciseKinds(open: Open): void {
  const keys = executionKinds.map((kind) => ({ kind, namespaceId: "ns", businessId: "same" }));

  test("one id means an execution of each kind", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    for (const key of keys) {
      const runId = `run of ${key.kind}`;
      await store.commit(lease, [
        { table: "current", ...key, runId },
        runWrite(runId, { ...key, wakeAtMs: 5, undispatched: true }),
        visibilityWrite(runId, key),
      ]);
    }
    const runIds = executionKinds.map((kind) => `run of ${kind}`);
    assert.deepEqual(await store.loadCurrent(keys), runIds);
    const keyOf = ({ kind, namespaceId, businessId }: ExecutionKey) => ({ kind, namespaceId, businessId });
    assert.deepEqual(
      (await store.loadRuns(runIds)).map((run) => run && keyOf(run)),
      keys,
    );
    const byKind = (a: ExecutionKey, b: ExecutionKey) =>
      executionKinds.indexOf(a.kind) - executionKinds.indexOf(b.kind);
    assert.deepEqual((await store.wakingRuns(1, { beforeMs: 9, limit: 9 })).sort(byKind).map(keyOf), keys);
    assert.deepEqual((await store.undispatchedRuns(1, { limit: 9 })).sort(byKind).map(keyOf), keys);
    await store.commit(lease, [{ table: "current", ...keys[1]!, runId: null }]);
    assert.deepEqual(await store.loadCurrent(keys), [runIds[0], null, runIds[2]]);
  });

  test("each kind has its own list and counts", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    await store.commit(
      lease,
      keys.flatMap((key, i) =>
        Array.from({ length: i + 1 }, (_, n) => visibilityWrite(`${key.kind} ${n}`, { ...key, status: n + 1 })),
      ),
    );
    for (const [i, { kind, namespaceId }] of keys.entries()) {
      const rows = await store.listVisibility({ kind, namespaceId, limit: 9 });
      const expected = Array.from({ length: i + 1 }, (_, n) => `${kind} ${n}`).reverse();
      assert.deepEqual(
        rows.map(({ runId }) => runId),
        expected,
      );
      assert.deepEqual(await store.countVisibility({ kind, namespaceId }), [{ value: null, count: i + 1 }]);
      const byStatus = await store.countVisibility({ kind, namespaceId, groupBy: "ExecutionStatus" });
      assert.equal(byStatus.length, i + 1);
      const filter = { op: "=", name: "WorkflowId", value: "same" } as const;
      assert.equal((await store.listVisibility({ kind, namespaceId, filter, limit: 9 })).length, i + 1);
    }
    await store.commit(lease, [{ table: "deleteRun", runId: "activity 0" }]);
    assert.deepEqual(
      (await store.listVisibility({ kind: "activity", namespaceId: "ns", limit: 9 })).map(({ runId }) => runId),
      ["activity 1"],
    );
  });
}

function exerciseDueRuns(open: Open): void {
  test("waking runs come soonest first, from their own shard, up to the time and limit asked for", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const other = await store.acquire(2, "me");
    const at = { e: 50, a: 10, c: 30, b: 20, d: 31 };
    await store.commit(
      lease,
      Object.entries(at).map(([runId, wakeAtMs]) => runWrite(runId, { wakeAtMs })),
    );
    await store.commit(lease, [runWrite("never")]);
    await store.commit(other, [runWrite("other", { wakeAtMs: 15 })]);
    const waking = async (beforeMs: number, limit: number) =>
      (await store.wakingRuns(1, { beforeMs, limit })).map(({ runId, wakeAtMs }) => `${runId} ${wakeAtMs}`);
    assert.deepEqual(await waking(1_000, 9), ["a 10", "b 20", "c 30", "d 31", "e 50"]);
    assert.deepEqual(await waking(30, 9), ["a 10", "b 20"]);
    assert.deepEqual(await waking(1_000, 3), ["a 10", "b 20", "c 30"]);
    assert.deepEqual(await store.wakingRuns(2, { beforeMs: 16, limit: 9 }), [
      { kind: "workflow", namespaceId: "ns", businessId: "workflow of other", runId: "other", wakeAtMs: 15 },
    ]);
    await store.commit(lease, [runWrite("a", { wakeAtMs: 40 }), runWrite("b"), { table: "deleteRun", runId: "c" }]);
    assert.deepEqual(await waking(1_000, 9), ["d 31", "a 40", "e 50"]);
    assert.deepEqual(await store.wakingRuns(3, { beforeMs: 1_000, limit: 9 }), []);
  });

  test("undispatched runs are paged by run id, from their own shard", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const other = await store.acquire(2, "me");
    await store.commit(
      lease,
      ["c", "a", "d", "b", "e"].map((runId) => runWrite(runId, { undispatched: true })),
    );
    await store.commit(other, [runWrite("other", { undispatched: true })]);
    await store.commit(lease, [runWrite("b"), runWrite("f")]);
    const page = async (limit: number, afterRunId?: string) => {
      const runs = await store.undispatchedRuns(1, afterRunId === undefined ? { limit } : { limit, afterRunId });
      return runs.map(({ runId }) => runId);
    };
    assert.deepEqual(await page(2), ["a", "c"]);
    assert.deepEqual(await page(2, "c"), ["d", "e"]);
    assert.deepEqual(await page(2, "e"), []);
    // A position that is no longer there.
    assert.deepEqual(await page(9, "b"), ["c", "d", "e"]);
    assert.deepEqual(await store.undispatchedRuns(2, { limit: 9 }), [
      { kind: "workflow", namespaceId: "ns", businessId: "workflow of other", runId: "other" },
    ]);
  });
}

function exerciseMoves(open: Open): void {
  test("a run that another shard writes belongs to that shard", async (t) => {
    const store = await open(t);
    const [one, two] = [await store.acquire(1, "me"), await store.acquire(2, "me")];
    for (const lease of [one, two]) await store.commit(lease, [runWrite("r", { wakeAtMs: 1, undispatched: true })]);
    const counts = [1, 2].map(async (shardId) => [
      (await store.wakingRuns(shardId, { beforeMs: 9, limit: 9 })).length,
      (await store.undispatchedRuns(shardId, { limit: 9 })).length,
    ]);
    assert.deepEqual(await Promise.all(counts), [
      [0, 0],
      [1, 1],
    ]);
  });
}

function exerciseDeletion(open: Open): void {
  test("deleting a run removes all that is kept of it, and nothing of its neighbours", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    const whole = (runId: string) => [
      runWrite(runId, { wakeAtMs: 1, undispatched: true }),
      partWrite(runId, "p", "x"),
      historyWrite(runId, 1),
      visibilityWrite(runId),
    ];
    await store.commit(lease, ["r", "q"].flatMap(whole));
    await store.commit(lease, [
      { table: "deleteRun", runId: "r" },
      { table: "deleteRun", runId: "never there" },
    ]);
    const runs = await store.loadRuns(["r", "q"]);
    assert.deepEqual([runs[0], runs[1]?.parts.size], [null, 1]);
    assert.deepEqual(await store.readHistory("r", wholeHistory), []);
    const remaining = [
      await store.wakingRuns(1, { beforeMs: 9, limit: 9 }),
      await store.undispatchedRuns(1, { limit: 9 }),
      await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 }),
    ];
    assert.deepEqual(
      remaining.map((rows) => rows.map(({ runId }) => runId)),
      [["q"], ["q"], ["q"]],
    );
    // The run may come again, from nothing, in the commit that deletes it.
    await store.commit(lease, [{ table: "deleteRun", runId: "q" }, runWrite("q"), historyWrite("q", 1, 4)]);
    const [again] = await store.loadRuns(["q"]);
    assert.equal(again?.parts.size, 0);
    assert.deepEqual((await store.readHistory("q", wholeHistory)).map(names), ["1-4"]);
  });
}

function names(batch: StoredBatch): string | null {
  return text(batch.events);
}

function exerciseHistory(open: Open): void {
  test("a page holds the batches of its range, both ways, and ends with the one that fills it", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "me");
    // Written out of order, and among other runs.
    await store.commit(lease, [historyWrite("r", 4, 6), historyWrite("q", 1, 9), historyWrite("r", 1, 3)]);
    await store.commit(lease, [historyWrite("r", 7), historyWrite("s", 4), historyWrite("r", 8, 12)]);
    const cases: [range: Partial<HistoryRange>, ascending: string[], descending: string[]][] = [
      [{}, ["1-3", "4-6", "7-7", "8-12"], ["8-12", "7-7", "4-6", "1-3"]],
      [{ fromEventId: 4 }, ["4-6", "7-7", "8-12"], ["8-12", "7-7", "4-6"]],
      [{ fromEventId: 5, toEventId: 7 }, ["4-6", "7-7"], ["7-7", "4-6"]],
      [{ fromEventId: 6, toEventId: 6 }, ["4-6"], ["4-6"]],
      [{ fromEventId: 9, toEventId: 10 }, ["8-12"], ["8-12"]],
      [{ fromEventId: 13 }, [], []],
      [{ fromEventId: 7, toEventId: 3 }, [], []],
      [{ fromEventId: 0, toEventId: 0 }, [], []],
      [{ eventCountMax: 1 }, ["1-3"], ["8-12"]],
      [{ eventCountMax: 3 }, ["1-3"], ["8-12"]],
      [{ eventCountMax: 4 }, ["1-3", "4-6"], ["8-12"]],
      [{ eventCountMax: 6 }, ["1-3", "4-6"], ["8-12", "7-7"]],
      [{ fromEventId: 2, eventCountMax: 7 }, ["1-3", "4-6", "7-7"], ["8-12", "7-7", "4-6"]],
      [{ bytesMax: 1 }, ["1-3"], ["8-12"]],
      [{ bytesMax: 4 }, ["1-3", "4-6"], ["8-12"]],
      [{ bytesMax: 7, toEventId: 7 }, ["1-3", "4-6", "7-7"], ["7-7", "4-6", "1-3"]],
    ];
    for (const [range, ascending, descending] of cases) {
      const message = JSON.stringify(range);
      const [up, down] = [
        await store.readHistory("r", { ...wholeHistory, ...range }),
        await store.readHistoryReverse("r", { ...wholeHistory, ...range }),
      ];
      assert.deepEqual([up.map(names), down.map(names)], [ascending, descending], message);
    }
    assert.deepEqual(await store.readHistory("nobody", wholeHistory), []);
  });

  test("a page knows the ids of its batches", async (t) => {
    const store = await open(t);
    await store.commit(await store.acquire(1, "me"), [historyWrite("r", 1, 3), historyWrite("r", 4, 6)]);
    const [, second] = await store.readHistory("r", wholeHistory);
    assert.deepEqual([second?.firstEventId, second?.lastEventId], [4, 6]);
  });
}

function exerciseNames(open: Open): void {
  const named = (id: string, name: string) =>
    ({ table: "namespace", id, name, bytes: bytes(`${name} as ${id}`) }) as const;
  const listed = async (store: Store) => (await store.namespaces()).map(({ id, name }) => `${id}=${name}`).sort();

  test("a namespace is replaced by its id", async (t) => {
    const store = await open(t);
    await store.commit(null, [named("1", "one"), named("2", "two")]);
    await store.commit(null, [named("1", "uno")]);
    assert.deepEqual(await listed(store), ["1=uno", "2=two"]);
    const uno = (await store.namespaces()).find(({ id }) => id === "1");
    assert.equal(text(uno?.bytes), "uno as 1");
  });

  test("a name that another id has is refused with everything in its commit, and its neighbours are kept", async (t) => {
    const store = await open(t);
    await store.commit(null, [named("1", "one")]);
    const [taken, neighbour] = await Promise.allSettled([
      store.commit(null, [{ table: "setting", name: "s", bytes: bytes("x") }, named("3", "three"), named("2", "one")]),
      store.commit(null, [named("4", "four")]),
    ]);
    assert.ok(taken.status === "rejected" && taken.reason instanceof NameTaken);
    assert.equal(neighbour.status, "fulfilled");
    assert.deepEqual(await listed(store), ["1=one", "4=four"]);
    assert.equal(await store.setting("s"), null);
  });

  test("of two commits that want one name at once, one gets it", async (t) => {
    const store = await open(t);
    const outcomes = await Promise.allSettled(["1", "2"].map((id) => store.commit(null, [named(id, "one")])));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    assert.deepEqual(await listed(store), ["1=one"]);
  });

  test("a name that a rename in the same commit has left is free", async (t) => {
    const store = await open(t);
    await store.commit(null, [named("1", "one")]);
    await store.commit(null, [named("1", "uno"), named("2", "one")]);
    assert.deepEqual(await listed(store), ["1=uno", "2=one"]);
    await assert.rejects(store.commit(null, [named("3", "uno"), named("1", "free")]), NameTaken);
  });

  test("a namespace that is deleted is gone, and its name free, in the same commit too", async (t) => {
    const store = await open(t);
    await store.commit(null, [named("1", "one"), named("2", "two")]);
    await store.commit(null, [{ ...named("1", "whatever"), bytes: null }]);
    assert.deepEqual(await listed(store), ["2=two"]);
    await store.commit(null, [{ ...named("2", "two"), bytes: null }, named("3", "two")]);
    await store.commit(null, [{ ...named("4", "nobody"), bytes: null }]);
    assert.deepEqual(await listed(store), ["3=two"]);
  });
}
