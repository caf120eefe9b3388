/** The first version, as it was: kept here so that there are runs to be taken over. In a repository of your own it is the last commit. */
import { condition, defineSignal, proxyActivities, setHandler } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { bill, ship } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export const pickedUp = defineSignal("pickedUp");

export async function delivery(parcel: string): Promise<string[]> {
  let isPickedUp = false;
  setHandler(pickedUp, () => {
    isPickedUp = true;
  });
  const billed = await bill(parcel);
  await condition(() => isPickedUp);
  return [billed, await ship(parcel)];
}
