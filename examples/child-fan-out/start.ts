import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { countAll } from "./workflows.ts";

const to = Number(process.argv[2] ?? 20_000);
const partSize = Number(process.argv[3] ?? 1_000);
const concurrency = Number(process.argv[4] ?? 5);

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(countAll, {
  workflowId: `primes-${Date.now()}`,
  taskQueue: "child-fan-out",
  args: [to, partSize, concurrency],
});
process.once("SIGINT", () => {
  handle.cancel().catch((error) => console.error(error));
});
console.log(`Started ${handle.workflowId}; Ctrl+C cancels it`);
try {
  console.log("Census:", JSON.stringify(await handle.result()));
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
}
await client.connection.close();
