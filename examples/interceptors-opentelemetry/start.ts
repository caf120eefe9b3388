import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { tenantOfClient } from "./tenant.ts";
import { startTracing } from "./tracing.ts";
import { subscription } from "./workflows.ts";

const tenant = process.argv[2] ?? "acme";

const tracing = startTracing("subscriptions-client");
const connection = await Connection.connect({ address });
const client = new Client({
  connection,
  interceptors: { workflow: [tenantOfClient(tenant)] },
  plugins: [tracing.plugin],
});
const charged = await client.workflow.execute(subscription, {
  workflowId: `subscription-${Date.now()}`,
  taskQueue: "interceptors-opentelemetry",
  args: [2],
});
console.log("Result:", charged.join(", "));
await connection.close();
await tracing.shutdown();
