import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { expense } from "./workflows.ts";

const title = process.argv[2] ?? "a new desk";
const amount = Number(process.argv[3] ?? 400);

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(expense, {
  workflowId: `expense-${Date.now()}`,
  taskQueue: "human-approval",
  args: [{ title, amount }],
});
console.log(`Started ${handle.workflowId}; the worker says where to approve it`);
console.log("Result:", await handle.result());
await client.connection.close();
