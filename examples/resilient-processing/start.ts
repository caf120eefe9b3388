import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { processBatch } from "./workflows.ts";

const given = process.argv.slice(2);
const records = given.length > 0 ? given : ["plain-1", "flaky-2", "busy-3", "slow-4", "invalid-5", "huge-6", "down-7"];

const client = new Client({ connection: await Connection.connect({ address }) });
const outcomes = await client.workflow.execute(processBatch, {
  workflowId: `batch-${Date.now()}`,
  taskQueue: "resilient-processing",
  args: [records],
});
for (const { record, result, why } of outcomes) console.log(`${record}: ${result} (${why})`);
await client.connection.close();
