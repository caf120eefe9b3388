import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";
import * as activities from "./activities.ts";

const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: "loan-approval",
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  activities,
});

process.once("SIGINT", () => worker.shutdown());
process.once("SIGTERM", () => worker.shutdown());
console.log("The worker of loan-approval is ready.");
await worker.run();
process.exit();
