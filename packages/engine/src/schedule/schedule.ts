/** The laws of schedules: one switch over their commands, and the machine that the shard hosts. */
import {
  type common,
  durationMs,
  enums,
  errordetails,
  type Init,
  schedule,
  timestampMs,
  toDuration,
  type workflowservice,
} from "@pawl/protocol";
import { limits } from "../limits.ts";
import type { Machine } from "../machine.ts";
import { pendingMessages } from "../outbox.ts";
import { detail, Rejection } from "../rejection.ts";
import type { Delivery } from "../state/message.ts";
import type { Step } from "../step.ts";
import type { HostCommand, Replies } from "../vocabulary.ts";
import { advance, buffer, changeState, delivered, receiveClosed, skipUntil } from "./advance.ts";
import { conflictTokenOf, describeSchedule, matchingTimes, scheduleRecord } from "./schedule-describe.ts";
import { noScheduleChanges, type ScheduleExecution, type ScheduleRun, scheduleSender } from "./schedule-run.ts";
import { restoreSchedule, takeScheduleChanges } from "./schedule-snapshot.ts";
import { ruleCountOf, Spec, SpecError } from "./spec.ts";

type Patch = schedule.SchedulePatch;

export type ScheduleCommand =
  | HostCommand
  | { readonly type: "createSchedule"; readonly request: workflowservice.CreateScheduleRequest }
  | { readonly type: "updateSchedule"; readonly request: workflowservice.UpdateScheduleRequest }
  | {
      readonly type: "patchSchedule";
      readonly patch: Patch;
      readonly identity: string;
      /** A patch of the same one is dropped; "" is none. */
      readonly requestId: string;
    }
  | { readonly type: "describeSchedule" }
  | { readonly type: "listMatchingTimes"; readonly fromMs: number; readonly untilMs: number }
  | { readonly type: "deleteSchedule" };

export interface ScheduleReplies extends Pick<Replies, HostCommand["type"]> {
  createSchedule: { readonly conflictToken: Uint8Array };
  updateSchedule: Record<never, never>;
  patchSchedule: Record<never, never>;
  describeSchedule: Init<workflowservice.DescribeScheduleResponse>;
  /** In milliseconds, ascending. */
  listMatchingTimes: { readonly times: readonly number[] };
  deleteSchedule: Record<never, never>;
}

type Reply = ScheduleReplies[keyof ScheduleReplies] | Rejection;

function execute(execution: ScheduleExecution, command: ScheduleCommand, step: Step): Reply {
  if (command.type === "createSchedule") return createSchedule(execution, step, command.request);
  const run = execution.currentRunId === null ? undefined : execution.runs.get(execution.currentRunId);
  if (command.type === "receive") {
    if (!run || command.message.type !== "workflowClosed") return refused;
    return receiveClosed(run, step, command.message);
  }
  if (!run) return new Rejection("NOT_FOUND", `schedule not found: ${execution.scheduleId}`);
  switch (command.type) {
    case "updateSchedule":
      return updateSchedule(run, step, command.request);
    case "patchSchedule":
      return patchSchedule(run, step, command);
    case "describeSchedule":
      return describeSchedule(run);
    case "listMatchingTimes":
      return { times: timesBetween(run, command.fromMs, command.untilMs) };
    case "deleteSchedule":
      run.changes.deleted = true;
      run.changes.core = true;
      return {};
    case "wake":
      advance(run, step);
      return {};
    case "delivered":
      delivered(run, step, command.messageId, command.delivery);
      return {};
    default:
      return command satisfies never;
  }
}

/** Whoever sends it need not send it again: the schedule has gone, and with it whoever would have listened. */
const refused: Delivery = { type: "refused", rejection: new Rejection("NOT_FOUND", "schedule not found") };

/** The spec of a schedule with everything else that it says filled in; a Rejection when it cannot be. */
function compiled(given: schedule.Schedule | undefined): { spec: Spec; schedule: schedule.Schedule } | Rejection {
  try {
    const spec = new Spec(schedule.ScheduleSpec.create({ ...given?.spec }));
    // Not when one is read that was made before there were limits.
    checkSize(spec.canonical);
    const policies = schedule.SchedulePolicies.create({
      ...given?.policies,
      overlapPolicy: given?.policies?.overlapPolicy || enums.ScheduleOverlapPolicy.SKIP,
      catchupWindow: toDuration(catchupWindowMs(given?.policies)),
    });
    const state = schedule.ScheduleState.create({ ...given?.state });
    return { spec, schedule: { spec: spec.canonical, action: ofNormalQueue(given?.action), policies, state } };
  } catch (error) {
    if (error instanceof SpecError) return new Rejection("INVALID_ARGUMENT", `Invalid schedule spec: ${error.message}`);
    throw error;
  }
}

function checkSize(spec: schedule.ScheduleSpec): void {
  const ruleCount = ruleCountOf(spec);
  if (ruleCount > limits.scheduleRulesMax)
    throw new SpecError(`${ruleCount} calendars and intervals, where ${limits.scheduleRulesMax} are the most`);
  for (const { comment } of [...spec.structuredCalendar, ...spec.excludeStructuredCalendar])
    if (Buffer.byteLength(comment) > limits.calendarCommentBytesMax)
      throw new SpecError("invalid calendar spec: comment is too long");
}

function ofNormalQueue(action: schedule.ScheduleAction | undefined): schedule.ScheduleAction | undefined {
  const { startWorkflow } = action ?? {};
  if (!startWorkflow?.taskQueue) return action;
  const taskQueue = { ...startWorkflow.taskQueue, kind: enums.TaskQueueKind.NORMAL };
  return { startWorkflow: { ...startWorkflow, taskQueue } };
}

function catchupWindowMs(policies: schedule.SchedulePolicies | undefined): number {
  if (!policies?.catchupWindow) return limits.catchupWindowMsDefault;
  return Math.max(limits.catchupWindowMsMin, durationMs(policies.catchupWindow));
}

function createSchedule(
  execution: ScheduleExecution,
  step: Step,
  request: workflowservice.CreateScheduleRequest,
): ScheduleReplies["createSchedule"] | Rejection {
  const current = execution.currentRunId === null ? undefined : execution.runs.get(execution.currentRunId);
  if (current?.requestId === request.requestId) return { conflictToken: conflictTokenOf(current) };
  if (current) return alreadyRegistered(current);
  const ready = compiled(request.schedule);
  if (ready instanceof Rejection) return ready;
  const run: ScheduleRun = {
    namespaceId: execution.namespaceId,
    scheduleId: execution.scheduleId,
    runId: step.newId(),
    namespace: request.namespace,
    requestId: request.requestId,
    identity: request.identity,
    createdAtMs: step.nowMs,
    updatedAtMs: null,
    status: { type: "open" },
    version: 1,
    patchRequestIds: [],
    ...ready,
    memo: request.memo,
    searchAttributes: request.searchAttributes,
    seenUntilMs: step.nowMs,
    ...{ buffer: [], backfills: [], started: [], recent: [] },
    counts: { actions: 0, missedCatchupWindow: 0, overlapSkipped: 0, bufferDropped: 0 },
    ...{ lastResult: undefined, lastFailure: undefined, idleSinceMs: null },
    ...{ outbox: new Map(), lastMessageId: 0, wakeAtMs: Number.POSITIVE_INFINITY, sizeBytes: 0 },
    changes: { ...noScheduleChanges(), core: true, visibility: true, current: true },
  };
  execution.runs.set(run.runId, run);
  execution.currentRunId = run.runId;
  // Like the reference server's, it is that of the schedule as it was asked for: who goes on from there has not seen what the patch made of it.
  const conflictToken = conflictTokenOf(run);
  if (request.initialPatch) applyPatch(run, step, request.initialPatch);
  advance(run, step);
  return { conflictToken };
}

function alreadyRegistered({ scheduleId }: ScheduleRun): Rejection {
  return new Rejection(
    "ALREADY_EXISTS",
    `schedule ${JSON.stringify(scheduleId)} is already registered`,
    detail(errordetails.WorkflowExecutionAlreadyStartedFailure, {}),
  );
}

function updateSchedule(
  run: ScheduleRun,
  step: Step,
  request: workflowservice.UpdateScheduleRequest,
): ScheduleReplies["updateSchedule"] | Rejection {
  const { conflictToken, searchAttributes, memo, requestId } = request;
  if (isRepeated(run, requestId)) return {};
  if (conflictToken.length > 0 && !isEqual(conflictToken, conflictTokenOf(run)))
    return new Rejection("FAILED_PRECONDITION", "mismatched conflict token");
  const ready = compiled(request.schedule);
  if (ready instanceof Rejection) return ready;
  noteRequest(run, requestId);
  // What the new spec names in the past is past.
  skipUntil(run, step.nowMs);
  run.schedule = ready.schedule;
  run.spec = ready.spec;
  if (searchAttributes) run.searchAttributes = isEmpty(searchAttributes) ? undefined : searchAttributes;
  if (memo) run.memo = memo;
  run.updatedAtMs = step.nowMs;
  run.version += 1;
  run.changes.core = true;
  run.changes.visibility = true;
  advance(run, step);
  return {};
}

/** A change that is here already, asked for again by who has not heard that. */
function isRepeated(run: ScheduleRun, requestId: string): boolean {
  return requestId !== "" && run.patchRequestIds.includes(requestId);
}

function noteRequest(run: ScheduleRun, requestId: string): void {
  if (requestId !== "") run.patchRequestIds = [...run.patchRequestIds, requestId].slice(-limits.patchRequestIdsMax);
}

function isEmpty({ indexedFields }: common.SearchAttributes): boolean {
  return Object.keys(indexedFields).length === 0;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function patchSchedule(
  run: ScheduleRun,
  step: Step,
  { patch, requestId }: Extract<ScheduleCommand, { type: "patchSchedule" }>,
): ScheduleReplies["patchSchedule"] | Rejection {
  if (isRepeated(run, requestId)) return {};
  if (run.backfills.length + patch.backfillRequest.length > limits.backfillsMax)
    return new Rejection("FAILED_PRECONDITION", `too many concurrent backfillers: more than ${limits.backfillsMax}`);
  noteRequest(run, requestId);
  run.changes.core = true;
  applyPatch(run, step, patch);
  advance(run, step);
  return {};
}

function applyPatch(
  run: ScheduleRun,
  { nowMs }: Step,
  { triggerImmediately, backfillRequest, pause, unpause }: Patch,
): void {
  if (triggerImmediately) {
    const { scheduledTime, overlapPolicy } = triggerImmediately;
    const nominalMs = scheduledTime ? timestampMs(scheduledTime) : nowMs;
    buffer(run, { nominalMs, actualMs: nowMs, overlapPolicy, isManual: true });
  }
  for (const { startTime, endTime, overlapPolicy } of backfillRequest) {
    // A start that is a time of the spec is part of what is asked for.
    const backfill = { afterMs: timestampMs(startTime!) - 1, untilMs: timestampMs(endTime!), overlapPolicy };
    run.backfills = [...run.backfills, backfill];
    run.changes.core = true;
  }
  if (pause !== "") changeState(run, { paused: true, notes: pause });
  if (unpause !== "") {
    // What came while it was paused has been passed over.
    skipUntil(run, nowMs);
    changeState(run, { paused: false, notes: unpause });
  }
}

function timesBetween(run: ScheduleRun, fromMs: number, untilMs: number): number[] {
  return matchingTimes(run.spec, {
    afterMs: fromMs,
    untilMs,
    seed: run.scheduleId,
    countMax: limits.matchingTimesMax,
  });
}

export const scheduleMachine: Machine<ScheduleRun, ScheduleExecution, ScheduleCommand> = {
  empty: ({ namespaceId, businessId }, currentRunId) => ({
    namespaceId,
    scheduleId: businessId,
    currentRunId,
    runs: new Map(),
  }),
  selectorOf: () => "",
  execute,
  restore: restoreSchedule,
  takeChanges: takeScheduleChanges,
  listed: scheduleRecord,
  pendingEffects: (run) => pendingMessages(run, scheduleSender(run)),
  heldBy: () => "nobody",
  isPinned: () => false,
  memoryBytes: (run) => memoryBytesAtLeast + 3 * run.sizeBytes,
};

/** Measured on heaps of idle schedules; what a spec compiles to, and the run itself. */
const memoryBytesAtLeast = 2_500;
