/** Workflows that say something about themselves, and one that stands for all others. */
import { ApplicationFailure, proxyActivities, setWorkflowOptions, sleep, workflowInfo } from "@pawl/sdk/workflow";

class Refusal extends Error {
  override readonly name = "Refusal";
}

export async function pinned(): Promise<string> {
  await sleep(1);
  return "pinned";
}
setWorkflowOptions({ versioningBehavior: "PINNED" }, pinned);

export async function byDefault(): Promise<string> {
  return "by default";
}

export async function refuses(): Promise<void> {
  throw new Refusal("not like this");
}
setWorkflowOptions(() => ({ failureExceptionTypes: [Refusal] }), refuses);

export async function breaks(): Promise<void> {
  throw new TypeError("a bug");
}

const { anything } = proxyActivities<{ anything(n: number): Promise<string> }>({ startToCloseTimeout: "10 seconds" });

export async function dynamic(...args: unknown[]): Promise<unknown> {
  if (args.length === 0) throw ApplicationFailure.nonRetryable("nothing to do");
  return [workflowInfo().workflowType, args, await anything(1)];
}
