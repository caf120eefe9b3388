/** A worker's answer to a workflow task: completed with commands, or failed. */
import { enums, failure, type protocol, type workflowservice } from "@pawl/protocol";
import { redispatchActivities } from "../activity/activity.ts";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import { causeName, clearTaskFailures } from "../run/derived-attribute.ts";
import { flushBuffer, trimTail, write, writeShownTask } from "../run/history.ts";
import { isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Sticky, WorkflowTask } from "../state/workflow-task.ts";
import type { Step } from "../step.ts";
import { applyMessage, giveUpSent, hasAdmitted, onlyReject, rejectUnanswered } from "../update/update.ts";
import { indexVersioning } from "../versioning/version-index.ts";
import {
  type Completer,
  completed,
  effectiveVersion,
  isSameVersion,
  isVersionPinned,
} from "../versioning/versioning.ts";
import { rememberBuild } from "../versioning/worker-build.ts";
import type { CommandOf, Replies } from "../vocabulary.ts";
import { terminate } from "../workflow/close.ts";
import { checkCommands, type Problem } from "./command-check.ts";
import { applyCommand, type Completion, dispatchScheduled } from "./worker-commands.ts";
import {
  dropSpeculative,
  failStartedTask,
  scheduleWorkflowTask,
  startedTask,
  taskNotFound,
  timeOutStartedTask,
} from "./workflow-task.ts";

type Started = Extract<WorkflowTask, { type: "started" }>;
type CompletedRequest = workflowservice.RespondWorkflowTaskCompletedRequest;
const { WorkflowTaskFailedCause: Cause } = enums;

const noEndpoints: ReadonlyMap<string, string> = new Map();

export function completeWorkflowTask(
  workflow: Workflow,
  run: Run,
  step: Step,
  { task: ref, request, nexusEndpointIds = noEndpoints, unfit }: CommandOf<"completeWorkflowTask">,
): Replies["completeWorkflowTask"] | Rejection {
  const task = startedTask(run, ref);
  if (!task) return taskNotFound;
  if (unfit) return refuseCompletion(run, step, task, { type: "failTask", ...unfit }, request);
  if (run.pause && request.forceCreateNewWorkflowTask)
    return new Rejection(
      "FAILED_PRECONDITION",
      "Workflow is paused and force create new workflow task is not allowed.",
    );
  const keepsAlive =
    request.forceCreateNewWorkflowTask && request.commands.length === 0 && request.messages.length === 0;
  if (keepsAlive && step.nowMs > task.originalScheduledAtMs + limits.workflowTaskHeartbeatMsMax)
    return endHeartbeat(run, step, task);
  const problem = checkCommands(run, request, nexusEndpointIds);
  if (problem) return refuseCompletion(run, step, task, problem, request);
  if (leavesNoTrace(run, task, request)) return dropTask(run, step, request);

  const { completedEventId, moved } = writeCompleted(run, step, task, request);
  const completion: Completion = {
    workflow,
    run,
    step,
    completedEventId,
    identity: request.identity,
    deploymentVersion: completerOf(request).version ?? undefined,
    eagerActivities: [],
    scheduled: [],
    messages: messagesById(request),
    nexusEndpointIds,
  };
  // A rejection leaves no event, so it may go first; its caller is to hear of it even when the workflow closes now.
  const loose = Map.groupBy(looseMessages(request), (message) => onlyReject([message]));
  for (const message of loose.get(true) ?? []) applyMessage(run, step, message);
  for (const one of request.commands) applyCommand(completion, one);
  // Nothing may follow the closing event: what the worker answers after it is too late for anybody.
  if (isOpen(run)) for (const message of loose.get(false) ?? []) applyMessage(run, step, message);
  if (isOpen(run) && !request.forceCreateNewWorkflowTask) rejectUnanswered(run);
  dispatchScheduled(completion);
  if (moved) redispatchActivities(run, step, completion.scheduled);
  const hadBuffered = flushBuffer(run, step.nowMs);
  // A transition that began while another version had this task is still to come.
  const inTransition = (run.versioning?.transition ?? null) !== null;
  const isDue = hadBuffered || request.forceCreateNewWorkflowTask || inTransition;
  const needsTask = isOpen(run) && (isDue || hasAdmitted(run));
  const newTask = needsTask
    ? scheduleWorkflowTask(run, step, {
        // One that the worker does not take along at once is written, so that it is not lost with the memory.
        speculative: !isDue && request.returnNewWorkflowTask,
        ...(keepsAlive && { originalScheduledAtMs: task.originalScheduledAtMs }),
        ...(!inTransition && !isPinnedElsewhere(run, request) && inlineFor(request)),
      })
    : undefined;
  return reply(run, { ...(newTask && { newTask }), eagerActivities: completion.eagerActivities });
}

/** A speculative task whose updates were all rejected, and over which nothing else happened, was never there. */
function leavesNoTrace(run: Run, task: Started, request: CompletedRequest): boolean {
  return (
    task.speculative &&
    !run.versioning?.transition &&
    run.buffered.length === 0 &&
    request.commands.length === 0 &&
    !request.forceCreateNewWorkflowTask &&
    mayShowAgain(run, request) &&
    onlyReject(request.messages)
  );
}

/**
 * Whether the events that came with a task may come with the next one as well: only to workers that say so, and not too many of them, or a
 * stream of updates that are all rejected would send them again and again.
 */
function mayShowAgain(run: Run, { capabilities }: CompletedRequest): boolean {
  // The last completed task's started event is followed by its completed event.
  const shownCount = run.nextEventId - run.lastCompletedStartedEventId - 2;
  return shownCount <= (capabilities?.discardSpeculativeWorkflowTaskWithEvents ? limits.eventsShownAgainMax : 0);
}

function dropTask(run: Run, step: Step, request: CompletedRequest): Replies["completeWorkflowTask"] {
  for (const message of request.messages) applyMessage(run, step, message);
  rejectUnanswered(run);
  dropSpeculative(run);
  const newTask = hasAdmitted(run)
    ? scheduleWorkflowTask(run, step, { speculative: true, ...inlineFor(request) })
    : undefined;
  return reply(run, { resetHistoryEventId: run.lastCompletedStartedEventId, ...(newTask && { newTask }) });
}

/** As the reference server calls the poll that there was none. */
const inlineRequestId = "request-from-RespondWorkflowTaskCompleted";

/** For a worker that wants the next task with the answer. */
function inlineFor(request: CompletedRequest) {
  if (!request.returnNewWorkflowTask) return {};
  return {
    inline: {
      identity: request.identity,
      requestId: inlineRequestId,
      workerVersion: request.workerVersionStamp,
      deploymentVersion: completerOf(request).version ?? undefined,
      onlyNew: request.forceCreateNewWorkflowTask,
    },
  };
}

/** Messages to which no command points are taken after all commands. */
function looseMessages({ commands, messages }: CompletedRequest): protocol.Message[] {
  const pointed = new Set(commands.flatMap((one) => one.protocolMessageCommandAttributes?.messageId ?? []));
  return messages.filter(({ id }) => !pointed.has(id));
}

function messagesById({ messages }: CompletedRequest): ReadonlyMap<string, protocol.Message> {
  return new Map(messages.map((message) => [message.id, message]));
}

function reply(run: Run, parts: Partial<Replies["completeWorkflowTask"]>): Replies["completeWorkflowTask"] {
  return {
    eagerActivities: [],
    resetHistoryEventId: 0,
    runId: run.runId,
    open: isOpen(run),
    hasPendingTask: run.workflowTask.type !== "none",
    ...parts,
  };
}

/** What the worker says of itself. One that is not versioned may still name its deployment. */
function completerOf({ deploymentOptions: options, versioningBehavior }: CompletedRequest): Completer {
  const isVersioned = options?.workerVersioningMode === enums.WorkerVersioningMode.VERSIONED;
  return {
    version: isVersioned ? { deploymentName: options.deploymentName, buildId: options.buildId } : null,
    deploymentName: options?.deploymentName ?? "",
    behavior: versioningBehavior,
  };
}

/** `moved`: activities that wait belong to another version than before. */
function writeCompleted(
  run: Run,
  step: Step,
  task: Started,
  request: CompletedRequest,
): { completedEventId: number; moved: boolean } {
  if (task.transient) writeShownTask(run, task);
  const { scheduledEventId, startedEventId } = task;
  const version = request.workerVersionStamp;
  const completer = completerOf(request);
  run.workflowTask = { type: "none" };
  run.workflowTaskAttempt = 1;
  clearTaskFailures(run);
  run.lastCompletedStartedEventId = startedEventId;
  run.sticky = stickyOf(request);
  if (version) run.lastWorkerVersion = version;
  trimTail(run);
  const completedEventId = write(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_TASK_COMPLETED,
    workflowTaskCompletedEventAttributes: {
      scheduledEventId,
      startedEventId,
      identity: request.identity,
      binaryChecksum: request.binaryChecksum,
      workerVersion: version,
      sdkMetadata: request.sdkMetadata,
      meteringMetadata: request.meteringMetadata,
      versioningBehavior: request.versioningBehavior,
      workerDeploymentName: completer.deploymentName,
      ...(completer.version && { deploymentVersion: completer.version }),
    },
  });
  const build = {
    buildId: completer.version?.buildId ?? version?.buildId ?? "",
    binaryChecksum: request.binaryChecksum,
    isVersioned: completer.version !== null,
  };
  rememberBuild(run, build, { eventId: completedEventId, atMs: step.nowMs });
  const moved = settleVersioning(run, completer, task);
  if (isPinnedElsewhere(run, request)) run.sticky = null;
  return { completedEventId, moved };
}

/** Whether the run was pinned to another version while this worker had its task: the next one is not for this worker. */
function isPinnedElsewhere({ versioning }: Run, request: CompletedRequest): boolean {
  return isVersionPinned(versioning) && !isSameVersion(effectiveVersion(versioning), completerOf(request).version);
}

function settleVersioning(run: Run, completer: Completer, task: Started): boolean {
  const before = run.versioning;
  run.versioning = completed(before, completer, task.deploymentVersion ?? null);
  if (!run.versioning) return false;
  indexVersioning(run, before);
  if (run.versioning.transition) return false;
  return !!before?.transition || !isSameVersion(effectiveVersion(before), effectiveVersion(run.versioning));
}

function stickyOf({ stickyAttributes }: CompletedRequest): Sticky | null {
  const queue = stickyAttributes?.workerTaskQueue?.name;
  if (!queue) return null;
  const timeout = stickyAttributes.scheduleToStartTimeout;
  return { queue, scheduleToStartTimeoutMs: timeout ? timeout.seconds * 1_000 + timeout.nanos / 1e6 : 0 };
}

/** A local activity that has kept its workflow task alive for too long. */
function endHeartbeat(run: Run, step: Step, task: Started): Replies["completeWorkflowTask"] {
  timeOutStartedTask(run, step, task);
  run.workflowTaskAttempt = 1;
  scheduleWorkflowTask(run, step);
  return reply(run, { refused: new Rejection("NOT_FOUND", "workflow task heartbeat timeout") });
}

function refuseCompletion(
  run: Run,
  step: Step,
  task: Started,
  problem: Problem,
  request: CompletedRequest,
): Replies["completeWorkflowTask"] | Rejection {
  if (problem.type === "refuse") return problem.rejection;
  const message =
    problem.cause === Cause.UNHANDLED_COMMAND ? problem.message : `${causeName(problem.cause)}: ${problem.message}`;
  const rejection = new Rejection("INVALID_ARGUMENT", message);
  const gaveUp = giveUpSent(run);
  // A worker that repeats its mistake is not recorded again: the task is left to time out.
  if (task.attempt > 1 && problem.cause !== Cause.UNHANDLED_COMMAND)
    return gaveUp ? reply(run, { refused: rejection }) : rejection;
  failStartedTask(run, step, task, {
    cause: problem.cause,
    failure: failure.Failure.create({
      message,
      serverFailureInfo: { nonRetryable: false },
    }),
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
  });
  if (problem.type === "terminate")
    terminate(run, step, { reason: message, details: undefined, identity: "history-service" });
  else scheduleWorkflowTask(run, step);
  return reply(run, { refused: rejection });
}

export function failWorkflowTask(
  run: Run,
  step: Step,
  { task: ref, request }: CommandOf<"failWorkflowTask">,
): Replies["failWorkflowTask"] | Rejection {
  const task = startedTask(run, ref);
  if (!task) return taskNotFound;
  if (request.cause === Cause.GRPC_MESSAGE_TOO_LARGE) {
    // No worker can ever send this completion.
    terminate(run, step, { reason: "GrpcMessageTooLarge", details: undefined, identity: "history-service" });
    return {};
  }
  failStartedTask(run, step, task, {
    cause: request.cause,
    failure: request.failure,
    identity: request.identity,
    binaryChecksum: request.binaryChecksum,
  });
  scheduleWorkflowTask(run, step);
  return {};
}
