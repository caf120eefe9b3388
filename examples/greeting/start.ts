import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { greeting } from "./workflows.ts";

const name = process.argv[2] ?? "Ada";

const client = new Client({ connection: await Connection.connect({ address }) });
const words = await client.workflow.execute(greeting, {
  workflowId: `greeting-${name}-${Date.now()}`,
  taskQueue: "greeting",
  args: [name],
});
console.log(words);
await client.connection.close();
