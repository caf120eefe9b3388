/**
 * Methods that the reference server knows and, with its default settings, refuses: earlier forms of worker versioning and deployments, archival, workflow
 * rules, commands to workers. Clients call them to find out whether they are there, so they get the same refusals here, and never the answer to an unknown method.
 */
import { detail, Rejection } from "@pawl/engine";
import { errordetails } from "@pawl/protocol";
import { invalid } from "./field-rules.ts";
import type { Handlers } from "./handler.ts";
import type { Parts } from "./parts.ts";

export function switchedOffHandlers({ namespaces }: Pick<Parts, "namespaces">) {
  const refusing = (refusal: Rejection) => (request: { readonly namespace: string }) => {
    const namespace = namespaces.byName(request.namespace);
    return namespace instanceof Rejection ? namespace : refusal;
  };
  const deployments = refusing(
    unimplemented("Deployments are deprecated and no longer supported, use Worker Deployments instead"),
  );
  const versionSets = refusing(versioningOff("v0.1 (Version Set-based, deprecated)"));
  const versioningRules = refusing(versioningOff("v0.2 (Rules-based, deprecated)"));
  const workflowRule = (method: string) => refusing(unimplemented(`method ${method} not supported`));
  const workerCommand = (method: string) => refusing(unimplemented(`${method} command is not enabled.`));
  return {
    UpdateWorkerBuildIdCompatibility: versionSets,
    GetWorkerBuildIdCompatibility: versionSets,
    UpdateWorkerVersioningRules: versioningRules,
    GetWorkerVersioningRules: versioningRules,
    GetWorkerTaskReachability: versioningRules,

    DescribeDeployment: deployments,
    ListDeployments: deployments,
    GetDeploymentReachability: deployments,
    GetCurrentDeployment: deployments,
    SetCurrentDeployment: deployments,

    CreateWorkflowRule: workflowRule("CreateWorkflowRule"),
    DescribeWorkflowRule: workflowRule("DescribeWorkflowRule"),
    DeleteWorkflowRule: workflowRule("DeleteWorkflowRule"),
    ListWorkflowRules: workflowRule("ListWorkflowRules"),
    TriggerWorkflowRule: workflowRule("TriggerWorkflowRule"),

    FetchWorkerConfig: workerCommand("FetchWorkerConfig"),
    UpdateWorkerConfig: workerCommand("UpdateWorkerConfig"),

    ListArchivedWorkflowExecutions: refusing(invalid("Cluster is not configured for visibility archival.")),
  } satisfies Handlers;
}

function unimplemented(message: string): Rejection {
  return new Rejection("UNIMPLEMENTED", message);
}

function versioningOff(form: string): Rejection {
  const message = `Worker versioning ${form} is disabled on this namespace.`;
  return new Rejection("PERMISSION_DENIED", message, detail(errordetails.PermissionDeniedFailure, {}));
}
