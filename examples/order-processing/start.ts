import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { type Order, processOrder, statusQuery } from "./workflows.ts";

const orderId = process.argv[2] ?? `order-${Date.now()}`;
const order: Order = {
  orderId,
  amount: Number(process.argv[3] ?? 4_990),
  items: [{ sku: "book", quantity: 2 }],
  recipients: ["buyer@example.com", "seller@example.com"],
};

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(processOrder, {
  workflowId: orderId,
  taskQueue: "order-processing",
  args: [order],
});
console.log(`Started ${handle.workflowId}`);
console.log("Result:", JSON.stringify(await handle.result()));
console.log("Status:", await handle.query(statusQuery));
await client.connection.close();
