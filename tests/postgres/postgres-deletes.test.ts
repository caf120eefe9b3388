/** Deletes read the rows that they delete and no others, also by plans that were made when the tables had no rows. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PostgresStore, type Write } from "@pawl/store";
import pg from "pg";
import { Postgres } from "../rig/postgres.ts";

const runCount = 4_000;
/** More rows than one statement takes. */
const commitRuns = 1_000;
const bytes = new Uint8Array([1]);
const namespaceId = "n";

// Nobody but this file tells the planner what a table holds.
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off", autovacuum: "off" } });
after(() => postgres.remove());

const idOf = (at: number): string => `r${at}`;
const rowsOf = (runId: string): Write[] => [
  { table: "current", kind: "workflow", namespaceId, businessId: runId, runId },
  { table: "part", runId, part: "activity/5", bytes },
  { table: "part", runId, part: "timer/6", bytes },
  { table: "history", runId, firstEventId: 1, lastEventId: 1, events: bytes },
];
const dropsOf = (runId: string): Write[] => [
  { table: "current", kind: "workflow", namespaceId, businessId: runId, runId: null },
  { table: "part", runId, part: "activity/5", bytes: null },
];

test("deletes read few rows besides those that they delete, by plans from when there were none", async (t) => {
  const url = await postgres.newSchema();
  const watch = new pg.Client({ connectionString: url });
  await watch.connect();
  t.after(() => watch.end());
  const store = await PostgresStore.open({ url });
  await watch.query("VACUUM ANALYZE");
  const lease = await store.acquire(1, "me");
  // The statements that follow, while there is nothing to be found.
  await store.commit(lease, dropsOf("nothing"));
  await store.commit(lease, [{ table: "deleteRun", runId: "nothing" }]);
  for (let at = 0; at < runCount; at += commitRuns)
    await store.commit(lease, Array.from({ length: commitRuns }, (_, i) => rowsOf(idOf(at + i))).flat());
  for (let at = 0; at < runCount; at += 10) {
    const ids = Array.from({ length: 10 }, (_, i) => idOf(at + i));
    await store.commit(lease, ids.flatMap(dropsOf));
    const deleteRuns = ids.map((runId): Write => ({ table: "deleteRun", runId }));
    await store.commit(lease, deleteRuns);
  }
  await store.close();
  const expected = { current: runCount, part: 2 * runCount, history: runCount };
  for (const [table, deleted] of Object.entries(expected)) {
    const read = await rowsRead(watch, table, deleted);
    assert.ok(read <= 2 * deleted, `of ${table} ${read} rows were read for ${deleted} that were deleted`);
  }
});

/** Of a table of which so many rows have been deleted: a session tells its numbers when it ends. */
async function rowsRead(db: pg.Client, table: string, deleted: number): Promise<number> {
  for (;;) {
    const { rows } = await db.query(
      `SELECT n_tup_del >= $2 AS is_told, (seq_tup_read + idx_tup_fetch)::integer AS read FROM pg_stat_user_tables
       WHERE schemaname = current_schema() AND relname = $1`,
      [table, deleted],
    );
    if (rows[0].is_told) return rows[0].read;
    await delay(20);
  }
}
