import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";
import * as activities from "./activities.ts";

const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue: "file-processing",
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  activities,
  // A worker that was killed a moment ago is waited for no longer than this, before another one takes its workflows over.
  stickyQueueScheduleToStartTimeout: "1 second",
});

process.once("SIGINT", () => worker.shutdown());
process.once("SIGTERM", () => worker.shutdown());
console.log("The worker of file-processing is ready.");
await worker.run();
await connection.close();
