import assert from "node:assert/strict";
import { test } from "node:test";
import { compute, enums, type Init } from "@pawl/protocol";
import { InProcess } from "../in-process.ts";
import { scalingGroupsProblem } from "./compute-config.ts";

const { ACTIVITY, WORKFLOW } = enums.TaskQueueType;

function problemOf(scalingGroups: Record<string, Init<compute.ComputeConfigScalingGroup>>): string | undefined {
  const { ComputeConfig } = compute;
  return scalingGroupsProblem(ComputeConfig.decode(ComputeConfig.encode({ scalingGroups })).scalingGroups)?.message;
}

const lambda = { provider: { type: "aws-lambda" } };

for (const [what, groups, problem] of [
  ["nothing", {}, undefined],
  ["two groups that take what is left", { a: lambda, b: lambda }, /^entry b: only one scaling group/],
  [
    "a kind of task in two groups",
    { a: { ...lambda, taskQueueTypes: [WORKFLOW] }, b: { ...lambda, taskQueueTypes: [ACTIVITY, WORKFLOW] } },
    /^entry b: task type Workflow appears/,
  ],
  [
    "a provider that nobody knows",
    { a: { provider: { type: "abacus" } } },
    /^entry a: invalid compute provider type 'abacus'$/,
  ],
  ["a scaler that nobody knows", { a: { ...lambda, scaler: { type: "luck" } } }, /^entry a: invalid scaling algorithm/],
  ["a group that could be", { a: lambda }, /^a: Could not instantiate compute provider with type 'aws-lambda'$/],
] as const) {
  test(`of how to start workers, ${what} is ${problem ? "refused" : "fine"}`, () => {
    const found = problemOf(groups);
    if (problem) assert.match(found ?? "", problem);
    else assert.equal(found, undefined);
  });
}

test("a version that is refused because of its workers is not there afterwards, and one without such a wish is", async () => {
  const server = await InProcess.open();
  await server.ask("CreateWorkerDeployment", { deploymentName: "d", requestId: "r" });
  const deploymentVersion = { deploymentName: "d", buildId: "1" };
  const create = (scalingGroups: Record<string, object>) =>
    server.ask("CreateWorkerDeploymentVersion", {
      deploymentVersion,
      requestId: "r",
      computeConfig: { scalingGroups },
    });
  await assert.rejects(create({ main: lambda }), /Could not instantiate/);
  await assert.rejects(server.ask("DescribeWorkerDeploymentVersion", { deploymentVersion }), /not found/);
  await create({});
  const { workerDeploymentVersionInfo } = await server.ask("DescribeWorkerDeploymentVersion", { deploymentVersion });
  assert.equal(workerDeploymentVersionInfo?.computeConfig, undefined);
});
