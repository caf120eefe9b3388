/**
 * Child workflows, seen from the parent and from the child:
 *
 *   initiate ─▶ starting ──taken──▶ started ──childClosed──▶ gone
 *                  └──refused──▶ gone (START_CHILD_WORKFLOW_EXECUTION_FAILED)
 *
 *   C1. The parent hears of the end of the child's whole chain, once.
 *   C2. A parent that closes, however it closes, applies the child's policy, also to a child whose start is still under way.
 *   C3. The child's end never comes before its start in the parent's history.
 */
import { type command, type common, durationMs, enums, history, toDuration } from "@pawl/protocol";
import { mergePriority } from "../activity/activity.ts";
import { resolveRetryPolicy, retryPolicyProblem, wireRetryPolicy } from "../backoff.ts";
import { limits } from "../limits.ts";
import { send } from "../outbox.ts";
import { Rejection } from "../rejection.ts";
import { happen, write } from "../run/history.ts";
import { memoToSet, searchAttributesToSet } from "../run/named-payload.ts";
import type { Delivery, Message } from "../state/message.ts";
import { type Child, type HistoryEventInit, isOpen, type Run, type Workflow } from "../state/run.ts";
import type { ParentRef } from "../state/run-start.ts";
import type { Step } from "../step.ts";
import { reservedQueueProblem } from "../task-queue-name.ts";
import { inheritedByChild, nothing } from "../versioning/version-inheritance.ts";
import { overrideFormProblem, overrideOf } from "../versioning/version-override.ts";
import type { Routing } from "../versioning/versioning.ts";
import { requestCancel, terminate } from "../workflow/close.ts";
import { cronProblem } from "../workflow/cron.ts";
import { createRun, makeCurrent } from "../workflow/new-run.ts";
import { closeForNew, currentRun } from "../workflow/start.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

export type StartChildAttributes = command.StartChildWorkflowExecutionCommandAttributes;
type StartChild = Extract<Message, { type: "startChild" }>;
const { EventType, ParentClosePolicy } = enums;
const Attributes = history.StartChildWorkflowExecutionInitiatedEventAttributes;

/** Why the command cannot be carried out, or undefined. */
export function startChildProblem(run: Run, attributes: StartChildAttributes): string | undefined {
  if (attributes.namespace !== "" && attributes.namespace !== run.start.namespace)
    return "cross namespace calls are not allowed on StartChildWorkflowExecutionCommand.";
  const { workflowId, workflowType, taskQueue } = attributes;
  const type = workflowType?.name ?? "";
  const of = `WorkflowId=${workflowId} WorkflowType=${type} Namespace=${attributes.namespace}`;
  const max = limits.idBytesMax;
  if (workflowId === "")
    return `Required field WorkflowId is not set on ${commandName}. WorkflowType=${type} Namespace=${attributes.namespace}`;
  if (type === "")
    return `Required field WorkflowType is not set on ${commandName}. WorkflowId=${workflowId} Namespace=${attributes.namespace}`;
  if (workflowId.length > max)
    return `WorkflowId on ${commandName} exceeds length limit. WorkflowId=${workflowId} Length=${workflowId.length} Limit=${max} WorkflowType=${type} Namespace=${attributes.namespace}`;
  if (type.length > max)
    return `WorkflowType on ${commandName} exceeds length limit. WorkflowId=${workflowId} WorkflowType=${type} Length=${type.length} Limit=${max} Namespace=${attributes.namespace}`;
  for (const [field, timeout] of [
    ["WorkflowExecutionTimeout", attributes.workflowExecutionTimeout],
    ["WorkflowRunTimeout", attributes.workflowRunTimeout],
    ["WorkflowTaskTimeout", attributes.workflowTaskTimeout],
  ] as const) {
    if (durationMs(timeout) < 0) return `Invalid ${field} on ${commandName}: negative duration. ${of}`;
  }
  const policy = retryPolicyProblem(attributes.retryPolicy);
  if (policy !== undefined) return `invalid WorkflowRetryPolicy on ${commandName}: ${policy}. ${of}`;
  const cron = cronProblem(attributes.cronSchedule, run.lastEventAtMs);
  if (cron !== undefined) return `invalid CronSchedule on ${commandName}: ${cron}. ${of}`;
  const queue = taskQueue?.name ?? "";
  const badQueue = queue.length > max ? "taskQueue length exceeds limit" : reservedQueueProblem(queue);
  return badQueue === undefined
    ? overrideFormProblem(attributes.versioningOverride)
    : `invalid TaskQueue on ${commandName}: ${badQueue}. ${of} TaskQueue=${queue}`;
}

const commandName = "StartChildWorkflowExecutionCommand";

export function startChild(
  run: Run,
  step: Step,
  attributes: StartChildAttributes,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): void {
  const initiated = {
    namespace: attributes.namespace || run.start.namespace,
    namespaceId: run.namespaceId,
    workflowId: attributes.workflowId,
    workflowType: attributes.workflowType,
    taskQueue: { name: attributes.taskQueue?.name || run.start.taskQueue, kind: enums.TaskQueueKind.NORMAL },
    input: attributes.input,
    workflowExecutionTimeout: attributes.workflowExecutionTimeout,
    workflowRunTimeout: toDuration(
      durationMs(attributes.workflowRunTimeout) || durationMs(attributes.workflowExecutionTimeout),
    ),
    workflowTaskTimeout: toDuration(childTaskTimeoutMs(attributes)),
    parentClosePolicy: attributes.parentClosePolicy || ParentClosePolicy.TERMINATE,
    control: attributes.control,
    workflowTaskCompletedEventId: event.completedEventId,
    workflowIdReusePolicy: attributes.workflowIdReusePolicy || enums.WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    retryPolicy: attributes.retryPolicy && wireRetryPolicy(resolveRetryPolicy(attributes.retryPolicy)),
    cronSchedule: attributes.cronSchedule,
    header: attributes.header,
    memo: memoToSet(attributes.memo),
    searchAttributes: searchAttributesToSet(attributes.searchAttributes),
    inheritBuildId: attributes.inheritBuildId,
    priority: attributes.priority,
    versioningOverride: attributes.versioningOverride,
  };
  const initiatedEventId = write(run, step.nowMs, {
    eventType: EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    userMetadata: event.userMetadata,
    startChildWorkflowExecutionInitiatedEventAttributes: initiated,
  });
  const child = startingChild(initiatedEventId, initiated);
  setChild(run, child);
  send(
    run,
    step,
    startMessage(run, child, Attributes.encode(initiated), {
      taskQueue: initiated.taskQueue.name,
      routing: step.routing,
    }),
  );
}

/** What the parent knows of a child that it has asked for. */
export function startingChild(
  initiatedEventId: number,
  attributes: Pick<
    history.StartChildWorkflowExecutionInitiatedEventAttributes,
    "workflowTaskCompletedEventId" | "workflowId" | "workflowType" | "control" | "parentClosePolicy"
  >,
): Child {
  return {
    initiatedEventId,
    completedEventId: attributes.workflowTaskCompletedEventId,
    workflowId: attributes.workflowId,
    workflowType: attributes.workflowType?.name ?? "",
    control: attributes.control,
    policy: attributes.parentClosePolicy,
    status: { type: "starting" },
  };
}

/** What is sent to the child's workflow id. `attributes`: of the initiated event, encoded. */
export function startMessage(
  run: Run,
  { initiatedEventId, workflowId }: Pick<Child, "initiatedEventId" | "workflowId">,
  attributes: Uint8Array,
  { taskQueue, routing }: { readonly taskQueue: string; readonly routing: Routing },
): StartChild {
  return {
    type: "startChild",
    workflowId,
    initiatedEventId,
    attributes,
    parent: {
      namespace: run.start.namespace,
      namespaceId: run.namespaceId,
      workflowId: run.workflowId,
      runId: run.runId,
      initiatedEventId,
      ...(run.start.originalRunId !== run.runId && { originalRunId: run.start.originalRunId }),
    },
    root: run.start.root ?? { workflowId: run.workflowId, runId: run.runId },
    ...(run.start.priority && { priority: run.start.priority }),
    ...(run.versioning && { heirloom: inheritedByChild(run, routing, taskQueue) }),
  };
}

/** No longer than the run itself may take. */
function childTaskTimeoutMs(attributes: StartChildAttributes): number {
  const wantedMs = durationMs(attributes.workflowTaskTimeout) || limits.workflowTaskTimeoutMs;
  const runMs = durationMs(attributes.workflowRunTimeout) || durationMs(attributes.workflowExecutionTimeout);
  return runMs > 0 ? Math.min(wantedMs, runMs) : wantedMs;
}

function setChild(run: Run, child: Child): void {
  run.children.set(child.initiatedEventId, child);
  run.changes.parts.add(`c/${child.initiatedEventId}`);
}

function forgetChild(run: Run, initiatedEventId: number): void {
  run.children.delete(initiatedEventId);
  run.changes.parts.add(`c/${initiatedEventId}`);
}

const { StartChildWorkflowExecutionFailedCause: Cause } = enums;
const unplaced = new Rejection(
  "FAILED_PRECONDITION",
  "the version to which the child is pinned does not poll its queue",
);

/** The child's side of a start. */
export function receiveStartChild(
  workflow: Workflow,
  step: Step,
  { attributes: bytes, parent, root, again, priority, heirloom = nothing }: StartChild,
): Delivery {
  const attributes = Attributes.decode(bytes);
  const requestId = `${parent.runId}:${parent.initiatedEventId}:0`;
  const current = currentRun(workflow);
  const runId = step.newId();
  // Asked for again: the child may have gone on to other runs meanwhile.
  if (current && [current.start.requestId, current.start.chainRequestId].includes(requestId))
    return { type: "taken", runId: current.start.firstRunId };
  if (again && isSameFamily(current?.start.parent, parent))
    return { type: "taken", runId: current?.start.firstRunId ?? "" };
  const override = overrideOf(attributes.versioningOverride);
  const taskQueue = attributes.taskQueue!.name;
  // What the parent passes on by itself was looked up where the parent is.
  const isPlaced =
    !override ||
    !("version" in override) ||
    step.routing.has({ namespaceId: workflow.namespaceId, kind: "workflow", taskQueue }, override.version);
  if (!isPlaced) return { type: "refused", rejection: unplaced };
  const conflict = current && closeForNew(current, step, attributes.workflowIdReusePolicy, runId);
  if (conflict) return { type: "refused", rejection: conflict };
  const child = createRun(workflow, step, {
    runId,
    namespace: attributes.namespace,
    workflowType: attributes.workflowType!.name,
    taskQueue,
    input: attributes.input,
    header: attributes.header,
    memo: attributes.memo,
    searchAttributes: attributes.searchAttributes,
    executionTimeoutMs: durationMs(attributes.workflowExecutionTimeout),
    runTimeoutMs: durationMs(attributes.workflowRunTimeout),
    taskTimeoutMs: durationMs(attributes.workflowTaskTimeout),
    retryPolicy: attributes.retryPolicy,
    cronSchedule: attributes.cronSchedule,
    identity: "",
    requestId,
    firstTaskBackoffMs: 0,
    userMetadata: undefined,
    links: [],
    completionCallbacks: [],
    // What a child is told by its own start holds in place of all that it would inherit.
    heirloom: override ? { ...nothing, override } : heirloom,
    priority: mergePriority(priority, attributes.priority),
    eagerAccepted: false,
    continuedFailure: undefined,
    lastCompletionResult: undefined,
    parent,
    followers: [],
    root,
    chain: null,
  });
  makeCurrent(workflow, child);
  scheduleWorkflowTask(child, step);
  return { type: "taken", runId: child.runId };
}

/** Whether the child that is there was started by a run of which this parent came by a reset, or by another that came of it. */
function isSameFamily(known: ParentRef | null | undefined, parent: ParentRef): boolean {
  const originOf = ({ runId, originalRunId = runId }: ParentRef) => originalRunId;
  return known?.workflowId === parent.workflowId && originOf(known) === originOf(parent);
}

/** The parent hears what became of its start. */
export function childStartDelivered(run: Run, step: Step, message: StartChild, delivery: Delivery): void {
  const child = run.children.get(message.initiatedEventId);
  if (!isOpen(run) || child?.status.type !== "starting") return;
  const { namespace, namespaceId } = message.parent;
  if (delivery.type === "refused") {
    forgetChild(run, child.initiatedEventId);
    happen(run, step.nowMs, {
      eventType: EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED,
      startChildWorkflowExecutionFailedEventAttributes: {
        namespace,
        namespaceId,
        workflowId: child.workflowId,
        workflowType: { name: child.workflowType },
        cause:
          delivery.rejection.code === unplaced.code ? Cause.INVALID_VERSIONING_OVERRIDE : Cause.WORKFLOW_ALREADY_EXISTS,
        control: child.control,
        initiatedEventId: child.initiatedEventId,
      },
    });
  } else
    recordStarted(run, step, child, { runId: delivery.runId, header: Attributes.decode(message.attributes).header });
  scheduleWorkflowTask(run, step);
}

function recordStarted(
  run: Run,
  step: Step,
  child: Child,
  { runId, header }: { runId: string; header?: common.Header | undefined },
): void {
  const written = happen(run, step.nowMs, {
    eventType: EventType.CHILD_WORKFLOW_EXECUTION_STARTED,
    childWorkflowExecutionStartedEventAttributes: {
      namespace: run.start.namespace,
      namespaceId: run.namespaceId,
      initiatedEventId: child.initiatedEventId,
      workflowExecution: { workflowId: child.workflowId, runId },
      workflowType: { name: child.workflowType },
      header,
    },
  });
  setChild(run, { ...child, status: { type: "started", runId, startedEventId: written ? run.nextEventId - 1 : 0 } });
}

type ChildClosed = Extract<Message, { type: "childClosed" }>;

/** The parent's side of a child's end. A child it does not know any more is not news. */
export function receiveChildClosed(run: Run, step: Step, message: ChildClosed): Delivery {
  const taken: Delivery = { type: "taken", runId: run.runId };
  if (!isOpen(run) && run.resetRunId !== "") {
    // The child is now that of the run which came of the reset.
    send(run, step, { ...message, runId: run.resetRunId });
    return taken;
  }
  const child = run.children.get(message.initiatedEventId);
  if (!isOpen(run) || !child) return taken;
  const event = history.HistoryEvent.decode(message.event);
  const attributes = closedAttributes(event);
  // A child that the run before the reset had under the same event id.
  if (attributes.workflowExecution?.workflowId !== child.workflowId) return taken;
  // C3: the answer to the start is still on its way; the child's end says as much.
  if (child.status.type === "starting") recordStarted(run, step, child, { runId: message.firstRunId });
  const started = run.children.get(message.initiatedEventId)!;
  Object.assign(attributes, {
    initiatedEventId: message.initiatedEventId,
    startedEventId: started.status.type === "started" ? started.status.startedEventId : 0,
  });
  forgetChild(run, message.initiatedEventId);
  happen(run, step.nowMs, event);
  scheduleWorkflowTask(run, step);
  return taken;
}

function closedAttributes(event: history.HistoryEvent) {
  const attributes =
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes;
  if (!attributes) throw new Error(`event ${event.eventType} does not close a child`);
  return attributes;
}

/** The child's side of its parent's end: only for the chain that this very parent started. */
export function receiveParentClosed(
  run: Run,
  step: Step,
  message: Extract<Message, { type: "parentClosed" }>,
): Delivery {
  const { parent } = run.start;
  const mine = parent?.runId === message.parentRunId && parent.initiatedEventId === message.initiatedEventId;
  if (!mine || !isOpen(run))
    return { type: "refused", rejection: new Rejection("NOT_FOUND", "not a running child of that parent") };
  if (message.policy === "terminate")
    terminate(run, step, { reason: "by parent close policy", details: undefined, identity: "history-service" });
  else
    requestCancel(run, step, {
      reason: "",
      identity: "history-service",
      requestId: `${message.parentRunId}:${message.initiatedEventId}`,
      links: [],
      external: { execution: { workflowId: parent.workflowId, runId: parent.runId }, initiatedEventId: 0 },
    });
  return { type: "taken", runId: run.runId };
}
