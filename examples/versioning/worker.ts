import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";
import * as activities from "./activities.ts";

const code = process.argv[2] === "1" ? "./workflows-1.ts" : "./workflows.ts";

const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue: "versioning",
  workflowsPath: fileURLToPath(new URL(code, import.meta.url)),
  activities,
});

process.once("SIGINT", () => worker.shutdown());
process.once("SIGTERM", () => worker.shutdown());
console.log(`The worker of versioning is ready, with ${code}.`);
await worker.run();
await connection.close();
