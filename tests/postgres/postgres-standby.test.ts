/** Failover to a standby: to a synchronous one nothing acknowledged is lost; where something is, that is found out and said. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CommitUnknown, PostgresStore, StateLost } from "@pawl/store";
import { runWrite } from "@pawl/store/conformance";
import { open } from "pawl";
import { call } from "../rig/call.ts";
import { Postgres } from "../rig/postgres.ts";
import { startPawl } from "../rig/server.ts";
import { TcpProxy } from "../rig/tcp-proxy.ts";
import { checked, emptyLedger, load } from "./ledger.ts";

// Each server here says for itself where its state is.
delete process.env["PAWL_TEST_DB_URL"];

async function pair(isSynchronous: boolean) {
  const [primary, standby] = await Postgres.startPair({ isSynchronous });
  after(() => Promise.all([primary.remove(), standby.remove()]));
  const url = `postgres://pawl@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres?target_session_attrs=read-write`;
  return { primary, standby, url };
}

test("a synchronous standby that is promoted under load has all that was acknowledged; the primary before it is refused when it comes back", async (t) => {
  const { primary, standby, url } = await pair(true);
  const store = await PostgresStore.open({ url });
  t.after(() => store.close());
  const ledger = emptyLedger();
  const stop = new AbortController();
  const shards = await Promise.all([1, 2, 3, 4, 5, 6].map((shardId) => store.acquire(shardId, "me")));
  const loads = Promise.all(shards.map((lease) => load(store, lease, ledger, stop.signal)));
  const acknowledged = async (count: number) => {
    while (ledger.acked.size < count) await Promise.race([loads, delay(5)]);
  };
  await acknowledged(200);
  await primary.downAtOnce();
  await standby.promote();
  await acknowledged(ledger.acked.size + 200);
  stop.abort();
  await loads;
  await checked(store, ledger);

  await standby.downAtOnce();
  await primary.up();
  await assert.rejects(store.commit(shards[0]!, [runWrite("nowhere")]), (error: Error) => {
    assert.ok(error instanceof CommitUnknown);
    assert.match(error.message, /127\.0\.0\.1:\d+\/postgres has been primary before another server was promoted/);
    return true;
  });
  await standby.up();
  await store.commit(shards[0]!, [runWrite("after")]);
  const found = await store.loadRuns(["nowhere", "after"]);
  assert.deepEqual(
    found.map((run) => run !== null),
    [false, true],
  );
});

test("a primary that vanishes with its network in the middle of commits and reads is left for its standby", async (t) => {
  const { primary, standby } = await pair(true);
  const proxy = await TcpProxy.to(primary.port);
  t.after(() => proxy.close());
  const url = `postgres://pawl@127.0.0.1:${proxy.port},127.0.0.1:${standby.port}/postgres`;
  const store = await PostgresStore.open({ url });
  t.after(() => store.close());
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [runWrite("before")]);
  await store.loadRuns(["before"]);
  // Nobody tells this side anything: neither what was done, nor that the connection has ended.
  proxy.vanish();
  const vanishedAtMs = performance.now();
  const noticed = assert
    .rejects(store.commit(lease, [runWrite("during")]), (error: Error) => {
      assert.ok(error instanceof CommitUnknown);
      // A statement that nobody asks about ends with "Query read timeout", after half a minute.
      assert.match(error.message, /Connection terminated/);
      return true;
    })
    .then(() => performance.now() - vanishedAtMs);
  const read = store.loadRuns(["before"]);
  read.catch(() => {});
  await primary.downAtOnce();
  await standby.promote();
  t.diagnostic(`noticed after ${Math.round(await noticed)} ms`);
  await store.commit(lease, [runWrite("after")]);
  t.diagnostic(`went on after ${Math.round(performance.now() - vanishedAtMs)} ms`);
  await read;
  const found = await store.loadRuns(["before", "during", "after"]);
  assert.deepEqual(
    found.map((run) => run !== null),
    [true, false, true],
  );
});

test("a standby that lacks what was acknowledged is found out: the store says so and does nothing more, and the server ends", async (t) => {
  const { primary, standby, url } = await pair(false);
  const schema = (name: string) => `${url}&options=-csearch_path%3D${name}`;
  for (const name of ["one", "two", "three"]) await primary.run(`CREATE SCHEMA ${name}`);
  const store = await PostgresStore.open({ url: schema("one") });
  t.after(() => store.close());
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [runWrite("there")]);
  const server = await startPawl({ env: { PAWL_DB_URL: schema("two") } });
  t.after(() => server.kill9());
  const start = (workflowId: string) =>
    call(server.address, "StartWorkflowExecution", {
      ...{ namespace: "default", workflowId, requestId: workflowId },
      ...{ workflowType: { name: "Waits" }, taskQueue: { name: "nobody" } },
    });
  await start("there");
  const app = await open(schema("three"));
  t.after(() => app.close().catch(() => {}));
  const worker = await app.worker({ taskQueue: "idle", activities: { rest: async () => {} } });
  const startIn = (workflowId: string) => app.client.workflow.start("Waits", { workflowId, taskQueue: "nobody" });
  await startIn("there");
  await followed(primary);

  await standby.downAtOnce();
  await store.commit(lease, [runWrite("lost")]);
  await start("lost");
  await startIn("lost");
  await primary.downAtOnce();
  await standby.up();
  await standby.promote();

  await assert.rejects(store.commit(lease, [runWrite("later")]), StateLost);
  assert.ok((await store.lost) instanceof StateLost);
  await assert.rejects(store.loadRuns(["there"]), StateLost);
  const again = await PostgresStore.open({ url: schema("one") });
  t.after(() => again.close());
  const found = await again.loadRuns(["there", "lost", "later"]);
  assert.deepEqual(
    found.map((run) => run !== null),
    [true, false, false],
  );

  await assert.rejects(start("later"));
  while (isAlive(server.pid)) await delay(20);
  assert.equal(await server.stop(), 1);
  assert.match(server.logs(), /has gone back: what had been committed there and acknowledged is gone/);

  // An app that has its server within it ends by itself, too.
  await assert.rejects(startIn("later"));
  assert.ok((await app.failed) instanceof StateLost);
  await assert.rejects(app.close(), ({ errors }: AggregateError) => errors[0] instanceof StateLost);
  assert.equal(worker.getState(), "STOPPED");
  await assert.rejects(startIn("later"));
});

test("a server that is started after its database has gone back finds that out by its file, says so once, and then goes on", async (t) => {
  const { primary, standby, url } = await pair(false);
  const folder = mkdtempSync(join(tmpdir(), "pawl-receipts-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "receipts");
  /** Writes as a server does that has the file, or none, and ends. */
  const write = async (runId: string, receiptFile?: string) => {
    const store = await PostgresStore.open({ url, ...(receiptFile !== undefined && { receiptFile }) });
    try {
      await store.commit(await store.acquire(1, "me"), [runWrite(runId)]);
    } finally {
      await store.close();
    }
  };
  await write("first", file);
  // Nothing is lost, so that nothing is said, whoever had the database in between.
  await write("other");
  await write("second", file);
  await followed(primary);
  await standby.downAtOnce();
  await write("lost", file);
  await primary.downAtOnce();
  await standby.up();
  await standby.promote();

  const started = startPawl({ env: { PAWL_DB_URL: url, PAWL_DB_RECEIPT_FILE: file } });
  await assert.rejects(started, /has gone back: what had been committed there and acknowledged is gone/);
  assert.equal(existsSync(file), false);
  await write("third", file);
  await write("fourth", file);
  writeFileSync(file, "notes of somebody\n");
  await assert.rejects(write("fifth", file), /holds something else than the receipts of a server/);
  assert.equal(readFileSync(file, "utf8"), "notes of somebody\n");
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Waits until the standby has all that is there. */
async function followed(primary: Postgres): Promise<void> {
  const behind = "SELECT FROM pg_stat_replication WHERE replay_lsn IS NULL OR replay_lsn < pg_current_wal_lsn()";
  while ((await primary.run(behind)).length > 0) await delay(20);
}
