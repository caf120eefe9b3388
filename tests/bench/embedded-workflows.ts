import { proxyActivities } from "@pawl/sdk/workflow";

const { echo } = proxyActivities<{ echo(text: string): Promise<string> }>({ startToCloseTimeout: "1 minute" });
const argument = "x".repeat(100);

/** One activity after another. */
export async function steps(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await echo(argument);
}
