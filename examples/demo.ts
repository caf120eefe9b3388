/** Life for a new server: a worker for the order example, and a few orders when there have been none. */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@pawl/sdk/client";
import { DefaultLogger, Worker } from "@pawl/sdk/worker";
import * as activities from "./order-processing/activities.ts";
import { type Order, processOrder } from "./order-processing/workflows.ts";

export interface DemoOptions {
  /** `host:port` of the server. */
  readonly address: string;
  /** One line of progress, for people. */
  readonly onProgress: (line: string) => void;
  readonly namespace?: string;
  /** Default: 5. */
  readonly orders?: number;
  /** Milliseconds between two orders. Default: 3000. */
  readonly everyMs?: number;
}

export interface Demo {
  /** Resolves when the last order has ended; at once when there were orders before. Throws what the server throws. */
  readonly finished: Promise<void>;
  /** Ends the worker, also in the middle of the orders. */
  stop(): Promise<void>;
}

const taskQueue = "order-processing";

/** Starts a worker, and orders one after the other unless the namespace has seen orders before. Resolves when the worker runs. */
export async function runDemo(options: DemoOptions): Promise<Demo> {
  const { address, onProgress, namespace = "default" } = options;
  const connection = await Connection.connect({ address });
  // What activities and workflows log goes nowhere but to warnings: the demo tells its own story.
  const logger = new DefaultLogger("WARN", ({ message, meta }) => {
    if (message === "Activity failed")
      onProgress(`${meta?.["activityType"]} failed at attempt ${meta?.["attempt"]}, trying again`);
  });
  const workflowsPath = fileURLToPath(new URL("./order-processing/workflows.ts", import.meta.url));
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowsPath, activities, logger });
  const running = worker.run();
  // Whoever stops the demo hears of it.
  running.catch(() => undefined);
  const stopped = new AbortController();
  const client = new Client({ connection, namespace });
  const finished = placeOrders(client, options, stopped.signal);
  finished.catch(() => undefined);
  return {
    finished,
    stop: async () => {
      stopped.abort();
      if (worker.getState() === "RUNNING") worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

async function placeOrders(
  client: Client,
  { onProgress, orders = 5, everyMs = 3_000 }: DemoOptions,
  signal: AbortSignal,
): Promise<void> {
  const { count } = await client.workflow.count("WorkflowType = 'processOrder'");
  if (count > 0) return onProgress(`${count} orders were placed before: the demo starts no more`);
  for (let i = 1; i <= orders && !signal.aborted; i++) {
    const order = demoOrder(i);
    const handle = await client.workflow.start(processOrder, { workflowId: order.orderId, taskQueue, args: [order] });
    onProgress(
      `${order.orderId} started: ${order.items[0]?.quantity} × ${order.items[0]?.sku}, ${order.amount / 100} €`,
    );
    const { status, reason } = await handle.result();
    onProgress(`${order.orderId} ${status}${reason === undefined ? "" : `: ${reason}`}`);
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Every fourth is beyond what the bank allows, every third asks for more lamps than there are. */
function demoOrder(i: number): Order {
  return {
    orderId: `demo-order-${i}`,
    amount: i % 4 === 0 ? 250_000 : 1_990 * i,
    items: i % 3 === 0 ? [{ sku: "lamp", quantity: 50 }] : [{ sku: "book", quantity: i }],
    recipients: ["buyer@example.com"],
  };
}
