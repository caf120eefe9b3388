/** Values that are too large for histories, on every way that they may go. */
import {
  defineQuery,
  defineUpdate,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const options = { startToCloseTimeout: "30 seconds", retry: { initialInterval: 10, backoffCoefficient: 1 } } as const;
const { longer } = proxyActivities<typeof activities>(options);
const local = proxyLocalActivities<typeof activities>(options);

export const latest = defineQuery<string>("latest");
export const append = defineUpdate<string, [string]>("append");

export async function carries(text: string): Promise<string> {
  let at = text;
  setHandler(latest, () => at);
  setHandler(append, (more) => {
    at += more;
    return at;
  });
  at = await longer(at);
  at = await local.longer(at);
  return await executeChild(returned, { args: [at] });
}

export async function returned(text: string): Promise<string> {
  return text;
}
