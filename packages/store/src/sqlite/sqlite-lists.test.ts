/** Wherever the rows of a list are taken from, they are those that the filter selects: the memory store says which. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { seed, visibilityFilter, visibilityRow } from "../conformance/conformance-equivalence.ts";
import { visibilityWrite } from "../conformance/conformance-samples.ts";
import { MemoryStore } from "../memory/memory.ts";
import type { Store, VisibilityFilter, VisibilityQuery, VisibilityRow, Write } from "../store.ts";
import { SqliteStore } from "./sqlite.ts";
import { openReader } from "./sqlite-connection.ts";
import { SqliteLists } from "./sqlite-lists.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-lists-"));
after(() => rmSync(folder, { recursive: true }));

const runCount = 60;
const startTime = fc.nat({ max: 5 });

const presence = fc.record({
  op: fc.constantFrom("isNull", "isNotNull"),
  name: fc.constantFrom("K", "N", "L", "T"),
}) as fc.Arbitrary<VisibilityFilter>;

/** What several indexes know between them. */
const indexed = fc.oneof(
  fc.record({ op: fc.constantFrom("=", "!=", ">"), name: fc.constant("K"), value: fc.constantFrom("a", "b", "") }),
  fc.record({ op: fc.constantFrom("in", "notIn"), name: fc.constant("K"), values: fc.constant(["a", "ab"]) }),
  fc.record({ op: fc.constant("="), name: fc.constant("B"), value: fc.boolean() }),
  fc.record({ op: fc.constant("contains"), name: fc.constant("L"), values: fc.constantFrom(["a"], ["b"]) }),
  fc.record({ op: fc.constant("matches"), name: fc.constant("T"), text: fc.constantFrom("red", "red-hot") }),
  fc.record({ op: fc.constant("="), name: fc.constant("WorkflowType"), value: fc.constantFrom("a", "b", "") }),
  fc.record({ op: fc.constant("="), name: fc.constant("ExecutionStatus"), value: fc.integer({ min: 1, max: 3 }) }),
  presence,
) as fc.Arbitrary<VisibilityFilter>;

/** Each run is written twice, as runs are when they begin and end, and some are deleted. */
async function fill(store: Store): Promise<void> {
  const lease = await store.acquire(1, "me");
  const rows = fc.sample(visibilityRow, { numRuns: 2 * runCount, seed });
  const writes = rows.map((row, i): Write => visibilityWrite(`r${i % runCount}`, { ...row, kind: "workflow" }));
  for (let i = 0; i < 6; i += 1) writes.push({ table: "deleteRun", runId: `r${i * 9}` });
  for (const write of writes) await store.commit(lease, [write]);
}

/** In pages of three. */
function wholeList(reader: SqliteLists, query: Omit<VisibilityQuery, "limit">): readonly VisibilityRow[] {
  const rows: VisibilityRow[] = [];
  for (let page = reader.listVisibility({ ...query, limit: 3 }); page.length > 0; ) {
    rows.push(...page);
    page = page.length < 3 ? [] : reader.listVisibility({ ...query, limit: 3, after: page.at(-1)! });
  }
  return rows;
}

test(`lists and counts are the same whichever index they are taken from (SEED=${seed})`, async (t) => {
  const memory = new MemoryStore();
  const filename = join(folder, "lists.db");
  const store = await SqliteStore.open({ filename, pragmas: { synchronous: "OFF" } });
  await fill(memory);
  await fill(store);
  // Readers of their own see what the store has moved to the lists by somebody's asking.
  await store.countVisibility({ kind: "workflow", namespaceId: "n1" });
  // With no row or one counted as few, other plans are taken.
  const options = [{ fewRowsMax: 0 }, { fewRowsMax: 1 }, {}, ...[1, 5, 20].map((rareRowsMax) => ({ rareRowsMax }))];
  const readers = options.map((some) => new SqliteLists(openReader(filename), some));
  t.after(async () => {
    for (const reader of readers) reader.close();
    await Promise.all([memory.close(), store.close()]);
  });
  /** What people ask, a few conditions that must all hold, besides any filter. */
  const asked: fc.Arbitrary<VisibilityFilter> = fc.oneof(
    fc.array(visibilityFilter, { minLength: 1, maxLength: 3 }).map((all): VisibilityFilter => ({ op: "and", all })),
    visibilityFilter,
    fc.record({ op: fc.constantFrom("<", "<=", ">", ">="), name: fc.constant("StartTime"), value: startTime }),
    fc.record({ op: fc.constant("between"), name: fc.constant("StartTime"), low: startTime, high: startTime }),
    presence,
    fc
      .array(fc.record({ op: fc.constant("="), name: fc.constant("K"), value: fc.constantFrom("a", "b", "") }), {
        minLength: 1,
        maxLength: 3,
      })
      .map((all) => ({ op: "or", all }) as VisibilityFilter),
    fc.tuple(presence, visibilityFilter).map((all): VisibilityFilter => ({ op: "and", all })),
    fc.array(indexed, { minLength: 2, maxLength: 3 }).map((all): VisibilityFilter => ({ op: "and", all })),
    indexed.map((filter): VisibilityFilter => ({ op: "not", filter })),
  ) as fc.Arbitrary<VisibilityFilter>;
  let foundCount = 0;
  const property = fc.asyncProperty(asked, fc.constantFrom("n1", "n2"), async (filter, namespaceId) => {
    const query = { kind: "workflow", namespaceId, filter } as const;
    const rows = await memory.listVisibility({ ...query, limit: 5 });
    const last = rows.at(-1);
    const whole = await memory.listVisibility({ ...query, limit: 1_000 });
    const next = last ? await memory.listVisibility({ ...query, limit: 50, after: last }) : [];
    const [total, byStatus] = [
      await memory.countVisibility(query),
      await memory.countVisibility({ ...query, groupBy: "ExecutionStatus" }),
    ];
    for (const reader of readers) {
      assert.deepEqual(reader.listVisibility({ ...query, limit: 5 }), rows);
      assert.deepEqual(wholeList(reader, query), whole);
      if (last) assert.deepEqual(reader.listVisibility({ ...query, limit: 50, after: last }), next);
      assert.deepEqual(reader.countVisibility(query), total);
      assert.deepEqual(reader.countVisibility({ ...query, groupBy: "ExecutionStatus" }), byStatus);
    }
    foundCount += rows.length;
  });
  await fc.assert(property, { seed, numRuns: 400 });
  assert.ok(foundCount > 100, `${foundCount} rows found`);
});
