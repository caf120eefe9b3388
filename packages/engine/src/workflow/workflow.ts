/**
 * The laws of durable execution, as one function: `execute(workflow, command, step)` changes the state of a workflow and its runs, and returns
 * the reply or the rejection. It reads no clock, draws no randomness and waits for nothing.
 *
 *   E1. A rejection changed nothing.
 *   E2. Effects are only named; they happen after the commit.
 *   E3. If it throws, the state it was given must be thrown away and read again.
 */
import { enums, history } from "@pawl/protocol";
import {
  cancelActivity,
  completeActivity,
  failActivity,
  heartbeatActivity,
  startActivityTask,
} from "../activity/activity.ts";
import {
  pauseActivities,
  resetActivities,
  unpauseActivities,
  updateActivityOptions,
} from "../activity/activity-operator.ts";
import {
  childStartDelivered,
  receiveChildClosed,
  receiveParentClosed,
  receiveStartChild,
} from "../family/child-workflow.ts";
import { cancelDelivered, receiveCancel, receiveSignal, signalDelivered } from "../family/external-workflow.ts";
import { receiveEnd, receiveStart } from "../family/follower.ts";
import { limits } from "../limits.ts";
import { completionCallbackEnded } from "../nexus/completion-callback.ts";
import { cancelNexusOperationEnded } from "../nexus/nexus-cancellation.ts";
import { completeNexusOperation, startNexusOperationEnded } from "../nexus/nexus-operation.ts";
import { take } from "../outbox.ts";
import { Rejection } from "../rejection.ts";
import { resetRun } from "../reset/reset.ts";
import { describe } from "../run/describe.ts";
import { flushBuffer, sealBatch } from "../run/history.ts";
import { checkHistory } from "../run/run-size.ts";
import type { RunSelector } from "../state/execution.ts";
import type { Delivery, Message } from "../state/message.ts";
import { isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import { startWithUpdate } from "../update/start-with-update.ts";
import { admitUpdate, pollUpdate } from "../update/update.ts";
import type { Command, Replies, ReplyTo } from "../vocabulary.ts";
import {
  clearSticky,
  failStartedTask,
  scheduleWorkflowTask,
  startedTask,
  startWorkflowTask,
  taskNotFound,
} from "../workflow-task/workflow-task.ts";
import { completeWorkflowTask, failWorkflowTask } from "../workflow-task/workflow-task-completion.ts";
import { requestCancel, terminate } from "./close.ts";
import { deleteRun } from "./deletion.ts";
import { locate, locateActivity } from "./locate.ts";
import { pauseRun, unpauseRun } from "./pause.ts";
import { signal } from "./signal.ts";
import { currentRun, signalWithStart, startWorkflow } from "./start.ts";
import { nextWakeAtMs, wake } from "./wake.ts";
import { updateOptions } from "./workflow-options.ts";

export function execute<C extends Command>(workflow: Workflow, command: C, step: Step): ReplyTo<C> | Rejection {
  const reply = decide(workflow, command, step);
  for (const run of workflow.runs.values()) {
    checkHistory(run);
    if (isBufferFull(run)) endForBuffer(run, step);
    sealBatch(run);
    if (run.noticed) notice(run, step);
  }
  return reply as ReplyTo<C> | Rejection;
}

function isBufferFull({ buffered, changes }: Run): boolean {
  if (buffered.length > limits.bufferedEventsMax) return true;
  // One small event is the usual case, and the buffer grows by commands that change the run only.
  if (buffered.length < 2 || !changes.core) return false;
  return history.History.encode({ events: buffered }).length > limits.bufferedBytesMax;
}

/** Too much has happened while a worker holds the task: it is taken back, so that the next one sees what has come. */
function endForBuffer(run: Run, step: Step): void {
  const task = run.workflowTask;
  if (!isOpen(run) || task.type !== "started") return;
  const cause = enums.WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND;
  failStartedTask(run, step, task, { cause, failure: undefined, identity: "history-service" });
  // Before the next task is scheduled, which stays a later attempt, like in the reference server.
  flushBuffer(run, step.nowMs);
  scheduleWorkflowTask(run, step);
}

/** What only memory knows has changed: no commit will tell of it. */
function notice(run: Run, step: Step): void {
  const { runId, ended } = run;
  run.noticed = false;
  run.ended = [];
  run.wakeAtMs = nextWakeAtMs(run);
  step.effects.push({ type: "noticed", runId, ended });
}

/** The run that a command is about, when it is about one that exists already: what the caller must have loaded. */
export function selectorOf(command: Command): RunSelector | undefined {
  switch (command.type) {
    case "startWorkflow":
    case "signalWithStart":
    case "startWithUpdate":
      return undefined;
    case "receive":
      return "runId" in command.message ? command.message.runId : "";
    case "signal":
    case "requestCancel":
    case "terminate":
    case "update":
    case "reset":
    case "updateOptions":
      return command.request.workflowExecution?.runId ?? "";
    case "completeWorkflowTask":
    case "failWorkflowTask":
    case "confirmWorkflowTask":
      return command.task.runId;
    default:
      return "activity" in command ? command.activity.runId : command.runId;
  }
}

/** A reset of an older run ends the one that is open. */
export function needsCurrent({ type }: Command): boolean {
  return type === "reset";
}

function decide(workflow: Workflow, command: Command, step: Step): Replies[keyof Replies] | Rejection {
  if (command.type === "startWorkflow") return startWorkflow(workflow, step, command);
  if (command.type === "signalWithStart") return signalWithStart(workflow, step, command);
  if (command.type === "startWithUpdate") return startWithUpdate(workflow, step, command);
  if (command.type === "receive") return receive(workflow, command.message, step);
  const run = select(workflow, selectorOf(command)!);
  return run ? decideFor(run, workflow, command, step) : notFound(workflow, selectorOf(command)!);
}

type OfRun = Exclude<Command, { type: "startWorkflow" | "signalWithStart" | "startWithUpdate" | "receive" }>;

function decideFor(run: Run, workflow: Workflow, command: OfRun, step: Step): Replies[keyof Replies] | Rejection {
  switch (command.type) {
    case "signal":
      return signalRun(run, command.request, step);
    case "requestCancel":
      return cancelRun(run, command.request, step);
    case "terminate":
      return terminateRun(run, command.request, step);
    case "endOversized":
      return endOversized(run, command.reason, step);
    case "startWorkflowTask":
      return startWorkflowTask(run, step, command);
    case "completeWorkflowTask":
      return completeWorkflowTask(workflow, run, step, command);
    case "failWorkflowTask":
      return failWorkflowTask(run, step, command);
    case "confirmWorkflowTask":
      return startedTask(run, command.task) ? {} : taskNotFound;
    case "resetSticky":
      return resetSticky(run);
    case "update":
      return admitUpdate(run, step, command.request);
    case "pollUpdate":
      return pollUpdate(run, command.updateId);
    case "delivered":
      return delivered(run, step, command.messageId, command.delivery);
    case "startNexusOperationEnded":
      return startNexusOperationEnded(run, step, command);
    case "cancelNexusOperationEnded":
      return cancelNexusOperationEnded(run, step, command);
    case "completeNexusOperation":
      return completeNexusOperation(run, step, command);
    case "completionCallbackEnded":
      return completionCallbackEnded(run, step, command);
    case "pause":
      return pauseRun(run, step, command);
    case "unpause":
      return unpauseRun(run, step, command);
    case "updateOptions":
      return updateOptions(run, step, command.request);
    case "reset":
      return resetRun(workflow, run, step, command);
    case "delete":
      return deleteRun(run, step);
    case "wake":
      wake(workflow, run, step);
      return {};
    case "describe":
      return describe(run);
    case "locate":
      return locate(run);
    case "locateActivity":
      return locateActivity(run, command.activity);
    default:
      return decideForActivity(run, command, step);
  }
}

type OfActivity = Extract<OfRun, { type: `${string}Activity` | "startActivityTask" | "updateActivityOptions" }>;

function decideForActivity(
  run: Run,
  command: Exclude<OfActivity, { type: "locateActivity" }>,
  step: Step,
): Replies[keyof Replies] | Rejection {
  switch (command.type) {
    case "startActivityTask":
      return startActivityTask(run, step, command);
    case "completeActivity":
      return completeActivity(run, step, command);
    case "failActivity":
      return failActivity(run, step, command);
    case "cancelActivity":
      return cancelActivity(run, step, command);
    case "heartbeatActivity":
      return heartbeatActivity(run, step, command);
    case "pauseActivity":
      return pauseActivities(run, step, command);
    case "unpauseActivity":
      return unpauseActivities(run, step, command);
    case "resetActivity":
      return resetActivities(run, step, command);
    case "updateActivityOptions":
      return updateActivityOptions(run, step, command);
    default:
      return command satisfies never;
  }
}

const notForWorkflows: Delivery = {
  type: "refused",
  rejection: new Rejection("UNIMPLEMENTED", "workflows follow no workflows"),
};

/** What another execution says. That the receiver is gone is an answer too. */
function receive(workflow: Workflow, message: Message, step: Step): Delivery {
  if (message.type === "startChild") return receiveStartChild(workflow, step, message);
  if (message.type === "startWorkflow") return receiveStart(workflow, step, message);
  if (message.type === "workflowClosed") return notForWorkflows;
  const runId = "runId" in message ? message.runId : "";
  const run = select(workflow, runId);
  if (!run) return { type: "refused", rejection: notFound(workflow, runId) };
  switch (message.type) {
    case "signalExternal":
      return receiveSignal(run, step, message);
    case "cancelExternal":
      return receiveCancel(run, step, message);
    case "childClosed":
      return receiveChildClosed(run, step, message);
    case "parentClosed":
      return receiveParentClosed(run, step, message);
    case "endWorkflow":
      return receiveEnd(run, step, message);
    default:
      return message satisfies never;
  }
}

/** The receiver has answered: the sender forgets the message and records what its workflow must know. */
function delivered(run: Run, step: Step, messageId: number, delivery: Delivery): Replies["delivered"] {
  const message = take(run, messageId);
  if (message?.type === "startChild") childStartDelivered(run, step, message, delivery);
  else if (message?.type === "signalExternal") signalDelivered(run, step, message, delivery);
  else if (message?.type === "cancelExternal") cancelDelivered(run, step, message, delivery);
  return {};
}

function notFound({ workflowId }: Workflow, runId: RunSelector): Rejection {
  const message =
    runId === ""
      ? `workflow not found for ID: ${workflowId}`
      : `workflow execution not found for workflow ID "${workflowId}" and run ID "${runId}"`;
  return new Rejection("NOT_FOUND", message);
}

function select(workflow: Workflow, runId: RunSelector): Run | undefined {
  return runId === "" ? currentRun(workflow) : workflow.runs.get(runId);
}

const completed = new Rejection("NOT_FOUND", "workflow execution already completed");

function signalRun(
  run: Run,
  request: Extract<Command, { type: "signal" }>["request"],
  step: Step,
): Replies["signal"] | Rejection {
  if (!isOpen(run)) return completed;
  const { signalName, input, header, identity, requestId, links } = request;
  return signal(run, step, { signalName, input, header, identity, requestId, links }) ?? { runId: run.runId };
}

function cancelRun(
  run: Run,
  request: Extract<Command, { type: "requestCancel" }>["request"],
  step: Step,
): Replies["requestCancel"] | Rejection {
  if (isOtherChain(run, request.firstExecutionRunId)) return new Rejection("NOT_FOUND", "workflow execution not found");
  if (isOpen(run)) requestCancel(run, step, request);
  return {};
}

function terminateRun(
  run: Run,
  request: Extract<Command, { type: "terminate" }>["request"],
  step: Step,
): Replies["terminate"] | Rejection {
  if (isOtherChain(run, request.firstExecutionRunId)) return new Rejection("NOT_FOUND", "workflow execution not found");
  if (!isOpen(run)) return completed;
  terminate(run, step, {
    reason: request.reason,
    details: request.details,
    identity: request.identity,
    links: request.links,
  });
  return {};
}

function resetSticky(run: Run): Replies["resetSticky"] {
  clearSticky(run);
  return {};
}

/** Its size does not matter any more: a closed run has no limits. */
function endOversized(run: Run, reason: string, step: Step): Replies["endOversized"] | Rejection {
  if (!isOpen(run)) return completed;
  terminate(run, step, { reason, details: undefined, identity: "history-service" });
  return {};
}

function isOtherChain(run: Run, firstRunId: string): boolean {
  return firstRunId !== "" && run.start.firstRunId !== firstRunId;
}
