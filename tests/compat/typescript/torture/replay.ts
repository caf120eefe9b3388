/** node replay.ts ADDRESS: the official replayer over every workflow of this language's queue. Prints {"replayed": N}; throws when one does not replay. */
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { queueOf } from "./order.ts";

const [address] = process.argv.slice(2);
if (!address) throw new Error("ADDRESS is needed");
Runtime.install({ logger: new DefaultLogger("ERROR") });
const client = new Client({ connection: await Connection.connect({ address }) });
const histories = client.workflow.list({ query: `TaskQueue = '${queueOf("typescript")}'` }).intoHistories();
let replayed = 0;
for await (const result of Worker.runReplayHistories(
  { workflowsPath: join(import.meta.dirname, "workflows.ts") },
  histories,
)) {
  if (result.error) throw new Error(`${result.workflowId} does not replay`, { cause: result.error });
  replayed += 1;
}
console.log(JSON.stringify({ replayed }));
process.exit(0);
