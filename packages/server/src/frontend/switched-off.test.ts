import assert from "node:assert/strict";
import { test } from "node:test";
import type { MethodName } from "@pawl/protocol";
import { InProcess } from "./in-process.ts";

const versionSets =
  "PERMISSION_DENIED Worker versioning v0.1 (Version Set-based, deprecated) is disabled on this namespace.";
const rules = "PERMISSION_DENIED Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.";
const deployments = "UNIMPLEMENTED Deployments are deprecated and no longer supported, use Worker Deployments instead";

const answers = {
  UpdateWorkerBuildIdCompatibility: versionSets,
  GetWorkerBuildIdCompatibility: versionSets,
  UpdateWorkerVersioningRules: rules,
  GetWorkerVersioningRules: rules,
  GetWorkerTaskReachability: rules,
  DescribeDeployment: deployments,
  ListDeployments: deployments,
  GetDeploymentReachability: deployments,
  GetCurrentDeployment: deployments,
  SetCurrentDeployment: deployments,
  CreateWorkflowRule: "UNIMPLEMENTED method CreateWorkflowRule not supported",
  DescribeWorkflowRule: "UNIMPLEMENTED method DescribeWorkflowRule not supported",
  DeleteWorkflowRule: "UNIMPLEMENTED method DeleteWorkflowRule not supported",
  ListWorkflowRules: "UNIMPLEMENTED method ListWorkflowRules not supported",
  TriggerWorkflowRule: "UNIMPLEMENTED method TriggerWorkflowRule not supported",
  FetchWorkerConfig: "UNIMPLEMENTED FetchWorkerConfig command is not enabled.",
  UpdateWorkerConfig: "UNIMPLEMENTED UpdateWorkerConfig command is not enabled.",
  ListArchivedWorkflowExecutions: "INVALID_ARGUMENT Cluster is not configured for visibility archival.",
} as const satisfies { readonly [N in MethodName]?: string };

test("what is switched off says so in every namespace that there is", async () => {
  await using server = await InProcess.open();
  for (const [name, answer] of Object.entries(answers) as [keyof typeof answers, string][]) {
    assert.equal(await server.verdict(name, {}), answer, name);
    assert.match(await server.verdict(name, { namespace: "nowhere" }), /^NOT_FOUND /, name);
  }
});
