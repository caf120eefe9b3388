import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { renderBook } from "./workflows.ts";

const pages = Number(process.argv[2] ?? 24);

const client = new Client({ connection: await Connection.connect({ address }) });
const rendered = await client.workflow.execute(renderBook, {
  workflowId: `book-${Date.now()}`,
  taskQueue: "deadline-aware",
  args: [pages],
});
console.log("Rendered:", JSON.stringify(rendered));
await client.connection.close();
