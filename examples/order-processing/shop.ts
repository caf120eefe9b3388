/**
 * The outside world of this example: a shop's books, its bank and its store room, all in this process. Each remembers what it did by the order's
 * id, as a real one would by an idempotency key, so that a step that is tried again does nothing twice.
 */
export class Shop {
  readonly orders = new Map<string, "open" | "cancelled">();
  readonly payments = new Map<string, { amount: number; refunded: boolean }>();
  readonly reserved = new Map<string, ReadonlyMap<string, number>>();
  readonly #stock = new Map([
    ["book", 100],
    ["lamp", 10],
  ]);
  #bankCalls = 0;

  /** The bank is out of order at every third call. Amounts beyond its limit it declines for good. */
  charge(orderId: string, amount: number): "charged" | "declined" {
    if (this.payments.has(orderId)) return "charged";
    this.#bankCalls++;
    if (this.#bankCalls % 3 === 0) throw new Error("the bank does not answer");
    if (amount > 100_000) return "declined";
    this.payments.set(orderId, { amount, refunded: false });
    return "charged";
  }

  reserve(orderId: string, items: readonly { sku: string; quantity: number }[]): "reserved" | "short" {
    if (this.reserved.has(orderId)) return "reserved";
    if (items.some(({ sku, quantity }) => (this.#stock.get(sku) ?? 0) < quantity)) return "short";
    for (const { sku, quantity } of items) this.#stock.set(sku, (this.#stock.get(sku) ?? 0) - quantity);
    this.reserved.set(orderId, new Map(items.map(({ sku, quantity }) => [sku, quantity])));
    return "reserved";
  }
}

export const shop = new Shop();
