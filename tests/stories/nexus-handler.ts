/** What stories of Nexus operations need: an endpoint, a handler and its answers, and waiting for what is under way. */
import { enums, type Init, type nexus as messages, type RequestOf, type ResponseOf } from "@pawl/protocol";
import { type Command, nexus, payload } from "./requests.ts";
import type { Play } from "./story.ts";

export type NexusTask = ResponseOf<"PollNexusTaskQueue">;
type Attributes = Command["scheduleNexusOperationCommandAttributes"];
type Answer = Init<messages.StartOperationResponse>;
export type Start = Init<RequestOf<"StartWorkflowExecution">>;

const pollUntilMs = 20_000;
const pausedMs = 100;

/** An endpoint of the story's own, served by whoever polls the queue of its name. */
export async function endpoint(s: Play): Promise<string> {
  const worker = { namespace: "default", taskQueue: s.name };
  await s.unrecorded("CreateNexusEndpoint", { spec: { name: s.name, target: { worker } } });
  return s.name;
}

/** Starts the caller, whose first workflow task calls the operation. */
export async function call(s: Play, attributes: Attributes = {}, start: Start = {}): Promise<void> {
  await endpoint(s);
  await s.start(start);
  await s.step([nexus(s.name, attributes)]);
}

/** A handler's next task. Of its request, what does not depend on the moment is noted. */
export async function poll(s: Play): Promise<NexusTask> {
  const task = await nextTask(s);
  const { startOperation: start, cancelOperation: cancel, endpoint, header } = task.request!;
  s.note("nexus task", {
    endpoint,
    trace: header["x-trace"] ?? "",
    hasTimeouts: [header["request-timeout"] !== undefined, header["operation-timeout"] !== undefined],
    ...(start && { service: start.service, operation: start.operation, callback: start.callback }),
    ...(start && { callbackHeader: Object.keys(start.callbackHeader), link: start.links[0]?.type ?? "" }),
    ...(cancel && { cancel: { service: cancel.service, operation: cancel.operation, token: cancel.operationToken } }),
  });
  return task;
}

export async function nextTask(s: Play): Promise<NexusTask> {
  const giveUp = Date.now() + pollUntilMs;
  for (;;) {
    const polled = { namespace: "default", taskQueue: { name: s.name }, identity: "handler" };
    const task = await s.unrecorded("PollNexusTaskQueue", polled);
    if (task.taskToken.length === 0 && Date.now() < giveUp) continue;
    if (!task.request) throw new Error("there is no Nexus task");
    return task;
  }
}

export function answer(s: Play, { taskToken }: NexusTask, startOperation: Answer): Promise<unknown> {
  const response = { startOperation };
  return s.attempt("RespondNexusTaskCompleted", { namespace: "default", identity: "handler", taskToken, response });
}

export function refuse(
  s: Play,
  { taskToken }: NexusTask,
  how: Init<RequestOf<"RespondNexusTaskFailed">>,
): Promise<unknown> {
  return s.attempt("RespondNexusTaskFailed", { namespace: "default", identity: "handler", taskToken, ...how });
}

export function cancelled(s: Play, { taskToken }: NexusTask): Promise<unknown> {
  const response = { cancelOperation: {} };
  return s.attempt("RespondNexusTaskCompleted", { namespace: "default", identity: "handler", taskToken, response });
}

export const failure = {
  message: "handler says no",
  stackTrace: "at handler",
  metadata: { kind: "odd" },
  details: Buffer.from('{"code":1}'),
  cause: { message: "because" },
};
export const started: Answer = { asyncSuccess: { operationToken: "token" } };
export const done: Answer = { syncSuccess: { payload: payload("out") } };

export function handlerError(errorType: string, retryBehavior: enums.NexusHandlerErrorRetryBehavior = 0) {
  return { error: { errorType, retryBehavior, failure } };
}

/** The workflow that works on the operation, started as an SDK's handler starts it. */
export function startHandler(s: Play, { request }: NexusTask, extra: Start = {}): Promise<unknown> {
  const { callback, callbackHeader, requestId } = request!.startOperation!;
  return s.call("StartWorkflowExecution", {
    namespace: "default",
    workflowId: handlerOf(s),
    workflowType: { name: "Handler" },
    taskQueue: { name: handlerOf(s) },
    identity: "handler",
    requestId,
    completionCallbacks: [
      { nexus: { url: callback, header: { ...callbackHeader, "Nexus-Operation-Token": "token" } } },
    ],
    ...extra,
  });
}

export function handlerOf({ name }: Play): string {
  return `${name}-handler`;
}

/** The handler's workflow gets on. */
export async function handlerStep(s: Play, commands: Command[]): Promise<void> {
  await s.complete(await s.workflowTask(handlerOf(s)), commands);
}

/** Waits for what is under way, and records it then. */
export async function described(
  s: Play,
  workflowId: string,
  is: (described: ResponseOf<"DescribeWorkflowExecution">) => boolean,
): Promise<void> {
  for (const giveUp = Date.now() + pollUntilMs; Date.now() < giveUp; ) {
    const found = await s.unrecorded("DescribeWorkflowExecution", { namespace: "default", execution: { workflowId } });
    if (is(found)) break;
    await new Promise((resolve) => setTimeout(resolve, pausedMs));
  }
  await s.describe(workflowId);
}

const { BACKING_OFF } = enums.PendingNexusOperationState;

export function isBackingOff(attempt: number) {
  return ({ pendingNexusOperations: [one] }: ResponseOf<"DescribeWorkflowExecution">) =>
    one?.state === BACKING_OFF && one.attempt === attempt;
}

export function callbackIs(state: enums.CallbackState) {
  return ({ callbacks: [one] }: ResponseOf<"DescribeWorkflowExecution">) => one?.state === state;
}

export function cancellationIs(state: enums.NexusOperationCancellationState) {
  return ({ pendingNexusOperations: [one] }: ResponseOf<"DescribeWorkflowExecution">) =>
    one?.cancellationInfo?.state === state;
}

export const cancellation = enums.NexusOperationCancellationState;
