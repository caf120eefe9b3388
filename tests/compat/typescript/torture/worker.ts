/** node worker.ts ADDRESS LEDGER: a worker of the torture test, until it is told to end. */
import { join } from "node:path";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createActivities, openLedger } from "./activities.ts";

const [address, ledger] = process.argv.slice(2);
if (!address || !ledger) throw new Error("ADDRESS and LEDGER are needed");
Runtime.install({ logger: new DefaultLogger("ERROR"), shutdownSignals: ["SIGTERM"] });
const workflowBundle = await bundleWorkflowCode({
  workflowsPath: join(import.meta.dirname, "workflows.ts"),
  logger: new DefaultLogger("ERROR"),
});
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: "torture",
  workflowBundle,
  activities: createActivities(openLedger(ledger)),
});
console.log("ready");
await worker.run();
