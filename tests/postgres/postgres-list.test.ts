/** A server whose shards are spread over a list of databases. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { openDatabases } from "@pawl/store";
import { call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { Postgres } from "../rig/postgres.ts";
import { startPawl } from "../rig/server.ts";

// Each server here says for itself where its state is.
delete process.env["PAWL_TEST_DB_URL"];

const postgres = await Postgres.start();
after(() => postgres.remove());

const startOn = (...urls: string[]) => startPawl({ env: { PAWL_DB_URL: urls.join(",") } });

test("workflows are spread over the databases, are listed and counted as one, and are there after a restart", async (t) => {
  const [one, two] = [await postgres.newSchema(), await postgres.newSchema()];
  const first = await startOn(one, two);
  t.after(() => first.kill9());
  const workflowIds = Array.from({ length: 40 }, (_, i) => `w${i}`);
  await Promise.all(
    workflowIds.map((workflowId) =>
      call(first.address, "StartWorkflowExecution", {
        ...{ namespace: "default", workflowId, requestId: workflowId },
        ...{ workflowType: { name: "Waits" }, taskQueue: { name: "nobody" } },
      }),
    ),
  );
  const count = async (url: string) =>
    Number((await postgres.run("SELECT count(*) AS count FROM run", url))[0]!["count"]);
  const counts = [await count(one), await count(two)];
  assert.equal(counts[0]! + counts[1]!, 40);
  assert.ok(
    counts.every((each) => each > 0),
    String(counts),
  );
  await first.kill9();

  const second = await startOn(one, two);
  t.after(() => second.stop());
  const counted = await call(second.address, "CountWorkflowExecutions", { namespace: "default" });
  assert.equal(counted.count, 40);
  const listed: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await call(second.address, "ListWorkflowExecutions", {
      ...{ namespace: "default", pageSize: 7, nextPageToken },
    });
    listed.push(...page.executions.map(({ execution }) => execution!.workflowId));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  assert.deepEqual(listed.toSorted(), workflowIds.toSorted());
  for (const workflowId of workflowIds) {
    const { history } = await call(second.address, "GetWorkflowExecutionHistory", {
      ...{ namespace: "default", execution: { workflowId, runId: "" } },
    });
    assert.ok(history);
  }
  await mustBeSound(`${one},${two}`);
});

test("nodes share a list of databases: what one had on each, the other takes over", async (t) => {
  const list = [await postgres.newSchema(), await postgres.newSchema()].join(",");
  const startNode = (name: string) =>
    startPawl({ env: { PAWL_DB_URL: list, PAWL_NODE_NAME: name, PAWL_CLUSTER_LEASE: "2000" } });
  const [blue, green] = [await startNode("blue"), await startNode("green")];
  t.after(() => Promise.all([blue.kill9(), green.kill9()]));
  // Shards move to the second node while calls come in, which may have to be made again.
  const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;)
      try {
        return await ask();
      } catch (error) {
        if ((error as { code?: unknown }).code !== status.UNAVAILABLE) throw error;
        await delay(50);
      }
  };
  const workflowIds = Array.from({ length: 40 }, (_, i) => `w${i}`);
  for (const [i, workflowId] of workflowIds.entries())
    await insist(() =>
      call([blue, green][i % 2]!.address, "StartWorkflowExecution", {
        ...{ namespace: "default", workflowId, requestId: workflowId },
        ...{ workflowType: { name: "Waits" }, taskQueue: { name: "nobody" } },
      }),
    );
  await blue.kill9();
  for (const workflowId of workflowIds)
    await insist(() =>
      call(green.address, "SignalWorkflowExecution", {
        ...{ namespace: "default", workflowExecution: { workflowId, runId: "" } },
        ...{ signalName: "s", requestId: workflowId },
      }),
    );
  await green.kill9();
  await mustBeSound(list);
});

test("a list keeps its databases and their order, and begins with new ones", async () => {
  const [one, two, three] = [await postgres.newSchema(), await postgres.newSchema(), await postgres.newSchema()];
  const openClose = async (...urls: string[]) => (await openDatabases(urls.join(","))).close();
  await openClose(one, two);
  await assert.rejects(openClose(two, one), /is database 2\/2 of a list, and is given as 1\/2/);
  await assert.rejects(openClose(one), /is database 1\/2 of a list, and is given as 1\/1/);
  await assert.rejects(openClose(one, two, three), /is database 1\/2 of a list, and is given as 1\/3/);
  const alone = await openDatabases(three);
  await alone.commit(null, [{ table: "setting", name: "s", bytes: new Uint8Array(1) }]);
  await alone.close();
  await assert.rejects(openClose(three, await postgres.newSchema()), /holds the state of a server already/);
  await openClose(one, two);
});
