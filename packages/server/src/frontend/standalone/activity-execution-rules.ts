/** What requests about standalone activities must keep to, in the reference server's words and order. */
import { type Rejection, retryPolicyProblem } from "@pawl/engine";
import { common, enums, type googleProtobuf, type RequestOf, type sdk } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import {
  headerProblem,
  invalid,
  isLonger,
  isTooLarge,
  priorityProblem,
  runIdProblem,
  taskQueueProblem,
} from "../field-rules.ts";
import { linksProblem } from "../link-rules.ts";

type StartRequest = RequestOf<"StartActivityExecution">;

export function startActivityProblem(request: StartRequest): Rejection | undefined {
  return (
    negativeProblem("StartDelay", request.startDelay) ??
    taskQueueProblem(request.taskQueue) ??
    (request.activityId === "" ? invalid("activityId is not set") : undefined) ??
    (request.activityType?.name ? undefined : invalid("activityType is not set")) ??
    policyProblem(request) ??
    sizeProblem("activityId", request.activityId) ??
    sizeProblem("activityType", request.activityType?.name ?? "") ??
    prioritiesProblem(request) ??
    timeoutsProblem(request) ??
    callerProblem(request) ??
    idPoliciesProblem(request) ??
    (isTooLarge(request.input) ? invalid("input exceeds length limit") : undefined) ??
    headerProblem(request.header) ??
    metadataProblem(request.userMetadata) ??
    attachmentsProblem(request)
  );
}

/** Ids and names, with their length when it is too great. */
function sizeProblem(field: string, text: string): Rejection | undefined {
  const { idBytesMax } = limits;
  if (!isLonger(text, idBytesMax)) return undefined;
  return invalid(`${field} exceeds length limit. Length=${Buffer.byteLength(text)} Limit=${idBytesMax}`);
}

function policyProblem({ retryPolicy }: StartRequest): Rejection | undefined {
  const problem = retryPolicyProblem(retryPolicy);
  return problem === undefined ? undefined : invalid(problem);
}

function prioritiesProblem({ priority }: StartRequest): Rejection | undefined {
  const problem = priorityProblem(priority);
  return problem && invalid(`invalid priorities: ${problem.message}`);
}

function timeoutsProblem(request: StartRequest): Rejection | undefined {
  return (
    negativeProblem("ScheduleToCloseTimeout", request.scheduleToCloseTimeout) ??
    negativeProblem("ScheduleToStartTimeout", request.scheduleToStartTimeout) ??
    negativeProblem("StartToCloseTimeout", request.startToCloseTimeout) ??
    negativeProblem("HeartbeatTimeout", request.heartbeatTimeout)
  );
}

function negativeProblem(field: string, duration: googleProtobuf.Duration | undefined): Rejection | undefined {
  if (!duration || (duration.seconds >= 0 && duration.nanos >= 0)) return undefined;
  return invalid(`invalid ${field}: negative duration`);
}

const reusePolicies: readonly number[] = Object.values(enums.ActivityIdReusePolicy);
const conflictPolicies: readonly number[] = Object.values(enums.ActivityIdConflictPolicy);

function idPoliciesProblem({ idReusePolicy, idConflictPolicy }: StartRequest): Rejection | undefined {
  if (!reusePolicies.includes(idReusePolicy)) return invalid(`unsupported ID reuse policy: ${idReusePolicy}`);
  if (!conflictPolicies.includes(idConflictPolicy))
    return invalid(`unsupported ID conflict policy: ${idConflictPolicy}`);
  return undefined;
}

function metadataProblem(metadata: sdk.UserMetadata | undefined): Rejection | undefined {
  const { activitySummaryBytesMax, activityDetailsBytesMax } = limits;
  const parts = [
    ["summary", metadata?.summary, activitySummaryBytesMax],
    ["details", metadata?.details, activityDetailsBytesMax],
  ] as const;
  for (const [name, payload, max] of parts) {
    const bytes = payload ? common.Payload.encode(payload).length : 0;
    if (bytes > max) return invalid(`user_metadata.${name} exceeds size limit. Length=${bytes} Limit=${max}`);
  }
  return undefined;
}

function attachmentsProblem({ links, completionCallbacks, onConflictOptions }: StartRequest): Rejection | undefined {
  const problem = linksProblem(links);
  if (problem) return problem;
  if (completionCallbacks.length > 0) return invalid("completion callbacks are not enabled for this namespace");
  if (onConflictOptions?.attachCompletionCallbacks && !onConflictOptions.attachRequestId)
    return invalid("on_conflict_options: attach_completion_callbacks requires attach_request_id to be set");
  if (onConflictOptions?.attachRequestId && links.length === 0)
    return invalid("on_conflict_options: attach_request_id requires at least one completion callback or link");
  return undefined;
}

/** How any request but a start names an activity. */
export function activityExecutionProblem({
  activityId,
  runId,
}: {
  readonly activityId: string;
  readonly runId: string;
}): Rejection | undefined {
  if (activityId === "") return invalid("activity ID is required");
  return (
    sizeProblem("activity ID", activityId) ??
    (runIdProblem(runId) ? invalid("invalid run id: must be a valid UUID") : undefined)
  );
}

/** Who asks. */
export function callerProblem(request: {
  readonly identity: string;
  readonly requestId: string;
}): Rejection | undefined {
  return sizeProblem("request ID", request.requestId) ?? sizeProblem("identity", request.identity);
}

export function reasonProblem(reason: string): Rejection | undefined {
  return isLonger(reason, limits.blobBytesMax) ? invalid("reason exceeds length limit") : undefined;
}

export function jitterProblem(jitter: googleProtobuf.Duration | undefined): Rejection | undefined {
  return negativeProblem("jitter", jitter);
}

const updatePaths: readonly string[] = [
  "task_queue.name",
  "schedule_to_close_timeout",
  "schedule_to_start_timeout",
  "start_to_close_timeout",
  "heartbeat_timeout",
  "priority",
  "priority.priority_key",
  "priority.fairness_key",
  "priority.fairness_weight",
  "retry_policy",
  "retry_policy.initial_interval",
  "retry_policy.backoff_coefficient",
  "retry_policy.maximum_interval",
  "retry_policy.maximum_attempts",
  "start_delay",
];

/** The paths of the mask in snake case: JSON callers write them in camel case. */
export function updatePathsOf(request: RequestOf<"UpdateActivityExecutionOptions">): readonly string[] | Rejection {
  const { updateMask, activityOptions, restoreOriginal } = request;
  const given = updateMask?.paths ?? [];
  if (given.length > 0 && restoreOriginal) return invalid("Both UpdateMask and RestoreOriginal are provided");
  if (restoreOriginal) return [];
  if (!activityOptions) return invalid("ActivityOptions are not provided");
  if (!updateMask) return invalid("UpdateMask is not provided");
  if (given.length === 0) return invalid("UpdateMask must specify at least one path");
  const paths = given.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  const unknown = paths.findIndex((path) => !updatePaths.includes(path));
  if (unknown >= 0) return invalid(`unsupported update_mask path: ${JSON.stringify(given[unknown])}`);
  const has = (path: string) => paths.includes(path);
  return (
    (has("task_queue.name") ? taskQueueProblem(activityOptions.taskQueue) : undefined) ??
    (has("start_delay") ? negativeProblem("StartDelay", activityOptions.startDelay) : undefined) ??
    (paths.some((path) => path.startsWith("priority")) ? priorityProblem(activityOptions.priority) : undefined) ??
    paths
  );
}
