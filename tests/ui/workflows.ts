import { condition, defineSignal, proxyActivities, setHandler, sleep } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { copyFiles, charge, greet } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 minute",
  heartbeatTimeout: "30 seconds",
  retry: { initialInterval: "30 seconds" },
});

/** Greets, naps, and waits for somebody to say that it may go on. */
export async function approval(order: unknown): Promise<{ greeting: string; approver: string }> {
  let approver = "";
  setHandler(defineSignal<[string]>("approve"), (name) => {
    approver = name;
  });
  const greeting = await greet(String(order));
  await sleep(50);
  await condition(() => approver !== "");
  return { greeting, approver };
}

/** An activity that says how far it is, and one that fails and is tried again much later. */
export async function troubled(message: string): Promise<void> {
  await Promise.all([copyFiles(), charge(message)]);
}
