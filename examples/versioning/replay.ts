/** Would today's code still do what these runs did? A test of your own can ask the same before a deployment. */
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@pawl/sdk/client";
import { Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";

const code = process.argv[2] === "1" ? "./workflows-1.ts" : "./workflows.ts";
const parcels = process.argv.slice(3);

const client = new Client({ connection: await Connection.connect({ address }) });
const histories = await Promise.all(
  parcels.map(async (workflowId) => ({
    workflowId,
    history: await client.workflow.getHandle(workflowId).fetchHistory(),
  })),
);
const workflowsPath = fileURLToPath(new URL(code, import.meta.url));
for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
  console.log(`${workflowId} on ${code}: ${error === undefined ? "replays" : `does not replay: ${error.message}`}`);
}
await client.connection.close();
