import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";
import * as activities from "./activities.ts";
import { dataConverter } from "./encryption.ts";

const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue: "encryption",
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  activities,
  dataConverter,
});

process.once("SIGINT", () => worker.shutdown());
process.once("SIGTERM", () => worker.shutdown());
console.log("The worker of encryption is ready.");
await worker.run();
await connection.close();
