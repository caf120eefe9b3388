/** What the store over PostgreSQL keeps when sessions are ended under it and the server dies under load: nothing acknowledged is lost, nothing is half there. */

import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CommitUnknown, PostgresStore, StoreUnusable } from "@pawl/store";
import { runWrite, visibilityWrite } from "@pawl/store/conformance";
import { Postgres } from "../rig/postgres.ts";
import { TcpProxy } from "../rig/tcp-proxy.ts";
import { checked, emptyLedger, load } from "./ledger.ts";

const postgres = await Postgres.start();
after(() => postgres.remove());

async function opened(t: TestContext, url: string): Promise<PostgresStore> {
  const store = await PostgresStore.open({ url });
  t.after(() => store.close());
  return store;
}

/** Runs load on a few shards while `fault` happens again and again, and checks what is left, also from a new store. */
async function survives(t: TestContext, fault: () => Promise<void>, times: number): Promise<void> {
  const url = await postgres.newSchema();
  const store = await opened(t, url);
  const ledger = emptyLedger();
  const stop = new AbortController();
  const shards = await Promise.all([1, 2, 3, 4, 5, 6].map((shardId) => store.acquire(shardId, "me")));
  const loads = shards.map((lease) => load(store, lease, ledger, stop.signal));
  for (let i = 0; i < times; i += 1) {
    const before = ledger.acked.size;
    // Each fault meets a load that is under way.
    while (ledger.acked.size < before + 100) await delay(5);
    await fault();
  }
  const before = ledger.acked.size;
  while (ledger.acked.size < before + 100) await delay(5);
  stop.abort();
  await Promise.all(loads);
  assert.ok(ledger.unknown.size > 0, "no commit was under way when a fault came");
  await checked(store, ledger);
  await store.close();
  await checked(await opened(t, url), ledger);
  t.diagnostic(`${ledger.acked.size} acknowledged, ${ledger.unknown.size} unknown`);
}

const endSessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pawl'";

test("sessions that are ended under load lose nothing", (t) =>
  survives(t, async () => void (await postgres.run(endSessions)), 20));

test("a server that dies and recovers under load loses nothing, and is used again within three seconds", async (t) => {
  await survives(
    t,
    async () => {
      await postgres.downAtOnce();
      await postgres.up();
    },
    4,
  );
});

test("while the server is away commits and reads end as unknown, and go on when it is back", async (t) => {
  const store = await opened(t, await postgres.newSchema());
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [runWrite("before")]);
  await postgres.downAtOnce();
  await assert.rejects(store.commit(lease, [runWrite("during")]), CommitUnknown);
  await assert.rejects(store.loadRuns(["before"]), CommitUnknown);
  await postgres.up();
  const backAtMs = performance.now();
  await store.commit(lease, [runWrite("after")]);
  assert.ok(performance.now() - backAtMs < 3_000);
  const found = await store.loadRuns(["before", "during", "after"]);
  assert.deepEqual(
    found.map((run) => run !== null),
    [true, false, true],
  );
});

test("a commit that waits for a lock is waited for; one whose connection the network has forgotten is given up, and is there or not as reads say", async (t) => {
  const url = await postgres.newSchema();
  const proxy = await TcpProxy.to(postgres.port);
  t.after(() => proxy.close());
  const store = await opened(t, url.replace(`:${postgres.port}/`, `:${proxy.port}/`));
  const lease = await store.acquire(1, "me");
  const others = postgres.run("BEGIN; SELECT FROM shard FOR UPDATE; SELECT pg_sleep(5); COMMIT", url);
  const isLocked = "SELECT FROM pg_locks WHERE relation = 'shard'::regclass AND mode = 'RowShareLock'";
  while ((await postgres.run(isLocked, url)).length === 0) await delay(10);
  const waits = store.commit(lease, [runWrite("waited")]);
  await others;
  await waits;

  proxy.forget();
  await assert.rejects(store.commit(lease, [runWrite("forgotten")]), CommitUnknown);
  // Reads have lost their connections too, and make new ones.
  const seen = await store.loadRuns(["waited", "forgotten"]);
  assert.deepEqual(
    seen.map((run) => run !== null),
    [true, false],
  );
  await store.commit(lease, [runWrite("after")]);
});

test("a session that is ended while nothing is under way fails no commit", async (t) => {
  const store = await opened(t, await postgres.newSchema());
  const lease = await store.acquire(1, "me");
  for (let i = 0; i < 3; i += 1) {
    await postgres.run(endSessions);
    // The end of the session reaches this process a moment later.
    await postgres.run("SELECT pg_sleep(0.1)");
    await store.commit(lease, [runWrite(`run ${i}`)]);
  }
});

test("a database is one server's at a time, and free again when that has closed it", async (t) => {
  const url = await postgres.newSchema();
  const first = await PostgresStore.open({ url });
  const refused = await PostgresStore.open({ url }).then(
    () => null,
    (error: Error) => error,
  );
  assert.ok(refused instanceof StoreUnusable);
  assert.match(
    refused.message,
    /^postgres:\/\/127\.0\.0\.1:\d+\/postgres is in use by another server \(at .*session \d+\)/,
  );
  await first.acquire(1, "me");
  await first.close();
  const second = await opened(t, url);
  assert.deepEqual(await second.acquire(1, "me"), { shardId: 1, rangeId: 2 });
});

test("a database that grants locks which it does not hold is refused", async () => {
  const url = await postgres.newSchema();
  await postgres.run(
    "CREATE FUNCTION pg_try_advisory_lock(integer, integer) RETURNS boolean LANGUAGE sql RETURN true",
    url,
  );
  const schema = new URL(url).searchParams.get("options");
  const theirsFirst = new URL(url);
  theirsFirst.searchParams.set("options", `${schema},pg_catalog`);
  await assert.rejects(PostgresStore.open({ url: theirsFirst.href }), /grants an advisory lock and does not hold it/);
});

test("a database of a newer Pawl, and the tables of another program, are refused and left as they were", async () => {
  const newer = await postgres.newSchema();
  await (await PostgresStore.open({ url: newer })).close();
  await postgres.run("UPDATE pawl_schema SET version = 99", newer);
  await assert.rejects(PostgresStore.open({ url: newer }), /schema version 99.*newer Pawl/);
  const theirs = await postgres.newSchema();
  await postgres.run("CREATE TABLE theirs (a integer)", theirs);
  await assert.rejects(PostgresStore.open({ url: theirs }), /another program \(theirs\)/);
  const tables = "SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = current_schema()";
  assert.deepEqual(await postgres.run(tables, theirs), [{ count: 1 }]);
});

test("a text may hold any character, also those that PostgreSQL does not know, and orders stay those of code points", async (t) => {
  const store = await opened(t, await postgres.newSchema());
  const lease = await store.acquire(1, "me");
  const texts = ["\u0000", "\u0000\u0001", "\u0001", "\u0001\u0000", "\u0001\u0002", "a\u0000", "a\u0000b", "a\u0001"];
  await store.commit(
    lease,
    texts.flatMap((text) => [
      runWrite(text, { businessId: text, undispatched: true }),
      visibilityWrite(text, { businessId: text, searchAttributes: { [text]: text, K: text, Half: "\ud800" } }),
    ]),
  );
  assert.deepEqual(
    (await store.undispatchedRuns(1, { limit: 99 })).map(({ runId }) => runId),
    texts,
  );
  for (const text of texts)
    for (const name of ["WorkflowId", "K", text])
      assert.deepEqual(
        (
          await store.listVisibility({
            ...{ kind: "workflow", namespaceId: "ns", limit: 9 },
            filter: { op: "=", name, value: text },
          })
        ).map(({ runId }) => runId),
        [text],
      );
  const starting = await store.countVisibility({
    ...{ kind: "workflow", namespaceId: "ns", groupBy: "K" },
    filter: { op: "startsWith", name: "K", prefix: "a\u0000" },
  });
  assert.deepEqual(starting, [
    { value: "a\u0000", count: 1 },
    { value: "a\u0000b", count: 1 },
  ]);
});
