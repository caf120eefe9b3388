import {
  condition,
  createNexusServiceClient,
  defineUpdate,
  executeChild,
  proxyActivities,
  setHandler,
  sleep,
} from "@pawl/sdk/workflow";
import { operation, service } from "nexus-rpc";

const { flaky, slow } = proxyActivities<{ flaky(): Promise<number>; slow(): Promise<string> }>({
  startToCloseTimeout: "10 days",
  heartbeatTimeout: "5 minutes",
  retry: { initialInterval: "2 hours", backoffCoefficient: 2, maximumAttempts: 3 },
});

export const doneUpdate = defineUpdate<string, [number]>("done");

export async function wait(ms: number): Promise<number> {
  const before = Date.now();
  await sleep(ms);
  return Date.now() - before;
}

export const parent = async (ms: number): Promise<number> => await executeChild(wait, { args: [ms] });
export const retried = async (): Promise<number> => await flaky();
export const silent = async (): Promise<string> => await slow();

export const patience = service("patience", { wait: operation<number, number>() });

export async function asksForPatience(endpoint: string, ms: number): Promise<number> {
  return await createNexusServiceClient({ endpoint, service: patience }).executeOperation("wait", ms);
}

/** Each update takes its time; the workflow ends with the first. */
export async function updated(): Promise<void> {
  let isDone = false;
  setHandler(doneUpdate, async (ms) => {
    await sleep(ms);
    isDone = true;
    return "updated";
  });
  await condition(() => isDone);
}
