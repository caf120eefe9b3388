/** Changing the options of an open run: its priority, and which versions of workers it goes to. */
import { type Located, Rejection, workflowKey } from "@pawl/engine";
import { type googleProtobuf, type RequestOf, workflow } from "@pawl/protocol";
import { idProblem, invalid, isRunId, priorityProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { timeSkippingProblem } from "./start-rules.ts";
import { notePinned, overrideProblem, placeProblem } from "./versioning-override.ts";

const { VersioningOverride_PinnedOverrideBehavior: PinnedBehavior } = workflow;
type Request = RequestOf<"UpdateWorkflowExecutionOptions">;

export function workflowOptionsHandlers(parts: Parts) {
  const { namespaces, ring, deployments } = parts;
  return {
    UpdateWorkflowExecutionOptions: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = requestProblem(request);
      if (problem) return problem;
      const key = workflowKey(namespace.id, request.workflowExecution!.workflowId);
      const options = request.workflowExecutionOptions!;
      let { versioningOverride } = options;
      if (versioningOverride) {
        const located = await ring.submit(key, { type: "locate", runId: request.workflowExecution!.runId });
        if (located instanceof Rejection) return located;
        const { taskQueue } = located;
        if (impliesVersion(versioningOverride) && located.open) {
          const version = located.versioning?.pinned ? located.versioning.version : null;
          if (!version) return notPinned(located);
          versioningOverride = { ...versioningOverride, pinned: { ...versioningOverride.pinned!, version } };
        }
        const refused = placeProblem(deployments, versioningOverride, { namespaceId: namespace.id, taskQueue });
        if (refused) return refused;
      }
      const given = { ...request, workflowExecutionOptions: { ...options, versioningOverride } };
      const reply = await ring.submit(key, { type: "updateOptions", request: given });
      if (reply instanceof Rejection) return reply;
      await notePinned(parts, namespace, versioningOverride);
      return { workflowExecutionOptions: reply.options };
    },
  } satisfies Handlers;
}

function requestProblem({ workflowExecution, workflowExecutionOptions, updateMask }: Request): Rejection | undefined {
  return (
    idProblem("WorkflowId", workflowExecution?.workflowId) ??
    (isRunId(workflowExecution?.runId ?? "") ? undefined : invalid("RunId is not valid UUID.")) ??
    optionsProblem(workflowExecutionOptions, updateMask, { mayImplyVersion: true })
  );
}

/** An override that pins a run to the version that it is pinned to already, whichever that is. */
function impliesVersion({ pinned }: workflow.VersioningOverride): boolean {
  return pinned !== undefined && pinned.version === undefined && pinned.behavior !== PinnedBehavior.UNSPECIFIED;
}

function notPinned({ workflowId, versioning }: Located): Rejection {
  const behavior = versioning?.version ? "AutoUpgrade" : "Unspecified";
  return new Rejection(
    "FAILED_PRECONDITION",
    `must specify a specific pinned override version because workflow with id ${workflowId} has behavior ${behavior} and is not yet pinned to any version`,
  );
}

/** The fields that a mask may name. Other forms of a field's name than the one of the protocol are not understood. */
const maskable: readonly string[] = [
  "priority",
  "priority.priority_key",
  "priority.fairness_key",
  "priority.fairness_weight",
  "versioning_override",
  "versioning_override.behavior",
  "versioning_override.deployment",
  "versioning_override.pinned_version",
  "versioning_override.pinned",
  "versioning_override.auto_upgrade",
  "versioning_override.one_time",
  "time_skipping_config",
  "time_skipping_config.enabled",
  "time_skipping_config.fast_forward_config",
  "time_skipping_config.disable_propagation",
  "time_skipping_config.max_session_skip_count",
];

/** Why these options cannot be set. Also for those that go with a reset. */
export function optionsProblem(
  options: workflow.WorkflowExecutionOptions | undefined,
  mask: googleProtobuf.FieldMask | undefined,
  { mayImplyVersion = false } = {},
): Rejection | undefined {
  if (!options) return invalid("WorkflowExecutionOptions is required");
  if (!mask) return invalid("UpdateMask is required");
  const unknown = mask.paths.find((path) => !maskable.includes(path));
  if (unknown !== undefined)
    return invalid(
      `error parsing UpdateMask: proto: invalid path ${JSON.stringify(unknown)} for message "temporal.api.workflow.v1.WorkflowExecutionOptions"`,
    );
  const together = ["versioning_override.behavior", "versioning_override.deployment"];
  if (together.filter((path) => mask.paths.includes(path)).length === 1)
    return invalid("error applying update_options: versioning_override fields must be updated together");
  const { versioningOverride: override } = options;
  const isComplete = mayImplyVersion && override !== undefined && impliesVersion(override);
  return (
    timeSkippingProblem(options) ??
    priorityProblem(options.priority) ??
    (isComplete ? undefined : overrideProblem(override))
  );
}
