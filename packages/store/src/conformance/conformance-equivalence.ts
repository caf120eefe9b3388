/**
 * The memory store is what other tests believe a store to be, so every other one is held to it: any sequence of commits gives the same outcomes,
 * and after it every read gives the same rows.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { MemoryStore } from "../memory/memory.ts";
import {
  executionKinds,
  type Lease,
  type Store,
  StoreError,
  type VisibilityFilter,
  type VisibilityQuery,
  type VisibilityRow,
  visibilityColumns,
  type Write,
} from "../store.ts";
import { bytes, runWrite, visibilityWrite, wholeHistory } from "./conformance-samples.ts";

export const seed = process.env["SEED"] ? Number(process.env["SEED"]) : 20_260;

/** `open` gives an empty store, which this closes. */
export function exerciseEquivalence(name: string, open: () => Promise<Store>): void {
  test(`after any sequence of commits the memory and the ${name} store give the same answers (SEED=${seed})`, (t) =>
    sameAnswers(t, open));
  test(`a value of the attributes is what a query of the ${name} store compares with, also for numbers that a decimal text rounds`, () =>
    exactNumbers(open));
}

const runId = fc.constantFrom("r1", "r2", "r3", "\u{ffff}", "\u{1f40e}");
const word = fc.constantFrom("", "a", "ab", "a_", "a%", "b", "é", "\u{ffff}", "\u{1f40e}");
const time = fc.nat({ max: 5 });
const data = fc.uint8Array({ maxLength: 6 });
const namespaceId = fc.constantFrom("n1", "n2");
/** Mostly workflows, so that lists have rows. */
const kind = fc.constantFrom("workflow", "workflow", ...executionKinds);
const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true }));
const sentence = fc
  .array(fc.constantFrom("Red", "red-hot", "ROD", "é", "x1", ",", "日"), { maxLength: 4 })
  .map((all) => all.join(" "));
const attributes = fc.record(
  { K: word, N: number, B: fc.boolean(), L: fc.array(word, { maxLength: 3 }), T: sentence.map((text) => ({ text })) },
  { requiredKeys: [] },
);

/** Rows of few values, so that filters find some. */
export const visibilityRow = fc.record({
  kind,
  namespaceId,
  businessId: word,
  type: word,
  status: fc.integer({ min: 1, max: 3 }),
  startTimeMs: time,
  closeTimeMs: fc.option(time),
  historyLength: fc.option(time),
  parentWorkflowId: fc.option(word),
  searchAttributes: attributes,
  info: data,
});

const write: fc.Arbitrary<Write> = fc.oneof(
  fc
    .record({ kind, namespaceId, businessId: word, runId: fc.option(runId) })
    .map((row) => ({ table: "current", ...row })),
  fc
    .tuple(
      runId,
      fc.record({ kind, namespaceId, snapshot: data, wakeAtMs: fc.option(time), undispatched: fc.boolean() }),
    )
    .map(([id, row]) => runWrite(id, row)),
  fc.record({ runId, part: word, bytes: fc.option(data) }).map((row) => ({ table: "part", ...row })),
  fc
    .record({ runId, firstEventId: fc.integer({ min: 1, max: 8 }), events: data })
    .map(({ firstEventId, ...row }) => ({ table: "history", firstEventId, lastEventId: firstEventId, ...row })),
  fc.tuple(runId, visibilityRow).map(([id, row]) => visibilityWrite(id, row)),
  { arbitrary: runId.map((id): Write => ({ table: "deleteRun", runId: id })), weight: 1 },
  fc
    .record({ id: namespaceId, name: fc.constantFrom("x", "y"), bytes: fc.option(data) })
    .map((row) => ({ table: "namespace", ...row })),
  fc
    .record({ name: word, bytes: fc.option(data), expected: fc.constantFrom(undefined, null) })
    .map(({ expected, ...row }) => ({ table: "setting", ...row, ...(expected === null && { expected }) })),
) as fc.Arbitrary<Write>;

/** One turn: everything in it is asked of the store at once. `shard` picks the lease; a stale one is the first lease of the shard. */
const operation = fc.oneof(
  { arbitrary: fc.record({ acquire: fc.constantFrom(1, 2) }), weight: 1 },
  {
    arbitrary: fc.record({
      shard: fc.constantFrom(1, 2),
      isStale: fc.nat({ max: 9 }).map((n) => n === 0),
      writes: fc.array(write, { maxLength: 6 }),
    }),
    weight: 9,
  },
);
const turns = fc.array(fc.array(operation, { maxLength: 6 }), { maxLength: 8 });

const comparable = fc.constantFrom("=", "!=", "<", "<=", ">", ">=");
/** A name with a generator of values of its type. */
const named = fc.constantFrom<[string, fc.Arbitrary<string | number>][]>(
  ["WorkflowId", word],
  ["WorkflowType", word],
  ["ParentWorkflowId", word],
  ["RunId", runId],
  ["K", word],
  ["ExecutionStatus", fc.integer({ min: 1, max: 3 })],
  ["StartTime", time],
  ["CloseTime", time],
  ["HistoryLength", time],
  ["N", number],
);
const comparison = named.chain(([name, value]) =>
  fc.oneof(
    fc.record({ op: comparable, name: fc.constant(name), value }),
    fc.record({
      op: fc.constantFrom("in", "notIn"),
      name: fc.constant(name),
      values: fc.array(value, { maxLength: 3 }),
    }),
    fc.record({ op: fc.constantFrom("between", "notBetween"), name: fc.constant(name), low: value, high: value }),
    fc.record({ op: fc.constantFrom("isNull", "isNotNull"), name: fc.constant(name) }),
  ),
);
const leaf = fc.oneof(
  { arbitrary: comparison, weight: 4 },
  fc.record({ op: fc.constantFrom("=", "!="), name: fc.constant("B"), value: fc.boolean() }),
  fc.record({ op: fc.constantFrom("=", "!="), name: fc.constantFrom("L", "T"), value: word }),
  fc.record({
    op: fc.constant("contains"),
    name: fc.constantFrom("L", "K", "T"),
    values: fc.array(word, { maxLength: 3 }),
  }),
  fc.record({ op: fc.constant("matches"), name: fc.constantFrom("T", "T", "K", "L"), text: sentence }),
  fc.record({ op: fc.constantFrom("isNull", "isNotNull"), name: fc.constantFrom("B", "L", "T", "missing") }),
  fc.record({
    op: fc.constantFrom("startsWith", "notStartsWith"),
    name: fc.constantFrom("WorkflowId", "ParentWorkflowId", "K"),
    prefix: word,
  }),
);
/** About the values of `visibilityRow`. */
export const { filter: visibilityFilter } = fc.letrec((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.record({ op: fc.constantFrom("and", "or"), all: fc.array(tie("filter"), { maxLength: 3 }) }),
    fc.record({ op: fc.constant("not"), filter: tie("filter") }),
  ),
})) as unknown as { filter: fc.Arbitrary<VisibilityFilter> };

type Turns = typeof turns extends fc.Arbitrary<infer T> ? T : never;

/** What each operation came to. */
async function run(store: Store, sequence: Turns): Promise<string[]> {
  const first = new Map<number, Lease>();
  const newest = new Map<number, Lease>();
  for (const shard of [1, 2]) {
    const lease = await store.acquire(shard, "me");
    first.set(shard, lease);
    newest.set(shard, lease);
  }
  const outcomes: string[] = [];
  for (const turn of sequence) {
    // The lease that an acquisition of this very turn gives is not known yet to the commits beside it.
    const asked = turn.map((operation) =>
      "acquire" in operation
        ? store.acquire(operation.acquire, "other")
        : store.commit((operation.isStale ? first : newest).get(operation.shard) ?? null, operation.writes),
    );
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === "rejected") {
        outcomes.push(outcome.reason instanceof StoreError ? outcome.reason.name : "rejected");
      } else {
        if (outcome.value) newest.set(outcome.value.shardId, outcome.value);
        outcomes.push(JSON.stringify(outcome.value ?? "written"));
      }
    }
  }
  return outcomes;
}

async function readEverything(store: Store, filters: readonly VisibilityFilter[]): Promise<unknown> {
  const runIds = ["r1", "r2", "r3", "\u{ffff}", "\u{1f40e}"];
  const words = ["", "a", "ab", "a_", "a%", "b", "é", "\u{ffff}", "\u{1f40e}"];
  const namespaceIds = ["n1", "n2"];
  const runs = await store.loadRuns(runIds);
  const range = { ...wholeHistory, fromEventId: 3, toEventId: 7, eventCountMax: 3 };
  return {
    current: await store.loadCurrent(
      executionKinds.flatMap((one) =>
        namespaceIds.flatMap((id) => words.map((businessId) => ({ kind: one, namespaceId: id, businessId }))),
      ),
    ),
    runs: runs.map((row) => row && { ...row, parts: [...row.parts].sort() }),
    history: await Promise.all(
      runIds.map(async (id) => [
        await store.readHistory(id, wholeHistory),
        await store.readHistory(id, range),
        await store.readHistoryReverse(id, range),
      ]),
    ),
    due: await Promise.all(
      [1, 2].map(async (shard) => [
        // Those of one millisecond come in any order.
        (await store.wakingRuns(shard, { beforeMs: 4, limit: 9 })).map(({ wakeAtMs }) => wakeAtMs),
        (await store.wakingRuns(shard, { beforeMs: 4, limit: 9 })).map((row) => row.runId).sort(),
        await store.undispatchedRuns(shard, { limit: 2 }),
        await store.undispatchedRuns(shard, { afterRunId: "r2", limit: 5 }),
      ]),
    ),
    lists: await Promise.all(
      [undefined, ...filters].map(async (one) => {
        const query = { kind: "workflow", namespaceId: "n1", ...(one && { filter: one }) } as const;
        const rows = await store.listVisibility({ ...query, limit: 3 });
        const last = rows.at(-1);
        const next = last ? await store.listVisibility({ ...query, limit: 3, after: last }) : [];
        const byStatus = await store.countVisibility({ ...query, groupBy: "ExecutionStatus" });
        return [rows, next, await store.countVisibility(query), byStatus];
      }),
    ),
    ordered: await Promise.all(
      ["WorkflowId", "CloseTime", "HistoryLength", "K", "N", "B", "L"].map(async (name, at) => {
        const [filter] = filters;
        const query = { kind: "workflow", namespaceId: "n1", ...(at % 3 === 0 && filter && { filter }) } as const;
        return [await wholeList(store, query, name, false), await wholeList(store, query, name, true)];
      }),
    ),
    groups: await Promise.all(
      [...visibilityColumns, "K", "N", "B", "L", "T"].map((groupBy) =>
        store.countVisibility({ kind: "workflow", namespaceId: "n1", groupBy }),
      ),
    ),
    namespaces: await store.namespaces(),
    settings: await Promise.all(words.map((name) => store.setting(name))),
    settingsOf: await Promise.all(words.map((prefix) => store.settings(prefix))),
  };
}

/** All rows in an order, in two pages. */
async function wholeList(
  store: Store,
  query: Omit<VisibilityQuery, "limit">,
  name: string,
  isDescending: boolean,
): Promise<VisibilityRow[]> {
  const ordered = { ...query, orderBy: { name, isDescending } };
  const rows = await store.listVisibility({ ...ordered, limit: 2 });
  const last = rows.at(-1);
  return last ? [...rows, ...(await store.listVisibility({ ...ordered, limit: 9, after: last }))] : rows;
}

async function sameAnswers(t: TestContext, open: () => Promise<Store>): Promise<void> {
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(
    turns,
    fc.array(visibilityFilter, { minLength: 4, maxLength: 8 }),
    async (sequence, filters) => {
      const memory = new MemoryStore();
      const store = await open();
      try {
        const outcomes = await run(memory, sequence);
        assert.deepEqual(await run(store, sequence), outcomes);
        assert.deepEqual(await readEverything(store, filters), await readEverything(memory, filters));
        for (const outcome of outcomes) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      } finally {
        await store.close();
      }
    },
  );
  await fc.assert(property, { seed, numRuns: 50 });
  // A run in which nothing was ever written, or refused, has compared nothing.
  for (const outcome of ['"written"', "LeaseLost", "NameTaken", "SettingChanged", "rejected"]) {
    assert.ok((seen.get(outcome) ?? 0) >= 3, `${outcome}: ${seen.get(outcome)}`);
  }
  t.diagnostic(JSON.stringify([...seen].filter(([outcome]) => !outcome.startsWith("{"))));
}

async function exactNumbers(open: () => Promise<Store>): Promise<void> {
  const store = await open();
  try {
    const lease = await store.acquire(1, "me");
    const numbers = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 2_000, seed });
    await store.commit(
      lease,
      numbers.map((N, i) => visibilityWrite(`r${i}`, { searchAttributes: { N }, info: bytes("") })),
    );
    for (const [i, N] of numbers.entries()) {
      if (i % 20 !== 0) continue;
      const filter: VisibilityFilter = {
        op: "and",
        all: [
          { op: "=", name: "N", value: N },
          { op: "=", name: "RunId", value: `r${i}` },
        ],
      };
      assert.equal(
        (await store.listVisibility({ kind: "workflow", namespaceId: "ns", filter, limit: 1 })).length,
        1,
        `${N}`,
      );
    }
  } finally {
    await store.close();
  }
}
