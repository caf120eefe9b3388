import { ApplicationFailure } from "@pawl/sdk/activity";
import type { Cart } from "./workflows.ts";

const prices: Record<string, number> = { book: 1_990, lamp: 4_500, pen: 150 };

export async function priceOf(sku: string): Promise<number> {
  const price = prices[sku];
  if (price === undefined) throw ApplicationFailure.nonRetryable(`there is no ${sku} in the shop`, "UnknownSku");
  return price;
}

/** The cart's id makes it safe to be tried again. */
export async function placeOrder(cartId: string, { total }: Cart): Promise<string> {
  return `order of ${cartId} for ${total}`;
}
