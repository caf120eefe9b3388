/** What requests about schedules must keep to. */
import type { Rejection } from "@pawl/engine";
import { enums, type googleProtobuf, type RequestOf, type schedule } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import {
  durationProblem,
  idProblem,
  invalid,
  isLonger,
  lengthProblem,
  memoProblem,
  priorityProblem,
  retryProblem,
  sizeProblem,
  taskQueueProblem,
} from "../field-rules.ts";
import { carriedProblem, timeoutsProblem } from "../workflow/start-rules.ts";

const overlapPolicies: readonly number[] = Object.values(enums.ScheduleOverlapPolicy);

export function scheduleIdProblem(scheduleId: string): Rejection | undefined {
  return scheduleId === "" ? invalid("ScheduleId is not set on request.") : sizeProblem("ScheduleId", scheduleId);
}

export function createProblem(request: RequestOf<"CreateSchedule">): Rejection | undefined {
  return (
    scheduleIdProblem(request.scheduleId) ??
    lengthProblem("RequestId", request.requestId) ??
    lengthProblem("Identity", request.identity) ??
    scheduleProblem(request.schedule) ??
    memoProblem(request.memo) ??
    (request.initialPatch && patchProblem(request.initialPatch))
  );
}

export function updateProblem(request: RequestOf<"UpdateSchedule">): Rejection | undefined {
  return (
    scheduleIdProblem(request.scheduleId) ??
    lengthProblem("RequestId", request.requestId) ??
    lengthProblem("Identity", request.identity) ??
    scheduleProblem(request.schedule) ??
    memoProblem(request.memo)
  );
}

function scheduleProblem(given: schedule.Schedule | undefined): Rejection | undefined {
  if (!given) return invalid("Schedule is not set on request.");
  const { policies, state } = given;
  return (
    actionProblem(given.action) ??
    overlapProblem(policies?.overlapPolicy) ??
    durationProblem("CatchupWindow", policies?.catchupWindow) ??
    notesProblem(state?.notes ?? "") ??
    ((state?.remainingActions ?? 0) < 0 ? invalid("RemainingActions is negative.") : undefined)
  );
}

function actionProblem(action: schedule.ScheduleAction | undefined): Rejection | undefined {
  const start = action?.startWorkflow;
  if (!start) return invalid("Schedule action is not set: StartWorkflow is the only one that there is.");
  if (start.cronSchedule !== "") return invalid("Scheduled workflow must not contain CronSchedule");
  const { UNSPECIFIED, ALLOW_DUPLICATE } = enums.WorkflowIdReusePolicy;
  if (start.workflowIdReusePolicy !== UNSPECIFIED && start.workflowIdReusePolicy !== ALLOW_DUPLICATE)
    return invalid("Scheduled workflow must not contain WorkflowIDReusePolicy");
  return (
    workflowIdProblem(start.workflowId) ??
    idProblem("WorkflowType", start.workflowType?.name) ??
    taskQueueProblem(start.taskQueue) ??
    timeoutsProblem(start) ??
    retryProblem(start.retryPolicy) ??
    priorityProblem(start.priority) ??
    carriedProblem(start)
  );
}

/** The time of each action is added to it. */
function workflowIdProblem(workflowId: string): Rejection | undefined {
  if (workflowId === "") return invalid("WorkflowId is not set on request.");
  return sizeProblem("WorkflowId", `${workflowId}-2026-01-01T00:00:00Z`);
}

export function patchProblem(patch: schedule.SchedulePatch): Rejection | undefined {
  const { triggerImmediately, backfillRequest, pause, unpause } = patch;
  const problem = notesProblem(pause) ?? notesProblem(unpause) ?? overlapProblem(triggerImmediately?.overlapPolicy);
  if (problem) return problem;
  if (backfillRequest.length > limits.backfillsOfPatchMax)
    return invalid(`BackfillRequest has more than ${limits.backfillsOfPatchMax} ranges.`);
  for (const { startTime, endTime, overlapPolicy } of backfillRequest) {
    const wrong = rangeProblem(startTime, endTime) ?? overlapProblem(overlapPolicy);
    if (wrong) return wrong;
  }
  return undefined;
}

export function rangeProblem(
  startTime: googleProtobuf.Timestamp | undefined,
  endTime: googleProtobuf.Timestamp | undefined,
): Rejection | undefined {
  if (!startTime) return invalid("StartTime is not set on request.");
  return endTime ? undefined : invalid("EndTime is not set on request.");
}

function notesProblem(notes: string): Rejection | undefined {
  return isLonger(notes, limits.scheduleNotesBytesMax) ? invalid("Schedule notes exceeds limit.") : undefined;
}

function overlapProblem(policy: number | undefined): Rejection | undefined {
  if (policy === undefined || overlapPolicies.includes(policy)) return undefined;
  return invalid(`OverlapPolicy ${policy} is none of those that there are.`);
}
