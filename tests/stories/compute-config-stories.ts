/** How a server that has no provider of compute switched on answers to those who tell it how to start workers. */
import { type compute, enums, type Init, type RequestOf } from "@pawl/protocol";
import { payload } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

type Group = Init<compute.ComputeConfigScalingGroup>;
type Update = Init<RequestOf<"UpdateWorkerDeploymentVersionComputeConfig">>;

const namespace = "default";
const { ACTIVITY, UNSPECIFIED, WORKFLOW } = enums.TaskQueueType;
const type = "aws-lambda";

const group = (more: Group = {}): Group => ({
  taskQueueTypes: [WORKFLOW],
  provider: { type, details: payload({ arn: "arn" }) },
  scaler: { type: "no-sync", details: payload({}) },
  ...more,
});

export const computeConfigStories: readonly Story[] = [
  story("bad-compute-config-create", "a version with a way to start its workers is not made", async (s) => {
    await s.unrecorded("CreateWorkerDeployment", { namespace, deploymentName: s.name, requestId: "r" });
    const create = (scalingGroups: Record<string, Group>, more: object = {}) =>
      s.attempt("CreateWorkerDeploymentVersion", {
        namespace,
        deploymentVersion: { deploymentName: s.name, buildId: "1" },
        requestId: "r",
        identity: "client",
        computeConfig: { scalingGroups },
        ...more,
      });
    for (const provider of [...providers, "nonsense", "", "AWS-Lambda"])
      await create({ main: group({ provider: { type: provider } }) });
    await create({ main: {} });
    await create({ main: group({ provider: undefined }) });
    await create({ "": group() });
    for (const scaler of ["rate-based", "nonsense", ""]) await create({ main: group({ scaler: { type: scaler } }) });
    await create({ main: group({ scaler: undefined }) });
    for (const taskQueueTypes of [[WORKFLOW, ACTIVITY], [WORKFLOW, WORKFLOW], [UNSPECIFIED], []])
      await create({ main: group({ taskQueueTypes }) });
    const unknown = { deploymentName: `${s.name}-unknown`, buildId: "1" };
    await create({ main: group() }, { deploymentVersion: unknown });
    const described = { namespace, deploymentVersion: { deploymentName: s.name, buildId: "1" } };
    await s.attempt("DescribeWorkerDeploymentVersion", described);
    await s.unrecorded("CreateWorkerDeploymentVersion", { ...described, requestId: "r" });
    await create({ main: group() });
    await create({ main: group() }, { requestId: "other" });
  }),

  story("bad-compute-config-update", "a version is not given a way to start its workers", async (s) => {
    const deploymentVersion = await made(s);
    const update = (more: Update) =>
      s.attempt("UpdateWorkerDeploymentVersionComputeConfig", {
        namespace,
        deploymentVersion,
        requestId: `${s.name}-${++requests}`,
        identity: "client",
        ...more,
      });
    await update({ computeConfigScalingGroups: { main: { scalingGroup: group() } } });
    await update({ removeComputeConfigScalingGroups: ["main"] });
    await update({ namespace: "" });
    await update({ namespace: "nowhere" });
    await update({ deploymentVersion: undefined });
    for (const [deploymentName, buildId] of [
      ["", "1"],
      [s.name, ""],
      [s.name, "2"],
      ["a.b", "1"],
      ["nobody", "1"],
    ] as const)
      await update({ deploymentVersion: { deploymentName, buildId } });
    const { workerDeploymentVersionInfo: info } = await s.unrecorded("DescribeWorkerDeploymentVersion", {
      namespace,
      deploymentVersion,
    });
    s.note("groups", Object.keys(info?.computeConfig?.scalingGroups ?? {}));
  }),

  story("bad-compute-config-validate", "what would be nothing at all is no way to start workers", async (s) => {
    const deploymentVersion = await made(s);
    const validate = (more: Init<RequestOf<"ValidateWorkerDeploymentVersionComputeConfig">>) =>
      s.attempt("ValidateWorkerDeploymentVersionComputeConfig", {
        namespace,
        deploymentVersion,
        identity: "client",
        ...more,
      });
    await validate({});
    await validate({ removeComputeConfigScalingGroups: ["main"] });
    await validate({ deploymentVersion: undefined });
    await validate({ deploymentVersion: { deploymentName: "nobody", buildId: "1" } });
    await validate({ namespace: "" });
    await validate({ namespace: "nowhere" });
  }),
];

let requests = 0;

const providers = ["aws-agentcore", "aws-ecs", type, "gcp-cloud-run", "k8s", "subprocess"];

async function made(s: Play) {
  const deploymentVersion = { deploymentName: s.name, buildId: "1" };
  await s.unrecorded("CreateWorkerDeployment", { namespace, deploymentName: s.name, requestId: "r" });
  await s.unrecorded("CreateWorkerDeploymentVersion", { namespace, deploymentVersion, requestId: "r" });
  return deploymentVersion;
}
