/** Workflows that call Nexus operations, and the workflow that a handler starts. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  createNexusServiceClient,
  defineSignal,
  isCancellation,
  NexusOperationFailure,
  type NexusServiceClient,
  type StartNexusOperationOptions,
  setHandler,
  sleep,
} from "@pawl/sdk/workflow";
import * as nexus from "nexus-rpc";

/** What a caller wants done: `how` says what becomes of it. */
export interface Purchase {
  readonly id: string;
  readonly how: string;
}

export const shop = nexus.service("shop", {
  price: nexus.operation<Purchase, number>({ name: "ask-price" }),
  deliver: nexus.operation<Purchase, string>(),
});

export const hurry = defineSignal<[string]>("hurry");

export async function delivery({ id, how }: Purchase): Promise<string> {
  let hurriedBy = "nobody";
  setHandler(hurry, (by) => {
    hurriedBy = by;
  });
  if (how === "fail") {
    throw ApplicationFailure.create({ message: "nobody at home", type: "Undelivered", details: ["here"] });
  }
  if (how === "hurry") await condition(() => hurriedBy !== "nobody");
  if (how === "wait") await sleep("1h");
  return `${id} delivered, hurried by ${hurriedBy}`;
}

function shopAt(endpoint: string): NexusServiceClient<typeof shop> {
  return createNexusServiceClient({ endpoint, service: shop });
}

export async function askPrice(
  endpoint: string,
  purchase: Purchase,
  options: StartNexusOperationOptions = {},
): Promise<number> {
  return await shopAt(endpoint).executeOperation("price", purchase, options);
}

/** What the caller of an operation is told: whether it has a token, and its result. */
export async function haveDelivered(endpoint: string, purchase: Purchase): Promise<[boolean, string]> {
  const handle = await shopAt(endpoint).startOperation(shop.operations.deliver, purchase);
  return [handle.token !== undefined, await handle.result()];
}

/** The failure of a price that cannot be had, as its caller sees it. */
export async function failureOf(endpoint: string, how: string): Promise<unknown> {
  try {
    await shopAt(endpoint).executeOperation("price", { id: "x", how }, { scheduleToCloseTimeout: "10s" });
    return "no failure";
  } catch (error) {
    if (!(error instanceof NexusOperationFailure)) throw error;
    const { cause, service, operation } = error;
    const said = cause instanceof nexus.HandlerError ? { type: cause.type, retryable: cause.retryable } : {};
    return { service, operation, kind: cause?.name, message: cause?.message, ...said };
  }
}

/** Cancels the operation once it has started, and tells when it hears that it is over. */
export async function cancelDelivery(
  endpoint: string,
  purchase: Purchase,
  cancellationType: NonNullable<StartNexusOperationOptions["cancellationType"]>,
): Promise<string> {
  const scope = new CancellationScope();
  let message = "not cancelled";
  try {
    await scope.run(async () => {
      const started = await shopAt(endpoint).startOperation("deliver", purchase, { cancellationType });
      scope.cancel();
      await started.result();
    });
  } catch (error) {
    if (!isCancellation(error)) throw error;
    message = (error as Error).message;
  }
  // Whoever ends at once may be gone before the request to cancel is.
  if (cancellationType === "TRY_CANCEL") await sleep(1_000);
  return message;
}

/** Gives up an operation in the very activation that asks for it: nobody hears of it. */
export async function cancelBeforeScheduled(endpoint: string): Promise<string> {
  const scope = new CancellationScope();
  const called = scope.run(() => shopAt(endpoint).executeOperation("price", { id: "x", how: "done" }));
  scope.cancel();
  try {
    await called;
    return "not cancelled";
  } catch (error) {
    return `${isCancellation(error)}: ${(error as Error).message}`;
  }
}

/** A service's definition is checked where it is used. */
export async function misnamed(endpoint: string): Promise<string> {
  try {
    // As untyped code may.
    const client = shopAt(endpoint) as { executeOperation(op: string, input: unknown): Promise<unknown> };
    await client.executeOperation("refund", { id: "x", how: "done" });
    return "no error";
  } catch (error) {
    return (error as Error).message;
  }
}
