import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
  sleep,
  startChild,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { askPerson, copyFiles, charge, greet } = proxyActivities<typeof activities>({
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
  setHandler(defineQuery<{ order: unknown; approver: string }>("state"), () => ({ order, approver }));
  const greeting = await greet(String(order));
  await sleep(50);
  await condition(() => approver !== "");
  return { greeting, approver };
}

/** An activity that says how far it is, and one that fails and is tried again much later. */
export async function troubled(message: string): Promise<void> {
  await Promise.all([copyFiles(), charge(message)]);
}

/** What a person says, in place of the activity that asks. */
export async function review(): Promise<unknown> {
  return await askPerson();
}

const { charge: chargeAtOnce } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 minute",
  retry: { initialInterval: "5 milliseconds", backoffCoefficient: 1 },
});

/** An activity that fails and is tried again at once, without end. */
export async function insistent(message: string): Promise<void> {
  await chargeAtOnce(message);
}

/** Takes things until somebody pays. */
export async function cart(): Promise<readonly string[]> {
  const things: string[] = [];
  let isPaid = false;
  setHandler(
    defineUpdate<number, [string]>("add"),
    (thing) => {
      things.push(thing);
      return things.length;
    },
    {
      validator: (thing) => {
        if (thing === "") throw new Error("a thing has a name");
      },
    },
  );
  setHandler(defineSignal("pay"), () => {
    isPaid = true;
  });
  await condition(() => isPaid);
  return things;
}

/** Has children that have children, as deep as it is told. */
export async function family(depth: number): Promise<void> {
  if (depth > 0) {
    const child = await startChild(family, { workflowId: `generation-${depth}`, args: [depth - 1] });
    await child.result();
  } else await condition(() => false);
}
