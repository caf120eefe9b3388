/** What lists and counts read: rows of an index that the page or the count is made of, and never the whole table. PostgreSQL itself counts. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PostgresStore, type Store, type VisibilityFilter } from "@pawl/store";
import { visibilityWrite } from "@pawl/store/conformance";
import { Postgres } from "../rig/postgres.ts";

const rowCount = 12_000;
/** Left out of what a server lists, unless they are asked for. */
const otherCount = 50;
const division = "TemporalNamespaceDivision";
const rowsPerCommit = 1_000;
/** Runs that have ended, one of a hundred otherwise than the others. */
const [completed, terminated] = [2, 5];
const closedAtMs = (i: number) => 1_000_000 + i * 1_000;
const startedAtMs = (i: number) => closedAtMs(i) - 500;

const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off", autovacuum: "off" } });
after(() => postgres.remove());

before(async () => {
  const store = await PostgresStore.open({ url: postgres.url() });
  const lease = await store.acquire(1, "me");
  for (let i = 0; i < rowCount; i += rowsPerCommit) {
    const rows = Array.from({ length: rowsPerCommit }, (_, at) => i + at);
    await store.commit(lease, rows.map(closedRun));
  }
  const others = Array.from({ length: otherCount }, (_, i) => ({
    ...closedRun(i),
    ...{ runId: `other ${i}`, searchAttributes: { [division]: "system" } },
  }));
  await store.commit(lease, others);
  await store.close();
  await postgres.run("VACUUM ANALYZE");
});

function closedRun(i: number) {
  return visibilityWrite(`run ${i}`, {
    ...{ businessId: `order-${i}`, type: `Order${i % 20}`, status: i % 100 === 0 ? terminated : completed },
    ...{ startTimeMs: startedAtMs(i), closeTimeMs: closedAtMs(i) },
    // About what there is to show of a run.
    info: new Uint8Array(500),
    searchAttributes: {
      ...{ Customer: `customer-${i % 4_000}`, Amount: i % 4_000, Region: i % 2 === 0 ? "asia" : "africa" },
      ...(i % 2 === 0 && { Half: true }),
    },
  });
}

interface Reads {
  readonly scans: number;
  readonly ofTable: number;
  readonly ofIndexes: number;
}

/** Rows that PostgreSQL has read of the list so far. */
async function reads(): Promise<Reads> {
  const [row] = await postgres.run(`
    SELECT sum(seq_scan + idx_scan) AS scans, sum(seq_tup_read) AS table_rows,
      (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('visibility', 'attribute')) AS index_rows
    FROM pg_stat_user_tables WHERE relname IN ('visibility', 'attribute')`);
  return {
    ...{ scans: Number(row?.["scans"]), ofTable: Number(row?.["table_rows"]) },
    ofIndexes: Number(row?.["index_rows"]),
  };
}

/** What `ask` has read. A session tells of its reads when it ends at the latest. */
async function readBy(ask: (store: Store) => Promise<unknown>): Promise<Reads> {
  const before = await reads();
  const store = await PostgresStore.open({ url: postgres.url() });
  try {
    await ask(store);
  } finally {
    await store.close();
  }
  for (;;) {
    const now = await reads();
    if (now.scans > before.scans)
      return {
        scans: now.scans - before.scans,
        ofTable: now.ofTable - before.ofTable,
        ofIndexes: now.ofIndexes - before.ofIndexes,
      };
    await delay(20);
  }
}

const all = { kind: "workflow", namespaceId: "ns" } as const;
const shown: VisibilityFilter = { op: "isNull", name: division };
const region: VisibilityFilter = { op: "=", name: "Region", value: "asia" };
const status = (value: number): VisibilityFilter => ({ op: "=", name: "ExecutionStatus", value });

/** The filter of a first page of twenty, and how many rows of indexes it may take. */
const pages: readonly (readonly [string, VisibilityFilter, number])[] = [
  ["everything", shown, 100],
  ["a frequent status", status(completed), 100],
  ["a rare status", status(terminated), 300],
  ["a type", { op: "=", name: "WorkflowType", value: "Order7" }, 300],
  ["a workflow id", { op: "=", name: "WorkflowId", value: "order-5000" }, 100],
  // To see that they are many: as many as are few, and one more.
  ["a frequent attribute", region, 4_300],
  ["a rare attribute", { op: "=", name: "Customer", value: "customer-3999" }, 300],
  ["a rare number", { op: "=", name: "Amount", value: 1 }, 300],
  ["some attributes", { op: "in", name: "Customer", values: ["customer-3998", "customer-3999"] }, 300],
  ["a prefix of an attribute", { op: "startsWith", name: "Customer", prefix: "customer-399" }, 300],
  ["a range of numbers", { op: "between", name: "Amount", low: 10, high: 20 }, 300],
  ["an attribute that half of them have", { op: "isNotNull", name: "Half" }, 100],
  ["an attribute that the other half lacks", { op: "isNull", name: "Half" }, 100],
  [
    "few start times long ago",
    { op: "between", name: "StartTime", low: startedAtMs(600), high: startedAtMs(699) },
    // And that those which started later are many.
    4_400,
  ],
  [
    "many start times long ago",
    { op: "between", name: "StartTime", low: startedAtMs(600), high: startedAtMs(5_599) },
    // In the index alone: to see how many there are, and how many later, and to find where the page ends.
    2 * 4_001 + 2 * 5_000 + 300,
  ],
  [
    "a stretch of close times",
    {
      op: "and",
      all: [
        { op: ">=", name: "CloseTime", value: closedAtMs(600) },
        { op: "<", name: "CloseTime", value: closedAtMs(700) },
      ],
    },
    300,
  ],
];

for (const [name, filter, rowsMax] of pages)
  test(`the first page of ${name} reads its rows and few more`, async () => {
    let found = 0;
    const { ofTable, ofIndexes } = await readBy(async (store) => {
      found = (await store.listVisibility({ ...all, limit: 20, filter: { op: "and", all: [filter, shown] } })).length;
    });
    assert.ok(found > 0);
    assert.equal(ofTable, 0, "the whole table was read");
    assert.ok(ofIndexes <= rowsMax, `${ofIndexes} rows of indexes`);
  });

test("pages far behind the first read no more than it", async () => {
  const { ofTable, ofIndexes } = await readBy(async (store) => {
    const after = { closeTimeMs: closedAtMs(100), startTimeMs: startedAtMs(100), runId: "run 100" };
    assert.equal((await store.listVisibility({ ...all, limit: 20, after })).length, 20);
  });
  assert.equal(ofTable, 0);
  assert.ok(ofIndexes <= 100, `${ofIndexes} rows of indexes`);
});

test("counts are made of indexes alone, and leave out what lists do", async () => {
  const counted = await readBy(async (store) => {
    const counts = await store.countVisibility({ ...all, filter: shown, groupBy: "ExecutionStatus" });
    assert.deepEqual(counts, [
      { value: completed, count: rowCount - rowCount / 100 },
      { value: terminated, count: rowCount / 100 },
    ]);
    assert.deepEqual(await store.countVisibility({ ...all, filter: shown }), [{ value: null, count: rowCount }]);
  });
  assert.equal(counted.ofTable, 0, "the whole table was read");
  const one = await readBy(async (store) => {
    const [counted] = await store.countVisibility({
      ...all,
      filter: { op: "and", all: [shown, status(terminated)] },
    });
    assert.equal(counted?.count, rowCount / 100);
  });
  assert.equal(one.ofTable, 0);
  assert.ok(one.ofIndexes <= 2 * (rowCount / 100) + otherCount, `${one.ofIndexes} rows of indexes`);
});

test("what attributes are asked for is counted by their index, and what all have is missing nowhere", async () => {
  const counted = async (filter: VisibilityFilter) => {
    let count: number | undefined;
    const { ofTable, ofIndexes } = await readBy(async (store) => {
      count = (await store.countVisibility({ ...all, filter: { op: "and", all: [shown, filter] } }))[0]?.count;
    });
    assert.equal(ofTable, 0, "the whole table was read");
    return { count, ofIndexes };
  };
  const asia = await counted(region);
  assert.equal(asia.count, rowCount / 2);
  // Once to see that they are many, and once to count them.
  assert.ok(asia.ofIndexes <= rowCount / 2 + 4_001 + 3 * otherCount, `${asia.ofIndexes} rows of indexes`);
  const amounts = await counted({ op: "<", name: "Amount", value: 100 });
  assert.equal(amounts.count, 300);
  assert.ok(amounts.ofIndexes <= 1_000, `${amounts.ofIndexes} rows of indexes`);
  const missing = await counted({ op: "isNull", name: "Customer" });
  assert.equal(missing.count, 0);
  assert.ok(missing.ofIndexes <= 100, `${missing.ofIndexes} rows of indexes`);
});

test("a group of which nothing is left has no count, and a list of nothing counts none", async (t) => {
  const store = await PostgresStore.open({ url: postgres.url() });
  t.after(() => store.close());
  const hidden: VisibilityFilter = { op: "isNotNull", name: division };
  const count = (filter: VisibilityFilter, groupBy?: string) =>
    store.countVisibility({ ...all, filter, ...(groupBy !== undefined && { groupBy }) });
  assert.deepEqual(await count(hidden), [{ value: null, count: otherCount }]);
  assert.deepEqual(await count(shown, division), [{ value: null, count: rowCount }]);
  assert.deepEqual(await count(hidden, division), [{ value: "system", count: otherCount }]);
  assert.deepEqual(await count({ op: "and", all: [hidden, shown] }), [{ value: null, count: 0 }]);
  assert.deepEqual(await count({ op: "and", all: [hidden, shown] }, division), []);
});
