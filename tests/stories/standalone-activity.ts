/** What clients, workers and operators send about a standalone activity. Without an id of its own it is called as its story is. */
import type { Init, MethodName, RequestOf } from "@pawl/protocol";
import { applicationFailure, type Failure, seconds, text } from "./requests.ts";
import type { ActivityTask, Play } from "./story.ts";

export type Extra<N extends MethodName> = Init<RequestOf<N>>;

export const once = { maximumAttempts: 1 };
export const quick = { initialInterval: seconds(0.2), backoffCoefficient: 1 };
export const long = "x".repeat(1_001);
export const negative = { seconds: -1, nanos: 0 };
export const otherRun = "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001";
export const final = { nonRetryable: true };

export function startRequest(s: Play, extra: Extra<"StartActivityExecution"> = {}): Extra<"StartActivityExecution"> {
  return {
    namespace: "default",
    activityId: s.name,
    activityType: { name: "Story" },
    taskQueue: { name: s.name },
    startToCloseTimeout: seconds(30),
    input: text("in"),
    identity: "client",
    requestId: `${s.name}-request`,
    ...extra,
  };
}

export const start = (s: Play, extra: Extra<"StartActivityExecution"> = {}) =>
  s.call("StartActivityExecution", startRequest(s, extra));

export const of = (s: Play) => ({ namespace: "default", activityId: s.name });
export const client = (s: Play) => ({ ...of(s), identity: "client" });

export function describe(s: Play, extra: Extra<"DescribeActivityExecution"> = {}) {
  return s.call("DescribeActivityExecution", {
    ...of(s),
    includeInput: true,
    includeOutcome: true,
    includeHeartbeatDetails: true,
    includeLastFailure: true,
    ...extra,
  });
}

/** The last word on an activity that has closed. */
export async function end(s: Play): Promise<void> {
  await s.call("PollActivityExecution", of(s));
  await describe(s);
}

export const worker = (task: ActivityTask) => ({
  namespace: "default",
  identity: "worker",
  taskToken: task.taskToken,
});
export const finish = (s: Play, task: ActivityTask, result: unknown = "out") =>
  s.attempt("RespondActivityTaskCompleted", { ...worker(task), result: text(result) });
export const fail = (s: Play, task: ActivityTask, failure: Failure = applicationFailure("no", final)) =>
  s.attempt("RespondActivityTaskFailed", { ...worker(task), failure });
export const heartbeat = (s: Play, task: ActivityTask, details: unknown) =>
  s.attempt("RecordActivityTaskHeartbeat", { ...worker(task), details: text(details) });
export const cancel = (s: Play, requestId = "cancel", extra: Extra<"RequestCancelActivityExecution"> = {}) =>
  s.attempt("RequestCancelActivityExecution", { ...client(s), requestId, reason: "because", ...extra });
export const terminate = (s: Play, requestId = "terminate", extra: Extra<"TerminateActivityExecution"> = {}) =>
  s.attempt("TerminateActivityExecution", { ...client(s), requestId, reason: "enough", ...extra });

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
