/** Wherever the rows of a list in PostgreSQL are taken from, they are those that the filter selects: the memory store says which. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  MemoryStore,
  PostgresStore,
  type Store,
  type VisibilityFilter,
  type VisibilityQuery,
  type Write,
} from "@pawl/store";
import { seed, visibilityFilter, visibilityRow, visibilityWrite } from "@pawl/store/conformance";
import fc from "fast-check";
import { Postgres } from "../rig/postgres.ts";

const runCount = 60;
const startTime = fc.nat({ max: 5 });
const division = "TemporalNamespaceDivision";
/** Longer than what the index holds of a text. */
const long = "é".repeat(250);
const texts = [
  "",
  "a",
  "ab",
  "b",
  "é",
  "é".repeat(199),
  "é".repeat(200),
  `${"é".repeat(200)}a`,
  long,
  `${long}a`,
  "\u{1f40e}",
];

const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
after(() => postgres.remove());

/** Each run is written twice, as runs are when they begin and end, and some are deleted. */
async function fill(store: Store): Promise<void> {
  const lease = await store.acquire(1, "me");
  const rows = fc.sample(visibilityRow, { numRuns: 2 * runCount, seed });
  const writes = rows.map((row, i): Write => {
    const more = {
      ...(i % 3 === 0 && { Long: texts[i % texts.length]! }),
      ...(i % 7 === 0 && { [division]: "system" }),
    };
    const searchAttributes = { ...row.searchAttributes, ...more };
    return visibilityWrite(`r${i % runCount}`, { ...row, kind: "workflow", searchAttributes });
  });
  for (let i = 0; i < 6; i += 1) writes.push({ table: "deleteRun", runId: `r${i * 9}` });
  // Some of them in one statement, which writes each row once.
  for (let i = 0; i < writes.length; i += 5) await store.commit(lease, writes.slice(i, i + 5));
}

async function wholeList(store: Store, query: Omit<VisibilityQuery, "limit">) {
  const rows = [];
  for (let page = await store.listVisibility({ ...query, limit: 3 }); page.length > 0; ) {
    rows.push(...page);
    page = page.length < 3 ? [] : await store.listVisibility({ ...query, limit: 3, after: page.at(-1)! });
  }
  return rows;
}

const longFilter = fc.oneof(
  fc.record({
    op: fc.constantFrom("=", "<", "<=", ">", ">="),
    name: fc.constant("Long"),
    value: fc.constantFrom(...texts),
  }),
  fc.record({ op: fc.constant("startsWith"), name: fc.constant("Long"), prefix: fc.constantFrom(...texts) }),
  fc.record({ op: fc.constant("in"), name: fc.constant("Long"), values: fc.subarray([...texts]) }),
);

test(`lists and counts in PostgreSQL are the same whichever index they are taken from (SEED=${seed})`, async (t) => {
  const url = await postgres.newSchema();
  const memory = new MemoryStore();
  const filled = await PostgresStore.open({ url });
  await fill(memory);
  await fill(filled);
  await filled.close();
  // With no row or one counted as few, other plans are taken. One server at a time has the database, and its lists are what is asked here.
  let foundCount = 0;
  for (const fewRowsMax of [0, 1, 4_000]) {
    const store = await PostgresStore.open({ url, fewRowsMax });
    t.after(() => store.close());
    /** What people ask, a few conditions that must all hold, besides any filter; mostly without what servers leave out. */
    const asked = fc
      .tuple(
        fc.oneof(
          fc.array(visibilityFilter, { minLength: 1, maxLength: 3 }).map((all) => ({ op: "and", all })),
          visibilityFilter,
          fc.record({ op: fc.constantFrom("<", "<=", ">", ">="), name: fc.constant("StartTime"), value: startTime }),
          fc.record({ op: fc.constant("between"), name: fc.constant("StartTime"), low: startTime, high: startTime }),
          fc.record({ op: fc.constantFrom("isNull", "isNotNull"), name: fc.constantFrom("K", "N", "L", "T") }),
          longFilter,
        ),
        fc.nat({ max: 3 }),
      )
      .map(([filter, n]) =>
        n === 0 ? filter : { op: "and", all: [filter, { op: n === 1 ? "isNotNull" : "isNull", name: division }] },
      ) as fc.Arbitrary<VisibilityFilter>;
    const property = fc.asyncProperty(asked, fc.constantFrom("n1", "n2"), async (filter, namespaceId) => {
      const query = { kind: "workflow", namespaceId, filter } as const;
      const rows = await memory.listVisibility({ ...query, limit: 5 });
      assert.deepEqual(await store.listVisibility({ ...query, limit: 5 }), rows);
      assert.deepEqual(await wholeList(store, query), await memory.listVisibility({ ...query, limit: 1_000 }));
      const orderBy = { name: "K", isDescending: false };
      const ordered = await memory.listVisibility({ ...query, limit: 5, orderBy });
      assert.deepEqual(await store.listVisibility({ ...query, limit: 5, orderBy }), ordered);
      for (const groupBy of [undefined, "ExecutionStatus", "K"]) {
        const asked = { ...query, ...(groupBy !== undefined && { groupBy }) };
        assert.deepEqual(await store.countVisibility(asked), await memory.countVisibility(asked));
      }
      foundCount += rows.length;
    });
    await fc.assert(property, { seed, numRuns: 60 });
    await store.close();
  }
  assert.ok(foundCount > 100, `${foundCount} rows found`);
  await memory.close();
});

test("a database from before these indexes gets the same ones, with the rows that it has", async () => {
  const url = await postgres.newSchema();
  const first = await PostgresStore.open({ url });
  await fill(first);
  await first.close();
  const index = async () => [
    await postgres.run("SELECT * FROM attribute ORDER BY run_id, entry", url),
    await postgres.run("SELECT run_id, shape FROM visibility ORDER BY run_id", url),
    await postgres.run("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname", url),
  ];
  const written = await index();
  assert.ok(written[0]!.length > runCount);
  await postgres.run(
    `DROP TABLE attribute;
     ALTER TABLE visibility DROP COLUMN shape;
     DROP INDEX visibility_by_start, visibility_by_parent;
     CREATE INDEX visibility_by_attribute ON visibility USING gin (search_attributes jsonb_path_ops)
       WHERE search_attributes <> '{}'::jsonb;
     UPDATE pawl_schema SET version = 5`,
    url,
  );
  const second = await PostgresStore.open({ url });
  await second.close();
  assert.deepEqual(await index(), written);
});
