/**
 * Updates: requests that a workflow validates, accepts and answers.
 *
 *   admitted ─▶ sent ─▶ accepted ─▶ completed
 *                 ├──▶ rejected                 (leaves no trace: who waits for it is told, and it was never there)
 *                 └──▶ given up                 (the same, with a workflow task whose answer could not be accepted)
 *
 *   U1. An accepted update is in history; before that it is in memory only, and a caller that waits for a lost one is told to ask again.
 *   U2. An update id has one outcome in a run: a repeated request joins the first.
 *   U3. A workflow that closes answers the updates it has accepted; those it has not even seen were never there.
 */
import { enums, errordetails, failure, type protocol, update, type workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { detail, Rejection } from "../rejection.ts";
import { write } from "../run/history.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Update } from "../state/update.ts";
import type { Step } from "../step.ts";
import type { UpdateProgress } from "../vocabulary.ts";
import { closingProblem, scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

const { EventType, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;

export function admitUpdate(
  run: Run,
  step: Step,
  request: workflowservice.UpdateWorkflowExecutionRequest,
): UpdateProgress | Rejection {
  const updateId = request.request?.meta?.updateId ?? "";
  if (request.firstExecutionRunId !== "" && request.firstExecutionRunId !== run.start.firstRunId) {
    return new Rejection("NOT_FOUND", "workflow execution not found");
  }
  if (run.updates.has(updateId)) return progress(run, updateId);
  if (!isOpen(run)) return new Rejection("NOT_FOUND", "workflow execution already completed");
  const { workflowTask: task } = run;
  if (task.type !== "none" && task.attempt >= limits.updateRefusedAttempt) return notReady();
  if (run.pause) return new Rejection("FAILED_PRECONDITION", "Workflow is paused. Cannot update the workflow.");
  const refused = closingProblem(run) ?? limitProblem(run);
  if (refused) return refused;
  run.admissions += 1;
  run.updates.set(updateId, { status: "admitted", admission: run.admissions, request: request.request! });
  run.noticed = true;
  // One that is pending takes the update along when it starts; one that is started is followed by another.
  scheduleWorkflowTask(run, step, { speculative: true });
  return progress(run, updateId);
}

function notReady(): Rejection {
  return new Rejection(
    "FAILED_PRECONDITION",
    "Unable to perform workflow execution update due to Workflow Task in failed state.",
    detail(errordetails.WorkflowNotReadyFailure, {}),
  );
}

function limitProblem(run: Run): Rejection | undefined {
  let inFlight = 0;
  for (const { status } of run.updates.values()) if (status !== "completed") inFlight += 1;
  if (inFlight >= limits.updatesInFlightMax) {
    return new Rejection(
      "RESOURCE_EXHAUSTED",
      `limit on number of concurrent in-flight updates has been reached (${limits.updatesInFlightMax})`,
      detail(errordetails.ResourceExhaustedFailure, {
        cause: enums.ResourceExhaustedCause.CONCURRENT_LIMIT,
        scope: enums.ResourceExhaustedScope.NAMESPACE,
      }),
    );
  }
  if (run.updates.size >= limits.updatesMax) {
    return new Rejection(
      "FAILED_PRECONDITION",
      `The limit on the total number of distinct updates in this workflow has been reached (${limits.updatesMax}). Repeated requests count once if they have one update ID; a run that continues as new starts counting anew.`,
    );
  }
  return undefined;
}

export function pollUpdate(run: Run, updateId: string): UpdateProgress | Rejection {
  if (!run.updates.has(updateId)) return new Rejection("NOT_FOUND", `update "${updateId}" not found`);
  return progress(run, updateId);
}

function progress(run: Run, updateId: string): UpdateProgress {
  const known = run.updates.get(updateId)!;
  const at = (stage: enums.UpdateWorkflowExecutionLifecycleStage, outcome?: UpdateProgress["outcome"]) => ({
    runId: run.runId,
    updateId,
    stage,
    outcome,
  });
  switch (known.status) {
    case "admitted":
    case "reapplied":
    case "sent":
      return { ...at(Stage.ADMITTED), admission: admissionOf(known) };
    case "accepted":
      // U3: it will never be answered otherwise.
      return isOpen(run) ? at(Stage.ACCEPTED) : at(Stage.COMPLETED, { failure: closedBeforeAnswer() });
    case "completed":
      return at(Stage.COMPLETED, known.outcome);
    default:
      return known satisfies never;
  }
}

function closedBeforeAnswer(): failure.Failure {
  return serverFailure(
    "AcceptedUpdateCompletedWorkflow",
    "Workflow Update failed because the Workflow completed before the Update completed.",
  );
}

function serverFailure(type: string, message: string): failure.Failure {
  const applicationFailureInfo = {
    type,
    nonRetryable: true,
    details: undefined,
    category: enums.ApplicationErrorCategory.UNSPECIFIED,
  };
  return failure.Failure.create({ message, source: "Server", applicationFailureInfo });
}

type Body =
  | { readonly type: "acceptance"; readonly body: update.Acceptance }
  | { readonly type: "response"; readonly body: update.Response }
  | { readonly type: "rejection"; readonly body: update.Rejection };

/** Of the messages by which updates are spoken of. */
const updateFamily = update.Request.typeName.slice(0, update.Request.typeName.lastIndexOf("."));

/** What a worker's message says, or why it cannot be understood. */
function bodyOf(message: protocol.Message): Body | string {
  if (!message.body) return "nil message body";
  const { type_url: url, value: bytes } = message.body;
  if (url === "") return "no message name specified";
  const name = url.slice(url.lastIndexOf("/") + 1);
  try {
    if (name === update.Acceptance.typeName) return { type: "acceptance", body: update.Acceptance.decode(bytes) };
    if (name === update.Response.typeName) return { type: "response", body: update.Response.decode(bytes) };
    if (name === update.Rejection.typeName) return { type: "rejection", body: update.Rejection.decode(bytes) };
  } catch {
    return "unable to unmarshal request: proto: cannot parse invalid wire-format data";
  }
  const dot = name.lastIndexOf(".");
  const family = name.slice(0, Math.max(dot, 0));
  return family === updateFamily
    ? `Message type *update.${name.slice(dot + 1)} not supported`
    : `unsupported protocol type ${family}`;
}

/** How far the updates will have come after the messages looked at so far, in the reference server's words. */
type Progress = "Admitted" | "Sent" | "Accepted" | "ProvisionallyAccepted" | "ProvisionallyCompleted" | "Completed";

const progressOf = {
  admitted: "Admitted",
  reapplied: "Sent",
  sent: "Sent",
  accepted: "Accepted",
  completed: "Completed",
} as const satisfies Record<Update["status"], Progress>;

/** What is wrong with a completion's messages taken in this order, or undefined. */
export function messagesProblem(run: Run, messages: readonly protocol.Message[]): string | undefined {
  const ahead = new Map<string, Progress>();
  for (const [updateId, { status }] of run.updates) ahead.set(updateId, progressOf[status]);
  for (const message of messages) {
    const parsed = bodyOf(message);
    if (typeof parsed === "string") return parsed;
    const problem = messageProblem(message.protocolInstanceId, parsed, ahead);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function messageProblem(updateId: string, { type, body }: Body, ahead: Map<string, Progress>) {
  const before = ahead.get(updateId);
  const isAsked = before === "Admitted" || before === "Sent";
  const impossible = (what: string) =>
    `invalid state transition attempted for Update ${updateId}: received *update.${what} message while in state ${before}`;
  const unknown = `update ${updateId} wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries`;
  switch (type) {
    case "acceptance":
      // An update that memory has forgotten comes back with the acceptance that repeats its request.
      if (before === undefined && !body.acceptedRequest?.input) return unknown;
      if (before !== undefined && !isAsked) return impossible("Acceptance");
      ahead.set(updateId, "ProvisionallyAccepted");
      return acceptanceProblem(body);
    case "response":
      if (before === undefined) return unknown;
      if (before !== "Accepted" && before !== "ProvisionallyAccepted") return impossible("Response");
      ahead.set(updateId, "ProvisionallyCompleted");
      return body.outcome ? undefined : "invalid *update.Response: outcome is not set";
    case "rejection":
      // As with an acceptance. Nobody waits for the verdict any more.
      if (before === undefined && !body.rejectedRequest) return unknown;
      if (before !== undefined && !isAsked) return impossible("Rejection");
      ahead.set(updateId, "ProvisionallyCompleted");
      return undefined;
    default:
      return type satisfies never;
  }
}

function acceptanceProblem(body: update.Acceptance): string | undefined {
  const unset = (field: string) => `invalid *update.Acceptance: ${field} is not set`;
  if (body.acceptedRequestSequencingEventId === 0) return unset("accepted_request_sequencing_event_id");
  return body.acceptedRequestMessageId === "" ? unset("accepted_request_message_id") : undefined;
}

/** Whether the messages do nothing but reject: then a speculative task leaves no trace. */
export function onlyReject(messages: readonly protocol.Message[]): boolean {
  return messages.every((message) => {
    const parsed = bodyOf(message);
    return typeof parsed !== "string" && parsed.type === "rejection";
  });
}

/** Applies one message that was checked. */
export function applyMessage(run: Run, step: Step, message: protocol.Message): void {
  const parsed = bodyOf(message);
  if (typeof parsed === "string") throw new Error(parsed);
  const updateId = message.protocolInstanceId;
  if (parsed.type === "acceptance") accept(run, step, updateId, parsed.body);
  else if (parsed.type === "response") complete(run, step, updateId, parsed.body);
  else reject(run, updateId, parsed.body.failure ?? failure.Failure.create({ message: "update rejected" }));
}

function accept(run: Run, step: Step, updateId: string, body: update.Acceptance): void {
  const known = run.updates.get(updateId);
  const acceptedEventId = write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    workflowExecutionUpdateAcceptedEventAttributes: {
      protocolInstanceId: updateId,
      // Whatever message the worker says it has accepted.
      acceptedRequestMessageId: `${updateId}/request`,
      acceptedRequestSequencingEventId: body.acceptedRequestSequencingEventId,
      acceptedRequest: requestToWrite(known, body),
    },
  });
  setUpdate(run, updateId, { status: "accepted", acceptedEventId });
}

/** The request as the worker was given it; one that was taken over from a reset run is in history already. */
function requestToWrite(known: Update | undefined, { acceptedRequest }: update.Acceptance): update.Request | undefined {
  if (known?.status === "reapplied") return undefined;
  return known?.status === "sent" || known?.status === "admitted" ? known.request : acceptedRequest;
}

/** Gives a run that came of a reset an update of the run before, to be answered anew. */
export function reapplyUpdate(run: Run, step: Step, request: update.Request): void {
  const admittedEventId = write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED,
    workflowExecutionUpdateAdmittedEventAttributes: {
      request,
      origin: enums.UpdateAdmittedEventOrigin.REAPPLY,
    },
  });
  setUpdate(run, request.meta?.updateId ?? "", { status: "reapplied", admittedEventId, request });
}

function complete(run: Run, step: Step, updateId: string, { meta, outcome }: update.Response): void {
  const known = run.updates.get(updateId);
  if (known?.status !== "accepted") throw new Error(`update ${updateId} is not accepted`);
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    workflowExecutionUpdateCompletedEventAttributes: { meta, acceptedEventId: known.acceptedEventId, outcome },
  });
  setUpdate(run, updateId, { status: "completed", acceptedEventId: known.acceptedEventId, outcome: outcome! });
}

function setUpdate(run: Run, updateId: string, known: Update): void {
  run.updates.set(updateId, known);
  run.changes.parts.add(`u/${updateId}`);
  run.noticed = true;
}

function reject(run: Run, updateId: string, cause: failure.Failure): void {
  const known = run.updates.get(updateId);
  // Nobody waits for the verdict on one that is not known.
  if (!known) return;
  if (known.status === "reapplied") run.changes.parts.add(`u/${updateId}`);
  run.updates.delete(updateId);
  run.ended.push({ updateId, admission: admissionOf(known), verdict: { failure: cause } });
  run.noticed = true;
}

/** One that was taken over from a reset run is the only one of its id that nobody has asked this run for. */
function admissionOf(known: Update): number {
  return "admission" in known ? known.admission : 0;
}

/** A worker must answer every update that went with its task. */
export function rejectUnanswered(run: Run): void {
  for (const [updateId, { status }] of [...run.updates]) {
    if (status !== "sent") continue;
    reject(
      run,
      updateId,
      serverFailure(
        "UnprocessedUpdate",
        `Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.`,
      ),
    );
  }
}

/**
 * The workflow task that they went with was answered wrongly. The next attempt is likely to be no better, so who waits for them is told rather than left
 * to wait. Not so when a worker reports the failure itself, or does not answer: then they go with the next attempt. Returns whether there were any.
 */
export function giveUpSent(run: Run): boolean {
  let gaveUp = false;
  for (const [updateId, known] of [...run.updates]) {
    if (known.status !== "sent") continue;
    run.updates.delete(updateId);
    run.ended.push({ updateId, admission: known.admission, verdict: taskFailed });
    run.noticed = true;
    gaveUp = true;
  }
  return gaveUp;
}

const taskFailed = new Rejection(
  "FAILED_PRECONDITION",
  "Unable to perform workflow execution update due to unexpected workflow task failure.",
  detail(errordetails.WorkflowNotReadyFailure, {}),
);

/** Whether updates wait for a workflow task to go with. */
export function hasAdmitted(run: Run): boolean {
  for (const { status } of run.updates.values()) if (status === "admitted") return true;
  return false;
}

/** U3: what the closing workflow has not accepted was never there; who waits for it finds it gone. */
export function abandonUpdates(run: Run): void {
  for (const [updateId, { status }] of [...run.updates]) {
    if (status === "reapplied") run.changes.parts.add(`u/${updateId}`);
    if (status === "admitted" || status === "reapplied" || status === "sent") run.updates.delete(updateId);
  }
  run.noticed = true;
}
