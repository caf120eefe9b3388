/** The laws of standalone activities: one switch over their commands, and the machine that the shard hosts. */
import type { workflowservice } from "@pawl/protocol";
import type { Machine } from "../machine.ts";
import { Rejection } from "../rejection.ts";
import type { RunSelector } from "../state/execution.ts";
import type { Delivery } from "../state/message.ts";
import type { Step } from "../step.ts";
import type { CommandOf, HostCommand, Replies } from "../vocabulary.ts";
import { deleteDue } from "../workflow/deletion.ts";
import {
  cancelStandalone,
  completeStandalone,
  failStandalone,
  heartbeatStandalone,
  locateStandalone,
  notFound,
  startStandaloneTask,
  wakeStandalone,
} from "./standalone-answers.ts";
import { describeStandalone, type StandaloneDescription, standaloneRecord } from "./standalone-describe.ts";
import {
  deleteStandalone,
  type EndRequest,
  pauseStandalone,
  requestCancelStandalone,
  resetStandalone,
  terminateStandalone,
  unpauseStandalone,
  updateStandaloneOptions,
} from "./standalone-operator.ts";
import { type StandaloneActivity, type StandaloneRun, standaloneTaskOf } from "./standalone-run.ts";
import { restoreStandalone, takeStandaloneChanges } from "./standalone-snapshot.ts";
import { currentStandalone, type StandaloneStarted, startStandalone } from "./standalone-start.ts";

/** Commands that a workflow understands of its activities, too. */
type SharedType =
  | "startActivityTask"
  | "completeActivity"
  | "failActivity"
  | "cancelActivity"
  | "heartbeatActivity"
  | "locateActivity"
  | "pauseActivity"
  | "unpauseActivity"
  | "resetActivity"
  | "updateActivityOptions"
  | "delete";

export type StandaloneCommand =
  | HostCommand
  | CommandOf<SharedType>
  | { readonly type: "startActivity"; readonly request: workflowservice.StartActivityExecutionRequest }
  | ({ readonly type: "requestCancelActivity"; readonly runId: RunSelector } & EndRequest)
  | ({ readonly type: "terminateActivity"; readonly runId: RunSelector } & EndRequest)
  | { readonly type: "describeActivity"; readonly runId: RunSelector };

export interface StandaloneReplies extends Pick<Replies, SharedType | HostCommand["type"]> {
  startActivity: StandaloneStarted;
  requestCancelActivity: Record<never, never>;
  terminateActivity: Record<never, never>;
  describeActivity: StandaloneDescription;
}

type Reply = StandaloneReplies[keyof StandaloneReplies] | Rejection;

function selectorOf(command: StandaloneCommand): RunSelector | undefined {
  switch (command.type) {
    case "startActivity":
      return undefined;
    case "receive":
      return "";
    default:
      return "activity" in command ? command.activity.runId : command.runId;
  }
}

/** Nothing is sent to activities, and they send nothing. */
const noReceiver: Delivery = {
  type: "refused",
  rejection: new Rejection("UNIMPLEMENTED", "activities take no messages"),
};

function executeStandalone(activity: StandaloneActivity, command: StandaloneCommand, step: Step): Reply {
  if (command.type === "startActivity") return startStandalone(activity, step, command.request);
  if (command.type === "receive") return noReceiver;
  const runId = selectorOf(command) ?? "";
  const run = runId === "" ? currentStandalone(activity) : activity.runs.get(runId);
  if (!run) return notFound(activity.activityId);
  switch (command.type) {
    case "startActivityTask":
      return startStandaloneTask(run, step, command);
    case "completeActivity":
      return completeStandalone(run, step, command);
    case "failActivity":
      return failStandalone(run, step, command);
    case "cancelActivity":
      return cancelStandalone(run, step, command);
    case "heartbeatActivity":
      return heartbeatStandalone(run, step, command);
    case "requestCancelActivity":
      return requestCancelStandalone(run, step, command);
    case "terminateActivity":
      return terminateStandalone(run, step, command);
    case "pauseActivity":
      return pauseStandalone(run, step, command);
    case "unpauseActivity":
      return unpauseStandalone(run, step, command);
    case "resetActivity":
      return resetStandalone(run, step, command);
    case "updateActivityOptions":
      return updateStandaloneOptions(run, step, command);
    case "locateActivity":
      return locateStandalone(run, command);
    case "describeActivity":
      return describeStandalone(run);
    case "delete":
      return deleteStandalone(run, step);
    case "wake":
      if (run.status.type === "closed") deleteDue(run, step);
      else wakeStandalone(run, step);
      return {};
    case "delivered":
      return {};
    default:
      return command satisfies never;
  }
}

const idleRunBytes = 2_000;

export const standaloneMachine: Machine<StandaloneRun, StandaloneActivity, StandaloneCommand> = {
  empty: ({ namespaceId, businessId }, currentRunId) => ({
    namespaceId,
    activityId: businessId,
    currentRunId,
    runs: new Map(),
  }),
  selectorOf,
  execute: executeStandalone,
  restore: restoreStandalone,
  takeChanges: takeStandaloneChanges,
  listed: standaloneRecord,
  pendingEffects: (run) => {
    const task = standaloneTaskOf(run);
    return task ? [{ type: "dispatch", task }] : [];
  },
  heldBy: ({ status, attempts }) =>
    status.type === "open" && attempts.status.type === "started" ? "activity" : "nobody",
  isPinned: () => false,
  memoryBytes: (run) => idleRunBytes + run.sizeBytes,
};
