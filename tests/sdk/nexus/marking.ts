/** Marks every Nexus operation that a workflow starts. */
import type { WorkflowInterceptorsFactory } from "@pawl/sdk/workflow";

export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [
    { startNexusOperation: (input, next) => next({ ...input, headers: { ...input.headers, Mark: "by workflow" } }) },
  ],
});
