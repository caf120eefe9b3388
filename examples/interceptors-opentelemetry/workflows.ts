/** Neither traces nor tenants are seen here. */
import { proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { charge } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export async function subscription(months: number): Promise<string[]> {
  const charged: string[] = [];
  for (let month = 1; month <= months; month++) charged.push(await charge(month));
  return charged;
}
