/** node worker.ts ADDRESS LEDGER: a worker of the torture test, until it is told to end. What it bundles it leaves beside the ledger for the next. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createActivities } from "./activities.ts";
import { queueOf } from "./order.ts";

const [address, ledger] = process.argv.slice(2);
if (!address || !ledger) throw new Error("ADDRESS and LEDGER are needed");
Runtime.install({ logger: new DefaultLogger("ERROR"), shutdownSignals: ["SIGTERM"] });
const codePath = `${ledger}.workflows.js`;
if (!existsSync(codePath)) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, "workflows.ts"),
    logger: new DefaultLogger("ERROR"),
  });
  const unfinished = `${codePath}.${process.pid}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, codePath);
}
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: queueOf("typescript"),
  workflowBundle: { codePath },
  activities: createActivities(ledger),
});
console.log("ready");
await worker.run();
