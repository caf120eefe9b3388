/** `pawl workflow update-options` and `reset with-workflow-update-options`: which version of its workers a run belongs to. */
import { workflow } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import { oneOrAll, workflowsFlags } from "./target.ts";

const behaviors = ["unspecified", "pinned", "auto_upgrade"] as const;

export const overrideFlags = {
  versioningOverrideBehavior: {
    ...choice(behaviors, "pinned to a version, on the newest, or unspecified: as its worker says"),
    isRequired: true,
  },
  versioningOverrideDeploymentName: text("name", "with pinned: the deployment"),
  versioningOverrideBuildId: text("id", "with pinned: the version's build id"),
};

/** Throws {@link Failure} for flags that make no sense together. */
export function overrideChange(flags: Values<typeof overrideFlags>) {
  const { versioningOverrideBehavior: behavior, versioningOverrideDeploymentName: deploymentName } = flags;
  const { versioningOverrideBuildId: buildId } = flags;
  if ((behavior === "pinned") !== (deploymentName !== undefined && buildId !== undefined))
    throw new Failure(
      "usage",
      "--versioning-override-deployment-name and --versioning-override-build-id go with the behavior pinned",
    );
  const version = { deploymentName: deploymentName ?? "", buildId: buildId ?? "" };
  const pinned = { behavior: workflow.VersioningOverride_PinnedOverrideBehavior.PINNED, version };
  const versioningOverride =
    behavior === "unspecified" ? undefined : behavior === "pinned" ? { pinned } : { autoUpgrade: true };
  return { workflowExecutionOptions: { versioningOverride }, updateMask: { paths: ["versioning_override"] } };
}

export const optionsCommands: readonly Definition[] = [
  define({
    path: "workflow update-options",
    summary: "Change which version of its workers a workflow belongs to",
    flags: { ...workflowsFlags, ...overrideFlags },
    argument: "workflowId",
    examples: [
      "workflow update-options order-1 --versioning-override-behavior auto_upgrade",
      "workflow update-options order-1 --versioning-override-behavior pinned --versioning-override-deployment-name orders --versioning-override-build-id 1.2",
    ],
    async run(session, flags) {
      const change = overrideChange(flags);
      const { namespace, identity } = session;
      await oneOrAll(session, flags, {
        one: async (workflowExecution) => {
          const request = { namespace, identity, workflowExecution, ...change };
          const answer = await session.call("UpdateWorkflowExecutionOptions", request);
          session.output.thing(
            [{ heading: "Options", path: "workflowExecutionOptions", kind: "json" }],
            await session.json("UpdateWorkflowExecutionOptions", answer),
          );
        },
        all: { updateWorkflowOptionsOperation: { identity, ...change } },
      });
    },
  }),
];
