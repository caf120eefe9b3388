/** What the comparison of SDKs runs; `tests/bench/sdk/workflows.ts` is the same for ours. */
import { condition, proxyActivities } from "@temporalio/workflow";

const { echo } = proxyActivities<{ echo(text: string): Promise<string> }>({ startToCloseTimeout: "1 minute" });

export async function steps(count: number, text: string): Promise<string> {
  let said = text;
  for (let step = 0; step < count; step++) said = await echo(said);
  return said;
}

/** Does something, and then waits for ever. */
export async function idle(text: string): Promise<void> {
  await echo(text);
  await condition(() => false);
}
