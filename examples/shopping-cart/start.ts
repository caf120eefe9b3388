import { Client, Connection, WithStartWorkflowOperation, WorkflowUpdateFailedError } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { addItem, checkOut, removeItem, shoppingCart, showCart } from "./workflows.ts";

const workflowId = process.argv[2] ?? `cart-${Date.now()}`;

const client = new Client({ connection: await Connection.connect({ address }) });
// The first item makes the cart, unless it is there: one call, and no race between two tabs of a browser.
const startWorkflowOperation = new WithStartWorkflowOperation(shoppingCart, {
  ...{ workflowId, taskQueue: "shopping-cart" },
  workflowIdConflictPolicy: "USE_EXISTING",
});
const first = await client.workflow.executeUpdateWithStart(addItem, { args: ["book", 2], startWorkflowOperation });
console.log("Cart:", JSON.stringify(first));

// Without a run id the handle reaches the cart in whatever run it is by now.
const cart = client.workflow.getHandle<typeof shoppingCart>(workflowId);
for (const [sku, quantity] of [
  ["pen", -1],
  ["book", 98],
  ["unicorn", 1],
] as const) {
  try {
    await cart.executeUpdate(addItem, { args: [sku, quantity] });
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    console.log(`${quantity} × ${sku} refused:`, rootMessage(error));
  }
}
for (let i = 0; i < 25; i++) await cart.executeUpdate(addItem, { args: ["pen", 1] });
await cart.executeUpdate(addItem, { args: ["lamp", 1] });
await cart.executeUpdate(removeItem, { args: ["lamp"] });
console.log("Cart:", JSON.stringify(await cart.query(showCart)));
console.log("Checked out:", await cart.executeUpdate(checkOut));
console.log("Result:", await cart.result());
await client.connection.close();

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}
