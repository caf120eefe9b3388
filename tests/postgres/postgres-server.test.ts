/** The server on PostgreSQL, as its users start it. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { open } from "pawl";
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
