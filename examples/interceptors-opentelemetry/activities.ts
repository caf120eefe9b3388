import { log } from "@pawl/sdk/activity";
import { currentTenant } from "./tenant.ts";

export async function charge(month: number): Promise<string> {
  log.info("charging", { month });
  return `month ${month} charged to ${currentTenant()}`;
}
