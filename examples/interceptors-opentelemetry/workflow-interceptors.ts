/** The part of workflows: what came in with the start goes out with each activity. Bundled with workflow code, and deterministic as it is. */
import type { Headers, WorkflowInterceptorsFactory } from "@pawl/sdk/workflow";

export const interceptors: WorkflowInterceptorsFactory = () => {
  let passed: Headers = {};
  return {
    inbound: [
      {
        execute: async (input, next) => {
          const { tenant } = input.headers;
          if (tenant !== undefined) passed = { tenant };
          return await next(input);
        },
      },
    ],
    outbound: [{ scheduleActivity: (input, next) => next({ ...input, headers: { ...input.headers, ...passed } }) }],
  };
};
