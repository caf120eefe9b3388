/** The second version: parcels are insured before they are billed. Runs that began with the first one go on as they began. */
import { condition, defineSignal, patched, proxyActivities, setHandler } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { bill, insure, ship } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export const pickedUp = defineSignal("pickedUp");

export async function delivery(parcel: string): Promise<string[]> {
  let isPickedUp = false;
  setHandler(pickedUp, () => {
    isPickedUp = true;
  });
  const done: string[] = [];
  // False in the replay of a run that passed here before the change, true in all others. Once no old run is left it becomes
  // `deprecatePatch("insurance")` and the condition goes; when no run with the patch is left, that line goes, too.
  if (patched("insurance")) done.push(await insure(parcel));
  done.push(await bill(parcel));
  await condition(() => isPickedUp);
  return [...done, await ship(parcel)];
}
