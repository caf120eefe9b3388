/** A price from many short steps. Local activities run in the worker that runs the workflow: no task queue, and no events of their own but one marker. */
import { proxyActivities, proxyLocalActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { priceOf, taxRate } = proxyLocalActivities<typeof activities>({
  startToCloseTimeout: "2 seconds",
  retry: { initialInterval: "50 milliseconds", maximumAttempts: 5 },
});

// What takes long, or must be known to the server at once, is an ordinary one.
const { reserve } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export interface Offer {
  /** In cents. */
  total: number;
  reservation: string;
}

export async function offer(skus: string[], country: string): Promise<Offer> {
  const prices = await Promise.all(skus.map((sku) => priceOf(sku)));
  const net = prices.reduce((sum, price) => sum + price, 0);
  const total = Math.round(net * (1 + (await taxRate(country))));
  return { total, reservation: await reserve(skus) };
}
