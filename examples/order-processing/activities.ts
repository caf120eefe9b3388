import { ApplicationFailure, heartbeat, log } from "@pawl/sdk/activity";
import { shop } from "./shop.ts";
import type { Order } from "./workflows.ts";

export async function createOrder({ orderId }: Order): Promise<void> {
  shop.orders.set(orderId, "open");
}

/** A bank that does not answer is tried again; one that says no is not. */
export async function processPayment(orderId: string, amount: number): Promise<void> {
  if (shop.charge(orderId, amount) === "declined") {
    throw ApplicationFailure.nonRetryable(`payment of ${amount} was declined`, "PaymentDeclined", { orderId, amount });
  }
  log.info("paid", { orderId, amount });
}

export async function reserveInventory(orderId: string, items: Order["items"]): Promise<void> {
  if (shop.reserve(orderId, items) === "short")
    throw ApplicationFailure.nonRetryable("not enough in stock", "OutOfStock");
}

export async function refundPayment(orderId: string): Promise<void> {
  const payment = shop.payments.get(orderId);
  if (payment) shop.payments.set(orderId, { ...payment, refunded: true });
}

export async function cancelOrder(orderId: string): Promise<void> {
  shop.orders.set(orderId, "cancelled");
}

/** Returns how many were told. */
export async function sendNotification(recipients: readonly string[], message: string): Promise<number> {
  for (const [i, recipient] of recipients.entries()) {
    heartbeat(`sending ${i + 1}/${recipients.length}`);
    log.debug("told", { recipient, message });
  }
  return recipients.length;
}
