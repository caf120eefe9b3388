import { ApplicationFailure, activityInfo, log } from "@pawl/sdk/activity";

const prices: Record<string, number> = { book: 1_990, lamp: 4_500, pen: 150 };
const taxRates: Record<string, number> = { de: 0.19, fr: 0.2 };

export async function priceOf(sku: string): Promise<number> {
  const price = prices[sku];
  if (price === undefined) throw ApplicationFailure.nonRetryable(`there is no ${sku}`, "UnknownSku");
  return price;
}

/** Fails at first: the worker tries again by itself, without the server. */
export async function taxRate(country: string): Promise<number> {
  const { attempt, isLocal } = activityInfo();
  if (attempt === 1) throw new Error("the table of tax rates is being written");
  log.info("tax rate found", { country, attempt, isLocal });
  return taxRates[country] ?? 0;
}

export async function reserve(skus: readonly string[]): Promise<string> {
  return `${activityInfo().workflowExecution.workflowId}: ${skus.length} items`;
}
