/** Starting a workflow: what happens when its id is already in use, and signal-with-start. */
import { durationMs, enums, errordetails, type workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { linksBesideCallbacks } from "../nexus/completion-callback.ts";
import { detail, Rejection } from "../rejection.ts";
import { sealBatch } from "../run/history.ts";
import { isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import { textPayloads } from "../text-payload.ts";
import { nothing } from "../versioning/version-inheritance.ts";
import { overrideOf } from "../versioning/version-override.ts";
import { isSameVersion } from "../versioning/versioning.ts";
import type { CommandOf, Poller, Replies } from "../vocabulary.ts";
import { scheduleWorkflowTask, skipFirstTaskDelay, startWorkflowTask } from "../workflow-task/workflow-task.ts";
import { terminate } from "./close.ts";
import { cronProblem } from "./cron.ts";
import { createRun, makeCurrent, type RunSpec } from "./new-run.ts";
import { signal } from "./signal.ts";
import { attach } from "./workflow-options.ts";

type StartRequest = workflowservice.StartWorkflowExecutionRequest;
type SignalWithStartRequest = workflowservice.SignalWithStartWorkflowExecutionRequest;
type Conflict = enums.WorkflowIdConflictPolicy;
const { WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } = enums;

export function startWorkflow(
  workflow: Workflow,
  step: Step,
  { request, eagerPoller }: CommandOf<"startWorkflow">,
): Replies["startWorkflow"] | Rejection {
  const badCron = cronProblem(request.cronSchedule, step.nowMs);
  if (badCron !== undefined) return new Rejection("INVALID_ARGUMENT", badCron);
  const current = currentRun(workflow);
  if (current && current.start.requestId === request.requestId) {
    const eagerTask =
      eagerPoller && isFirstTask(current)
        ? startWorkflowTask(current, step, { stamp: current.workflowTaskStamp, poller: eagerPoller, sticky: false })
        : undefined;
    return { ...startReply(current, true), ...(eagerTask && !(eagerTask instanceof Rejection) && { eagerTask }) };
  }
  if (current && hasBegunChain(current, request))
    return { ...startReply(current, true), runId: current.start.firstRunId };
  if (current?.attachedRequests.has(request.requestId)) return { ...startReply(current, false), attached: true };
  const runId = step.newId();
  if (current && isOpen(current)) {
    const policy = conflictPolicy(request, WorkflowIdConflictPolicy.FAIL);
    if (policy === WorkflowIdConflictPolicy.USE_EXISTING) return joinRunning(current, step, request);
    if (policy !== WorkflowIdConflictPolicy.TERMINATE_EXISTING) return alreadyRunning(current);
    terminateForNew(current, step, runId);
  } else if (current) {
    const refused = reuseProblem(current, request.workflowIdReusePolicy);
    if (refused) return refused;
  }
  const backoffMs = durationMs(request.workflowStartDelay);
  const eager =
    eagerPoller !== undefined &&
    backoffMs === 0 &&
    request.cronSchedule === "" &&
    mayHave(workflow, step, request, eagerPoller);
  const run = createRun(workflow, step, specOf(request, runId, { eager, continued: request }));
  makeCurrent(workflow, run);
  const eagerTask = scheduleWorkflowTask(run, step, eager ? { inline: eagerPoller } : {});
  return { ...startReply(run, true), ...(eagerTask && { eagerTask }) };
}

export function signalWithStart(
  workflow: Workflow,
  step: Step,
  { request }: CommandOf<"signalWithStart">,
): Replies["signalWithStart"] | Rejection {
  const badCron = cronProblem(request.cronSchedule, step.nowMs);
  if (badCron !== undefined) return new Rejection("INVALID_ARGUMENT", badCron);
  const current = currentRun(workflow);
  const toSignal = {
    signalName: request.signalName,
    input: request.signalInput,
    header: request.header,
    identity: request.identity,
    requestId: request.requestId,
    links: request.links,
  };
  if (current && current.start.requestId === request.requestId)
    return { runId: current.runId, firstRunId: current.start.firstRunId, started: false };
  if (current && hasBegunChain(current, request))
    return { runId: current.start.firstRunId, firstRunId: current.start.firstRunId, started: false };
  const runId = step.newId();
  if (current && isOpen(current)) {
    if (
      conflictPolicy(request, WorkflowIdConflictPolicy.USE_EXISTING) !== WorkflowIdConflictPolicy.TERMINATE_EXISTING
    ) {
      // Unlike a plain signal, this one starts a delayed run: the caller asked for it to run now.
      const refused = signal(current, step, toSignal);
      if (refused) return refused;
      if (current.firstTaskAtMs !== null) {
        skipFirstTaskDelay(current);
        scheduleWorkflowTask(current, step);
      }
      return { runId: current.runId, firstRunId: current.start.firstRunId, started: false };
    }
    terminateForNew(current, step, runId);
  } else if (current) {
    const refused = reuseProblem(current, request.workflowIdReusePolicy);
    if (refused) return refused;
  }
  const run = createRun(workflow, step, specOf(request, runId, { eager: false }));
  makeCurrent(workflow, run);
  const refused = signal(run, step, toSignal);
  if (refused) return refused;
  scheduleWorkflowTask(run, step);
  return { runId: run.runId, firstRunId: run.start.firstRunId, started: true };
}

/** The start is content with the run that is there, and may ask it to remember that. */
function joinRunning(
  run: Run,
  step: Step,
  { onConflictOptions, requestId, links, completionCallbacks }: StartRequest,
): Replies["startWorkflow"] | Rejection {
  if (!onConflictOptions) return startReply(run, false);
  const { attachRequestId, attachLinks, attachCompletionCallbacks } = onConflictOptions;
  const callbacks = attachCompletionCallbacks ? completionCallbacks : [];
  if (run.callbacks.size + callbacks.length > limits.callbacksMax)
    return new Rejection(
      "FAILED_PRECONDITION",
      `cannot attach more than ${limits.callbacksMax} callbacks to a workflow (${run.callbacks.size} callbacks already attached)`,
    );
  const kept = attachLinks ? linksBesideCallbacks(links, callbacks) : [];
  attach(run, step, { requestId: attachRequestId ? requestId : "", links: kept, callbacks });
  return { ...startReply(run, false), attached: attachRequestId };
}

/**
 * Whether this very request began the chain that the run belongs to: it comes late, and has done what it asked for. The reference server knows a
 * request by the newest run alone, and would refuse it, or do it once more.
 */
function hasBegunChain({ start }: Run, { requestId }: { readonly requestId: string }): boolean {
  return requestId !== "" && start.chainRequestId === requestId;
}

/** Why a start under `policy` cannot follow this run, open or closed. One that is open ends if the policy says so, and fails the start otherwise. */
export function closeForNew(
  current: Run,
  step: Step,
  policy: enums.WorkflowIdReusePolicy,
  newRunId: string,
): Rejection | undefined {
  if (!isOpen(current)) return reuseProblem(current, policy);
  if (policy !== WorkflowIdReusePolicy.TERMINATE_IF_RUNNING) return alreadyRunning(current);
  terminateForNew(current, step, newRunId);
  return undefined;
}

export function currentRun(workflow: Workflow): Run | undefined {
  return workflow.currentRunId === null ? undefined : workflow.runs.get(workflow.currentRunId);
}

export function startReply(run: Run, started: boolean): Replies["startWorkflow"] {
  // A paused run is running to whoever starts it, like in the reference server.
  const status = isOpen(run) ? WorkflowExecutionStatus.RUNNING : statusOf(run);
  return { runId: run.runId, firstRunId: run.start.firstRunId, started, status };
}

export function statusOf(run: Run): enums.WorkflowExecutionStatus {
  if (run.status.type === "closed") return run.status.status;
  return run.pause ? WorkflowExecutionStatus.PAUSED : WorkflowExecutionStatus.RUNNING;
}

/** Whether the first task would go to the version of the worker that asks for it. */
function mayHave(
  { namespaceId, workflowId }: Workflow,
  { routing }: Step,
  { taskQueue, versioningOverride }: StartRequest,
  { deploymentVersion }: Poller,
): boolean {
  const override = overrideOf(versioningOverride);
  const queue = { namespaceId, kind: "workflow", taskQueue: taskQueue?.name ?? "", workflowId } as const;
  const version = override && "version" in override ? override.version : routing.target(queue, false).version;
  return isSameVersion(version, deploymentVersion ?? null);
}

/** A repeated eager start gets its task again only while that is still the first one, first attempt. */
function isFirstTask(run: Run): boolean {
  return run.workflowTask.type === "started" && run.workflowTask.startedEventId === 3 && run.workflowTask.attempt === 1;
}

function conflictPolicy(request: StartRequest | SignalWithStartRequest, unspecified: Conflict): Conflict {
  if (request.workflowIdReusePolicy === WorkflowIdReusePolicy.TERMINATE_IF_RUNNING)
    return WorkflowIdConflictPolicy.TERMINATE_EXISTING;
  return request.workflowIdConflictPolicy === WorkflowIdConflictPolicy.UNSPECIFIED
    ? unspecified
    : request.workflowIdConflictPolicy;
}

function terminateForNew(run: Run, step: Step, newRunId: string): void {
  terminate(run, step, {
    reason: "TerminateIfRunning WorkflowIdReusePolicy",
    details: textPayloads(replacedBy(newRunId)),
    identity: "history-service",
  });
  sealBatch(run);
}

/** What the end of a run says of the start that ended it. */
export function replacedBy(newRunId: string): string {
  return `terminated by new runID: ${newRunId}`;
}

function alreadyRunning(run: Run): Rejection {
  return alreadyStarted(
    run,
    `Workflow execution is already running. WorkflowId: ${run.workflowId}, RunId: ${run.runId}.`,
  );
}

function alreadyStarted(run: Run, message: string): Rejection {
  return new Rejection(
    "ALREADY_EXISTS",
    message,
    detail(errordetails.WorkflowExecutionAlreadyStartedFailure, {
      startRequestId: run.start.requestId,
      runId: run.runId,
      firstExecutionRunId: run.start.firstRunId,
    }),
  );
}

const unsuccessful: readonly number[] = [
  WorkflowExecutionStatus.FAILED,
  WorkflowExecutionStatus.CANCELED,
  WorkflowExecutionStatus.TERMINATED,
  WorkflowExecutionStatus.TIMED_OUT,
];

function reuseProblem(closed: Run, policy: enums.WorkflowIdReusePolicy): Rejection | undefined {
  const ids = `WorkflowId: ${closed.workflowId}, RunId: ${closed.runId}.`;
  if (policy === WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY && !unsuccessful.includes(statusOf(closed))) {
    return alreadyStarted(
      closed,
      `Workflow execution already finished successfully. ${ids} Workflow Id reuse policy: allow duplicate workflow Id if last run failed.`,
    );
  }
  if (policy === WorkflowIdReusePolicy.REJECT_DUPLICATE) {
    return alreadyStarted(
      closed,
      `Workflow execution already finished. ${ids} Workflow Id reuse policy: reject duplicate workflow Id.`,
    );
  }
  return undefined;
}

function specOf(
  request: StartRequest | SignalWithStartRequest,
  runId: string,
  options: { eager: boolean; continued?: StartRequest },
): RunSpec {
  const callbacks = options.continued?.completionCallbacks ?? [];
  return {
    runId,
    namespace: request.namespace,
    workflowType: request.workflowType?.name ?? "",
    taskQueue: request.taskQueue?.name ?? "",
    input: request.input,
    header: request.header,
    memo: request.memo,
    searchAttributes: request.searchAttributes,
    executionTimeoutMs: durationMs(request.workflowExecutionTimeout),
    runTimeoutMs: durationMs(request.workflowRunTimeout),
    taskTimeoutMs: durationMs(request.workflowTaskTimeout),
    retryPolicy: request.retryPolicy,
    cronSchedule: request.cronSchedule,
    identity: request.identity,
    requestId: request.requestId,
    firstTaskBackoffMs: durationMs(request.workflowStartDelay),
    userMetadata: request.userMetadata,
    links: linksBesideCallbacks(request.links, callbacks),
    completionCallbacks: callbacks,
    heirloom: { ...nothing, override: overrideOf(request.versioningOverride) },
    priority: request.priority,
    eagerAccepted: options.eager,
    continuedFailure: options.continued?.continuedFailure,
    lastCompletionResult: options.continued?.lastCompletionResult,
    parent: null,
    followers: [],
    root: null,
    chain: null,
  };
}
