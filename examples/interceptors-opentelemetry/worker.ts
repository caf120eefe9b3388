import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@pawl/sdk/worker";
import { address } from "../address.ts";
import * as activities from "./activities.ts";
import { tenantOfActivity } from "./tenant.ts";
import { startTracing } from "./tracing.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const tracing = startTracing("subscriptions-worker");
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue: "interceptors-opentelemetry",
  workflowsPath: path("./workflows.ts"),
  activities,
  interceptors: { activity: [tenantOfActivity], workflowModules: [path("./workflow-interceptors.ts")] },
  plugins: [tracing.plugin],
});

process.once("SIGINT", () => worker.shutdown());
process.once("SIGTERM", () => worker.shutdown());
console.log("The worker of interceptors-opentelemetry is ready.");
await worker.run();
await connection.close();
await tracing.shutdown();
