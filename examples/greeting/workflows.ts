/** The smallest of all: one workflow that calls one activity. */
import { proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { greet } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export async function greeting(name: string): Promise<string> {
  return await greet(name);
}
