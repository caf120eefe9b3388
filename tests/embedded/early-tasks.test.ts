/** A worker in the server's process has workflow tasks before the commit that starts them; what reaches beyond the process waits for it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Connection, InProcessTransport } from "@pawl/sdk/client";
import { Worker } from "@pawl/sdk/worker";
import { type OpenServer, openServer } from "@pawl/server";
import { appAddress } from "../rig/server.ts";
import type { greetingLocally, waiting } from "./workflows.ts";

type Answer = Awaited<ReturnType<OpenServer["call"]>>;

/** A server in this process, with a log of what is called and answered; `instead` answers in its place. */
async function openLogged(t: TestContext, instead: (name: string) => Answer | undefined = () => undefined) {
  const server = await openServer(await stateOf(t));
  t.after(() => server.close());
  const log: string[] = [];
  const transport = new InProcessTransport({
    async call(path, request, options) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      log.push(`${name} asked`);
      const answer = instead(name) ?? (await server.call(path, request, options));
      log.push(`${name} answered`);
      return answer;
    },
  });
  const connection = Connection.lazy({ transport });
  const worker = await Worker.create({
    ...{ connection, taskQueue: "q", workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)) },
    activities: { greet: async (name: string) => log.push(`greeted ${name}`) },
  });
  const running = worker.run();
  t.after(async () => {
    worker.shutdown();
    await running;
  });
  return { client: new Client({ connection }), log };
}

async function stateOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "pawl-early-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const address = await appAddress(join(folder, "app.db"));
  return address.startsWith("file:") ? { dbFilename: address.slice("file:".length) } : { dbUrl: address };
}

test("what a worker makes of a task at once is part of the commit that starts it", async (t) => {
  const { client, log } = await openLogged(t);
  const handle = await client.workflow.start<typeof waiting>("waiting", { taskQueue: "q", workflowId: "w" });
  const of = (line: string) => log.indexOf(line);
  assert.ok(of("RespondWorkflowTaskCompleted asked") < of("StartWorkflowExecution answered"), log.join("\n"));
  const { historyLength } = await handle.describe();
  assert.equal(historyLength, 4, "started, and a workflow task scheduled, started and completed");
});

test("a local activity waits until the task that asks for it is on disk", async (t) => {
  const { client, log } = await openLogged(t);
  const asked = { taskQueue: "q", workflowId: "w", args: ["Ada"] } as const;
  await client.workflow.execute<typeof greetingLocally>("greetingLocally", asked);
  const order = ["ConfirmWorkflowTask asked", "ConfirmWorkflowTask answered", "greeted Ada"].map((line) =>
    log.indexOf(line),
  );
  assert.ok(order[0]! >= 0 && order[0]! < order[1]! && order[1]! < order[2]!, log.join("\n"));
  assert.ok(log.indexOf("StartWorkflowExecution answered") < log.indexOf("greeted Ada"), log.join("\n"));
});

test("a local activity of a task that never got to the disk is not done", async (t) => {
  let refusals = 0;
  const lost: Answer = { code: "NOT_FOUND", message: "Workflow task not found." };
  const { client, log } = await openLogged(t, (name) =>
    name === "ConfirmWorkflowTask" && ++refusals ? lost : undefined,
  );
  const options = { taskQueue: "q", workflowId: "w", args: ["Ada"], workflowTaskTimeout: "1 second" } as const;
  await client.workflow.start<typeof greetingLocally>("greetingLocally", options);
  while (refusals < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    log.filter((line) => line.startsWith("greeted")),
    [],
  );
});
