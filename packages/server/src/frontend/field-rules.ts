/**
 * What any request's fields must keep to, whichever RPC carries them. Each rule gives the refusal or undefined, so that rules
 * are chained with `??` in the order in which the reference server checks them; texts are the reference server's where it has one.
 */
import {
  payloadBytes,
  payloadMapBytes,
  payloadsBytes,
  Rejection,
  reservedQueueProblem,
  retryPolicyProblem,
} from "@pawl/engine";
import { type common, enums, type googleProtobuf, type sdk, type taskqueue } from "@pawl/protocol";
import { limits } from "../limits.ts";

export function invalid(message: string): Rejection {
  return new Rejection("INVALID_ARGUMENT", message);
}

const utf8BytesPerUnitMax = 3;

/** Whether the text has more than `bytesMax` bytes in UTF-8. */
export function isLonger(text: string, bytesMax: number): boolean {
  return text.length * utf8BytesPerUnitMax > bytesMax && Buffer.byteLength(text) > bytesMax;
}

/** For an id or name that may be empty. `field` is written as in the request, e.g. "Identity". */
export function lengthProblem(field: string, text: string): Rejection | undefined {
  return isLonger(text, limits.idBytesMax) ? invalid(`${field} length exceeds limit.`) : undefined;
}

/** As `lengthProblem`, in the words that starts use. */
export function sizeProblem(field: string, text: string): Rejection | undefined {
  const { idBytesMax } = limits;
  if (!isLonger(text, idBytesMax)) return undefined;
  return invalid(`${field} exceeds maximum allowed length (${Buffer.byteLength(text)}/${idBytesMax})`);
}

/** For an id or name that must be there. */
export function idProblem(field: string, text: string | undefined): Rejection | undefined {
  if (!text) return invalid(`${field} is not set on request.`);
  return lengthProblem(field, text);
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** "" means the current run. */
export function isRunId(runId: string): boolean {
  return runId === "" || uuid.test(runId);
}

export function runIdProblem(runId: string): Rejection | undefined {
  return isRunId(runId) ? undefined : invalid("Invalid RunId.");
}

export function executionProblem(execution: common.WorkflowExecution | undefined): Rejection | undefined {
  if (!execution) return invalid("Execution is not set on request.");
  return idProblem("WorkflowId", execution.workflowId) ?? runIdProblem(execution.runId);
}

export function taskQueueProblem(queue: taskqueue.TaskQueue | undefined): Rejection | undefined {
  if (!queue) return invalid("taskQueue is not set");
  if (queue.name === "") return invalid("missing task queue name");
  const sticky = queue.kind === enums.TaskQueueKind.STICKY;
  return queueNameProblem(queue.name) ?? (sticky ? queueNameProblem(queue.normalName) : undefined);
}

function queueNameProblem(name: string): Rejection | undefined {
  if (isLonger(name, limits.idBytesMax)) return invalid("taskQueue length exceeds limit");
  const reserved = reservedQueueProblem(name);
  return reserved === undefined ? undefined : invalid(reserved);
}

/** Negative durations are refused; those beyond 100 years are cut to that wherever they are read. */
export function durationProblem(field: string, duration: googleProtobuf.Duration | undefined): Rejection | undefined {
  if (!duration || (duration.seconds >= 0 && duration.nanos >= 0)) return undefined;
  return invalid(`An invalid ${field} is set on request. cause: negative duration`);
}

export function retryProblem(policy: common.RetryPolicy | undefined): Rejection | undefined {
  const problem = retryPolicyProblem(policy);
  return problem === undefined ? undefined : invalid(problem);
}

export function isTooLarge(payloads: common.Payloads | undefined): boolean {
  return payloadsBytes(payloads) > limits.blobBytesMax;
}

export function blobProblem(payloads: common.Payloads | undefined): Rejection | undefined {
  return isTooLarge(payloads) ? invalid("Blob data size exceeds limit.") : undefined;
}

export function headerProblem(header: common.Header | undefined): Rejection | undefined {
  return payloadMapBytes(header?.fields) > limits.blobBytesMax ? invalid("Header size exceeds limit.") : undefined;
}

export function memoProblem(memo: common.Memo | undefined): Rejection | undefined {
  return payloadMapBytes(memo?.fields) > limits.memoBytesMax ? invalid("Memo size exceeds limit.") : undefined;
}

export function userMetadataProblem(metadata: sdk.UserMetadata | undefined): Rejection | undefined {
  const bytes = [metadata?.summary, metadata?.details].reduce((sum, part) => sum + (part ? payloadBytes(part) : 0), 0);
  return bytes > limits.blobBytesMax ? invalid("UserMetadata size exceeds limit.") : undefined;
}

export function priorityProblem(priority: common.Priority | undefined): Rejection | undefined {
  if (!priority) return undefined;
  if (priority.priorityKey < 0) return invalid("priority key can't be negative");
  if (isLonger(priority.fairnessKey, limits.fairnessKeyBytesMax)) return invalid("fairness key length exceeds limit");
  // Written so that NaN is refused too.
  return priority.fairnessWeight >= 0 ? undefined : invalid("must be greater than zero");
}
