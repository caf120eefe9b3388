/** An order: written down, paid, its goods reserved. What was done is undone when a later step fails for good. */
import { ActivityFailure, ApplicationFailure, defineQuery, log, proxyActivities, setHandler } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Order {
  orderId: string;
  /** In cents. */
  amount: number;
  items: { sku: string; quantity: number }[];
  recipients: string[];
}

export type OrderStatus = "new" | "written" | "paid" | "reserved" | "completed" | "cancelled";

export const statusQuery = defineQuery<OrderStatus>("status");

const { createOrder, processPayment, reserveInventory, cancelOrder, refundPayment } = proxyActivities<
  typeof activities
>({
  startToCloseTimeout: "30 seconds",
  retry: { initialInterval: "200 milliseconds", maximumInterval: "5 seconds", maximumAttempts: 5 },
});

// Many recipients take long: the heartbeat shows within seconds when the worker has died meanwhile.
const { sendNotification } = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 minutes",
  heartbeatTimeout: "10 seconds",
});

export async function processOrder(order: Order): Promise<{ status: OrderStatus; reason?: string; notified: number }> {
  let status: OrderStatus = "new";
  setHandler(statusQuery, () => status);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    await createOrder(order);
    status = "written";
    undo.push(() => cancelOrder(order.orderId));
    await processPayment(order.orderId, order.amount);
    status = "paid";
    undo.push(() => refundPayment(order.orderId));
    await reserveInventory(order.orderId, order.items);
    status = "reserved";
  } catch (error) {
    log.warn("the order is taken back", { orderId: order.orderId, status });
    for (const step of undo.reverse()) await step();
    status = "cancelled";
    return {
      status,
      reason: reasonOf(error),
      notified: await sendNotification(order.recipients, "Your order was cancelled"),
    };
  }
  const notified = await sendNotification(order.recipients, "Your order is on its way");
  status = "completed";
  log.info("the order is complete", { orderId: order.orderId });
  return { status, notified };
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof ApplicationFailure ? (cause.type ?? cause.message) : String(cause);
}
