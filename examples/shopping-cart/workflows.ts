/** A cart that lives for weeks. Updates change it and answer, validators refuse before anything is written, queries look. */
import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  setHandler,
  workflowInfo,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Cart {
  items: Record<string, number>;
  /** In cents. */
  total: number;
  /** How often this cart continued as new. */
  generation: number;
}

export const addItem = defineUpdate<Cart, [sku: string, quantity: number]>("addItem");
export const removeItem = defineUpdate<Cart, [sku: string]>("removeItem");
export const checkOut = defineUpdate<string>("checkOut");
export const showCart = defineQuery<Cart>("showCart");

const { priceOf, placeOrder } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

/** Small, so that one sees it happen; the server's own suggestion comes after thousands of events. */
const updatesPerRun = 10;
const quantityMax = 99;

export async function shoppingCart(
  cart: Cart = { items: {}, total: 0, generation: 0 },
  prices: Record<string, number> = {},
): Promise<string> {
  let orderId: string | undefined;
  let closing = false;
  let updates = 0;

  const refuseWhenClosing = () => {
    if (closing) throw ApplicationFailure.create({ message: "the cart is being checked out", type: "CartClosed" });
  };
  const sum = () => {
    cart.total = Object.entries(cart.items).reduce((total, [sku, count]) => total + count * (prices[sku] ?? 0), 0);
    return cart;
  };

  setHandler(showCart, () => cart);
  setHandler(
    addItem,
    async (sku, quantity) => {
      updates++;
      // Handlers run side by side: what was true before an `await` must be looked at again after it.
      prices[sku] ??= await priceOf(sku);
      refuseWhenClosing();
      cart.items[sku] = (cart.items[sku] ?? 0) + quantity;
      return sum();
    },
    {
      validator: (sku, quantity) => {
        refuseWhenClosing();
        if (!Number.isInteger(quantity) || quantity < 1) throw new Error(`${quantity} is no quantity`);
        if ((cart.items[sku] ?? 0) + quantity > quantityMax) throw new Error(`at most ${quantityMax} of ${sku}`);
      },
    },
  );
  setHandler(
    removeItem,
    (sku) => {
      updates++;
      delete cart.items[sku];
      return sum();
    },
    {
      validator: (sku) => {
        refuseWhenClosing();
        if (!(sku in cart.items)) throw new Error(`there is no ${sku} in the cart`);
      },
    },
  );
  setHandler(
    checkOut,
    async () => {
      closing = true;
      orderId = await placeOrder(workflowInfo().workflowId, cart);
      return orderId;
    },
    {
      validator: () => {
        refuseWhenClosing();
        if (cart.total === 0) throw new Error("the cart is empty");
      },
    },
  );

  const isLong = () => !closing && (updates >= updatesPerRun || workflowInfo().continueAsNewSuggested);
  // No handler is cut off: each caller gets an answer from the run that accepted the update.
  await condition(() => (orderId !== undefined || isLong()) && allHandlersFinished());
  if (orderId !== undefined) return orderId;
  return await continueAsNew<typeof shoppingCart>({ ...cart, generation: cart.generation + 1 }, prices);
}
