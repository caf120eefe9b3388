/** What StartWorkflowExecution and SignalWithStartWorkflowExecution must keep to, in the reference server's order. */
import { Rejection } from "@pawl/engine";
import { durationMs, enums, type workflowservice } from "@pawl/protocol";
import type { AddressRules } from "../../address-rules.ts";
import {
  blobProblem,
  durationProblem,
  headerProblem,
  idProblem,
  invalid,
  lengthProblem,
  memoProblem,
  priorityProblem,
  retryProblem,
  sizeProblem,
  taskQueueProblem,
  userMetadataProblem,
} from "../field-rules.ts";
import { linksProblem } from "../link-rules.ts";
import { callbacksProblem } from "./callback-rules.ts";
import { overrideProblem } from "./versioning-override.ts";

export type StartRequest = workflowservice.StartWorkflowExecutionRequest;
export type SignalWithStartRequest = workflowservice.SignalWithStartWorkflowExecutionRequest;

const { WorkflowIdConflictPolicy: Conflict, WorkflowIdReusePolicy: Reuse } = enums;

/** `addresses`: where completion callbacks may go. */
export function startProblem(request: StartRequest, addresses: AddressRules): Rejection | undefined {
  return (
    workflowIdProblem(request) ??
    timingProblem(request) ??
    idProblem("WorkflowType", request.workflowType?.name) ??
    taskQueueProblem(request.taskQueue) ??
    timeoutsProblem(request) ??
    lengthProblem("RequestId", request.requestId) ??
    policiesProblem(request.workflowIdReusePolicy, request.workflowIdConflictPolicy) ??
    onConflictProblem(request.onConflictOptions) ??
    callbacksProblem(request.completionCallbacks, addresses) ??
    blobProblem(request.lastCompletionResult) ??
    restProblem(request)
  );
}

/** The same rules as for a start, in words of its own. */
export function signalWithStartProblem(request: SignalWithStartRequest): Rejection | undefined {
  return (
    workflowIdProblem(request) ??
    (request.signalName === "" ? invalid("signal not set") : sizeProblem("signal name", request.signalName)) ??
    (request.workflowType?.name ? undefined : invalid("workflow type not set")) ??
    sizeProblem("workflow type name", request.workflowType?.name ?? "") ??
    taskQueueProblem(request.taskQueue) ??
    sizeProblem("Request ID", request.requestId) ??
    timeoutsProblem(request) ??
    timingProblem(request) ??
    policiesProblem(request.workflowIdReusePolicy, request.workflowIdConflictPolicy) ??
    (request.workflowIdConflictPolicy === Conflict.FAIL
      ? invalid(
          "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for this operation.",
        )
      : undefined) ??
    blobProblem(request.signalInput) ??
    restProblem(request)
  );
}

type AnyStart = StartRequest | SignalWithStartRequest;

function workflowIdProblem({ workflowId }: AnyStart): Rejection | undefined {
  return workflowId === "" ? invalid("WorkflowId is not set on request.") : sizeProblem("WorkflowId", workflowId);
}

function timingProblem(request: AnyStart): Rejection | undefined {
  return retryProblem(request.retryPolicy) ?? delayProblem(request);
}

type Timeouts = Pick<StartRequest, "workflowExecutionTimeout" | "workflowRunTimeout" | "workflowTaskTimeout">;

export function timeoutsProblem(request: Timeouts): Rejection | undefined {
  return (
    durationProblem("WorkflowExecutionTimeoutSeconds", request.workflowExecutionTimeout) ??
    durationProblem("WorkflowRunTimeoutSeconds", request.workflowRunTimeout) ??
    durationProblem("WorkflowTaskTimeoutSeconds", request.workflowTaskTimeout)
  );
}

function restProblem(request: AnyStart): Rejection | undefined {
  return (
    lengthProblem("Identity", request.identity) ??
    priorityProblem(request.priority) ??
    overrideProblem(request.versioningOverride) ??
    linksProblem(request.links) ??
    timeSkippingProblem(request) ??
    carriedProblem(request)
  );
}

/** A workflow whose time would pass as in any other must not begin as if it could skip some. */
export function timeSkippingProblem({
  timeSkippingConfig,
}: Pick<StartRequest, "timeSkippingConfig">): Rejection | undefined {
  return timeSkippingConfig
    ? new Rejection("UNIMPLEMENTED", "The Time-Skipping feature is not enabled for namespace.")
    : undefined;
}

type Carried = Pick<StartRequest, "userMetadata" | "input" | "memo" | "header">;

export function carriedProblem({ userMetadata, input, memo, header }: Carried): Rejection | undefined {
  return userMetadataProblem(userMetadata) ?? blobProblem(input) ?? memoProblem(memo) ?? headerProblem(header);
}

function delayProblem(request: AnyStart): Rejection | undefined {
  const { cronSchedule, workflowStartDelay } = request;
  if (cronSchedule !== "" && durationMs(workflowStartDelay) !== 0)
    return invalid("CronSchedule and WorkflowStartDelay may not be used together.");
  return durationProblem("WorkflowStartDelaySeconds", workflowStartDelay);
}

const reusePolicies: readonly number[] = Object.values(Reuse);
const conflictPolicies: readonly number[] = Object.values(Conflict);

function policiesProblem(
  reuse: enums.WorkflowIdReusePolicy,
  conflict: enums.WorkflowIdConflictPolicy,
): Rejection | undefined {
  if (!reusePolicies.includes(reuse)) return invalid(`Invalid WorkflowIDReusePolicy: ${reuse}.`);
  if (!conflictPolicies.includes(conflict)) return invalid(`Invalid WorkflowIDConflictPolicy: ${conflict}.`);
  if (conflict !== Conflict.UNSPECIFIED && reuse === Reuse.TERMINATE_IF_RUNNING)
    return invalid(
      "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy",
    );
  if (conflict === Conflict.TERMINATE_EXISTING && reuse === Reuse.REJECT_DUPLICATE)
    return invalid(
      "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
    );
  return undefined;
}

function onConflictProblem(options: StartRequest["onConflictOptions"]): Rejection | undefined {
  return options?.attachCompletionCallbacks && !options.attachRequestId
    ? invalid("attaching request ID is required for attaching completion callbacks")
    : undefined;
}
