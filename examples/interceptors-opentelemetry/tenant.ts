/** Whose work this is travels in a header, beside the arguments: no workflow and no activity has to pass it on. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { WorkflowClientInterceptor } from "@pawl/sdk/client";
import { defaultPayloadConverter } from "@pawl/sdk/common";
import type { ActivityInterceptorsFactory } from "@pawl/sdk/worker";

const storage = new AsyncLocalStorage<string>();

/** For activities. */
export function currentTenant(): string {
  return storage.getStore() ?? "nobody";
}

/** For clients: the workflows that they start are `tenant`'s. */
export function tenantOfClient(tenant: string): WorkflowClientInterceptor {
  const header = { tenant: defaultPayloadConverter.toPayload(tenant) };
  return { start: (input, next) => next({ ...input, headers: { ...input.headers, ...header } }) };
}

/** For workers: activities know for whom they run, and so does each line of their logs. */
export const tenantOfActivity: ActivityInterceptorsFactory = () => ({
  inbound: {
    execute: async (input, next) => {
      const { tenant } = input.headers;
      if (tenant === undefined) return await next(input);
      return await storage.run(defaultPayloadConverter.fromPayload<string>(tenant), () => next(input));
    },
  },
  outbound: { getLogAttributes: (attributes, next) => next({ ...attributes, tenant: currentTenant() }) },
});
