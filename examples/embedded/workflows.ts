import { proxyActivities, sleep } from "@pawl/sdk/workflow";
import type { Activities } from "./app.ts";

const { say } = proxyActivities<Activities>({ startToCloseTimeout: "2 seconds" });

/** Counts down, one step a moment; where it stands survives the death of its process. */
export async function countdown(from: number): Promise<string> {
  for (let left = from; left > 0; left--) {
    await say(`${left} to go`);
    await sleep("300 ms");
  }
  return "lift-off";
}
