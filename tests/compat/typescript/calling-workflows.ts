/** Workflows that call Nexus operations, and the workflow that a handler starts. */
import type { NexusOperationCancellationType } from "@temporalio/workflow";
import {
  ApplicationFailure,
  CancellationScope,
  createNexusServiceClient,
  isCancellation,
  type NexusServiceClient,
  sleep,
} from "@temporalio/workflow";
import * as nexus from "nexus-rpc";

/** What a caller wants done: `how` says what becomes of it. */
export interface Purchase {
  readonly id: string;
  readonly how: string;
}

export const shop = nexus.service("shop", {
  price: nexus.operation<Purchase, number>(),
  deliver: nexus.operation<Purchase, string>(),
});

export async function delivery({ id, how }: Purchase): Promise<string> {
  if (how === "fail") {
    throw ApplicationFailure.create({ message: "nobody at home", type: "Undelivered", details: ["here"] });
  }
  await sleep(how === "wait" ? "1h" : 100);
  return `${id} delivered`;
}

function shopAt(endpoint: string): NexusServiceClient<typeof shop> {
  return createNexusServiceClient({ endpoint, service: shop });
}

export async function askPrice(endpoint: string, purchase: Purchase, seconds: number): Promise<number> {
  const options = { scheduleToCloseTimeout: `${seconds}s` } as const;
  return await shopAt(endpoint).executeOperation("price", purchase, options);
}

export async function haveDelivered(endpoint: string, purchase: Purchase): Promise<string> {
  return await shopAt(endpoint).executeOperation("deliver", purchase);
}

/** Cancels the operation once it has started, and tells when it hears that it is over. */
export async function cancelDelivery(
  endpoint: string,
  purchase: Purchase,
  cancellationType: NexusOperationCancellationType,
): Promise<string> {
  const scope = new CancellationScope();
  try {
    await scope.run(async () => {
      const started = await shopAt(endpoint).startOperation("deliver", purchase, { cancellationType });
      scope.cancel();
      await started.result();
    });
    return "not cancelled";
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  // Whoever ends at once may be gone before the request to cancel is.
  if (cancellationType === "TRY_CANCEL") await sleep(1_000);
  return "cancelled";
}
