/** Workflows that say something about themselves, and one that stands for all others. */
import {
  ApplicationFailure,
  makeContinueAsNewFunc,
  proxyActivities,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from "@pawl/sdk/workflow";

class Refusal extends Error {
  override readonly name = "Refusal";
}

export async function pinned(): Promise<string> {
  await sleep(1);
  return "pinned";
}
setWorkflowOptions({ versioningBehavior: "PINNED" }, pinned);

/** Goes on as another run, after a while and wherever the next version is; what it knows of its version and of itself. */
export async function upgrades(runs: number): Promise<unknown> {
  const { currentDeploymentVersion, originalExecutionRunId, runId, ...info } = workflowInfo();
  if (runs > 1) {
    const next = makeContinueAsNewFunc<typeof upgrades>({
      initialVersioningBehavior: "AUTO_UPGRADE",
      backoffStartInterval: "1 ms",
    });
    return await next(runs - 1);
  }
  const { continueAsNewSuggested, suggestedContinueAsNewReasons, targetWorkerDeploymentVersionChanged } = info;
  return {
    ...{ currentDeploymentVersion, isOriginal: originalExecutionRunId === runId, continueAsNewSuggested },
    ...{ suggestedContinueAsNewReasons, targetWorkerDeploymentVersionChanged },
  };
}

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
