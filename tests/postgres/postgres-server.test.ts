/** The server on PostgreSQL, as its users start it. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { open } from "pawl";
import { pawl, pawlJson } from "../cli/command-line.ts";
import { answerTask, complete } from "../cli/worker.ts";
import { call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { Postgres } from "../rig/postgres.ts";
import { startPawl } from "../rig/server.ts";

const postgres = await Postgres.start();
after(() => postgres.remove());

// Each server here says for itself where its state is.
delete process.env["PAWL_TEST_DB_URL"];

test("a server on PostgreSQL keeps what it acknowledged over kill -9, keeps a second one out, and says what keeps its state", async (t) => {
  const url = await postgres.newSchema();
  const first = await startPawl({ args: ["--db-url", url] });
  t.after(() => first.kill9());
  const { persistenceStore } = await call(first.address, "GetClusterInfo", {});
  assert.equal(persistenceStore, "postgres");
  const started = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      call(first.address, "StartWorkflowExecution", {
        ...{ namespace: "default", workflowId: `w${i}`, requestId: `${i}` },
        ...{ workflowType: { name: "Waits" }, taskQueue: { name: "nobody" } },
      }),
    ),
  );
  await assert.rejects(startPawl({ env: { PAWL_DB_URL: url } }), /in use by another server/);
  await first.kill9();

  const second = await startPawl({ env: { PAWL_DB_URL: url } });
  t.after(() => second.stop());
  for (const [i, { runId }] of started.entries()) {
    const { workflowExecutionInfo } = await call(second.address, "DescribeWorkflowExecution", {
      ...{ namespace: "default", execution: { workflowId: `w${i}`, runId: "" } },
    });
    assert.equal(workflowExecutionInfo?.execution?.runId, runId);
  }
  const { count } = await call(second.address, "CountWorkflowExecutions", { namespace: "default" });
  assert.equal(count, 50);
  await mustBeSound(url);
});

test("an app with its state in PostgreSQL goes on where it was, and keeps the database to itself", async () => {
  const url = await postgres.newSchema();
  const app = await open(url, { namespace: "shop" });
  const options = { taskQueue: "nobody", workflowId: "kept" };
  const { firstExecutionRunId } = await app.client.workflow.start("Waits", options);
  await assert.rejects(open(url), { name: "StartFailure", message: /in use by another server/ });
  await app.close();
  const again = await open(url, { namespace: "shop" });
  const { runId, status } = await again.client.workflow.getHandle("kept").describe();
  assert.deepEqual([runId, status.name], [firstExecutionRunId, "RUNNING"]);
  await again.close();
});

test("closed runs of a file are taken into a database, each in the shard that a server looks for it in, and are there as they were", async (t) => {
  const url = await postgres.newSchema();
  const folder = await mkdtemp(join(tmpdir(), "import-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const from = await startPawl({ dbFilename: join(folder, "from.db") });
  t.after(() => from.kill9());
  const workflowIds = Array.from({ length: 12 }, (_, at) => `closed-${at}`);
  for (const workflowId of workflowIds) {
    const named = { workflowType: { name: "T" }, taskQueue: { name: workflowId } };
    await call(from.address, "StartWorkflowExecution", { namespace: "default", workflowId, requestId: "r", ...named });
    await answerTask(from.address, workflowId, [complete(workflowId)]);
  }
  const histories = join(folder, "histories");
  assert.equal((await pawl(from.address, "export", histories, "-q", "WorkflowType = 'T'")).code, 0);

  const first = await startPawl({ args: ["--db-url", url] });
  t.after(() => first.kill9());
  const early = await pawl(first.address, "import", histories, "--db-url", url);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /in use by another server/);
  await first.stop();
  assert.deepEqual(await pawlJson(first.address, "import", histories, "--db-url", url), { imported: 12, known: 0 });
  assert.deepEqual(await pawlJson(first.address, "import", histories, "--db-url", url), { imported: 0, known: 12 });
  // Which also says of each whether it lies in its own shard: a database has more of them than a file.
  await mustBeSound(url);

  const second = await startPawl({ args: ["--db-url", url] });
  t.after(() => second.stop());
  for (const workflowId of workflowIds) {
    const execution = { workflowId, runId: "" };
    const show = async (address: string) => {
      const { history } = await call(address, "GetWorkflowExecutionHistory", { namespace: "default", execution });
      return Buffer.from(history ?? []).toString("base64");
    };
    assert.equal(await show(second.address), await show(from.address));
    await call(second.address, "DeleteWorkflowExecution", { namespace: "default", workflowExecution: execution });
    await assert.rejects(show(second.address), /not found/);
  }
  await mustBeSound(second.address);
});
