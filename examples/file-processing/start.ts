import { resolve } from "node:path";
import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { processFile } from "./workflows.ts";

const path = resolve(process.argv[2] ?? "package-lock.json");

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(processFile, {
  workflowId: `file-${Date.now()}`,
  taskQueue: "file-processing",
  args: [path],
});
process.once("SIGINT", () => {
  handle.cancel().catch((error) => console.error(error));
});
console.log(`Started ${handle.workflowId}; Ctrl+C cancels it`);
try {
  console.log("Report:", JSON.stringify(await handle.result()));
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
}
await client.connection.close();
