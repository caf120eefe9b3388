/** What a workflow is started with, checked and written as the fields of a request. */
import { enums, type Init, type workflowservice } from "@pawl/protocol";
import { type Duration, msOptionalToNumber } from "../value/duration.ts";
import {
  type BaseWorkflowOptions,
  requireOneOf,
  type WithWorkflowArgs,
  type Workflow,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "../value/options.ts";
import { mapToPayloads, type PayloadConverter, toPayloads } from "../value/payload-converter.ts";
import { compileRetryPolicy } from "../value/retry-policy.ts";
import { encodeOptionalSearchAttributes } from "../value/search-attributes.ts";
import { wireDuration, wireFields, wirePayload, wirePayloads, wireRetryPolicy } from "../value/wire.ts";
import { type VersioningOverride, wireVersioningOverride } from "../value/worker-deployments.ts";

/** What a client starts a workflow with, without its arguments. */
export interface WorkflowOptions extends BaseWorkflowOptions {
  /** Names the workflow; at most one runs under it at a time. */
  workflowId: string;
  taskQueue: string;
  /** What to do when a workflow of this id runs already. Default: `FAIL`. */
  workflowIdConflictPolicy?: WorkflowIdConflictPolicy;
  /** Asks the server to hand the first workflow task to a worker of this process, with the answer. Default: false. */
  requestEagerStart?: boolean;
  /** Which version of the deployment's workers runs it, instead of the version that the deployment routes to. */
  versioningOverride?: VersioningOverride;
  /** How long the first workflow task is delayed. */
  startDelay?: Duration;
  /** `result()` follows to the run that continues, retries or repeats this one. Default: true. */
  followRuns?: boolean;
}

/** {@link WorkflowOptions} with `args`, typed by the workflow; required unless the workflow takes none. */
export type WorkflowStartOptions<W extends Workflow = Workflow> = WithWorkflowArgs<W, WorkflowOptions>;

/** The fields that starting and signalling-with-start have in common. Throws `TypeError` or `ValueError` naming the option at fault. */
export function startFields(
  name: string,
  options: WorkflowOptions & { args?: readonly unknown[] },
  converter: PayloadConverter,
): Init<workflowservice.StartWorkflowExecutionRequest> {
  required(options.workflowId, "options.workflowId");
  required(options.taskQueue, "options.taskQueue");
  const { workflowIdReusePolicy, workflowIdConflictPolicy, staticSummary, staticDetails, priority } = options;
  requireOneOf(WorkflowIdReusePolicy, workflowIdReusePolicy, "options.workflowIdReusePolicy");
  requireOneOf(WorkflowIdConflictPolicy, workflowIdConflictPolicy, "options.workflowIdConflictPolicy");
  const timeout = (key: "workflowExecutionTimeout" | "workflowRunTimeout" | "workflowTaskTimeout" | "startDelay") =>
    wireDuration(msOptionalToNumber(options[key], `options.${key}`));
  const text = (value: string | undefined) =>
    value === undefined ? undefined : wirePayload(converter.toPayload(value));
  const indexed = encodeOptionalSearchAttributes(options.searchAttributes, options.typedSearchAttributes);
  return {
    workflowId: options.workflowId,
    workflowType: { name },
    taskQueue: { name: options.taskQueue, kind: enums.TaskQueueKind.NORMAL },
    input: wirePayloads(toPayloads(converter, ...(options.args ?? []))),
    workflowExecutionTimeout: timeout("workflowExecutionTimeout"),
    workflowRunTimeout: timeout("workflowRunTimeout"),
    workflowTaskTimeout: timeout("workflowTaskTimeout"),
    workflowStartDelay: timeout("startDelay"),
    workflowIdReusePolicy: enums.WorkflowIdReusePolicy[workflowIdReusePolicy ?? "UNSPECIFIED"],
    workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy[workflowIdConflictPolicy ?? "UNSPECIFIED"],
    retryPolicy: options.retry ? wireRetryPolicy(compileRetryPolicy(options.retry)) : undefined,
    cronSchedule: options.cronSchedule,
    memo: options.memo ? { fields: wireFields(mapToPayloads(converter, options.memo)) } : undefined,
    searchAttributes: indexed && { indexedFields: wireFields(indexed) },
    userMetadata:
      staticSummary === undefined && staticDetails === undefined
        ? undefined
        : { summary: text(staticSummary), details: text(staticDetails) },
    priority,
    versioningOverride: wireVersioningOverride(options.versioningOverride),
  };
}

/** Throws `TypeError` for a function without a name. */
export function typeOf(workflowTypeOrFunc: string | Workflow): string {
  const name = typeof workflowTypeOrFunc === "string" ? workflowTypeOrFunc : workflowTypeOrFunc.name;
  required(name, "the workflow's type (an anonymous function has none)");
  return name;
}

function required(value: unknown, what: string): void {
  if (typeof value !== "string" || value === "") throw new TypeError(`${what} is missing`);
}
