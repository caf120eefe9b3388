/** Starting a standalone activity, and what happens when its id is in use. */
import { durationMs, enums, errordetails, type workflowservice } from "@pawl/protocol";
import { newAttempts, resolveTimeouts } from "../activity/attempt.ts";
import { resolveRetryPolicy } from "../backoff.ts";
import { limits } from "../limits.ts";
import { detail, Rejection } from "../rejection.ts";
import type { Step } from "../step.ts";
import {
  noStandaloneChanges,
  type StandaloneActivity,
  type StandaloneRun,
  standaloneTaskOf,
} from "./standalone-run.ts";

type StartRequest = workflowservice.StartActivityExecutionRequest;
const { ActivityExecutionStatus, ActivityIdConflictPolicy, ActivityIdReusePolicy } = enums;

/** `started` is false when an existing run was found instead of a new one. */
export interface StandaloneStarted {
  readonly runId: string;
  readonly started: boolean;
}

export function currentStandalone({ currentRunId, runs }: StandaloneActivity): StandaloneRun | undefined {
  return currentRunId === null ? undefined : runs.get(currentRunId);
}

export function startStandalone(
  activity: StandaloneActivity,
  step: Step,
  request: StartRequest,
): StandaloneStarted | Rejection {
  const timeouts = resolveTimeouts(request, 0);
  if (typeof timeouts === "string") return new Rejection("INVALID_ARGUMENT", timeouts);
  const current = currentStandalone(activity);
  if (current) {
    const { runId, start, attachedRequestIds } = current;
    if (start.requestId === request.requestId || attachedRequestIds.includes(request.requestId))
      return { runId, started: false };
    if (current.status.type === "open") {
      if (request.idConflictPolicy !== ActivityIdConflictPolicy.USE_EXISTING) return alreadyStarted(current);
      return attach(current, request) ?? { runId, started: false };
    }
    if (!mayFollow(current.status.status, request.idReusePolicy)) return alreadyStarted(current);
  }
  const run = createStandalone(activity, step, request, timeouts);
  const task = standaloneTaskOf(run);
  if (task) step.dispatch(task);
  return { runId: run.runId, started: true };
}

function mayFollow(closed: enums.ActivityExecutionStatus, policy: enums.ActivityIdReusePolicy): boolean {
  if (policy === ActivityIdReusePolicy.REJECT_DUPLICATE) return false;
  return policy !== ActivityIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY || closed !== ActivityExecutionStatus.COMPLETED;
}

function alreadyStarted({ runId, start }: StandaloneRun): Rejection {
  return new Rejection(
    "ALREADY_EXISTS",
    "activity execution already started",
    detail(errordetails.ActivityExecutionAlreadyStartedFailure, { startRequestId: start.requestId, runId }),
  );
}

/** The existing run takes over what the request wants attached to it. */
function attach(run: StandaloneRun, { links, requestId, onConflictOptions }: StartRequest): Rejection | undefined {
  const added = onConflictOptions?.attachLinks ? links : [];
  if (run.links.length + added.length > limits.activityLinksMax)
    return new Rejection(
      "FAILED_PRECONDITION",
      `cannot attach more than ${limits.activityLinksMax} links to an activity (${run.links.length} already attached)`,
    );
  if (added.length === 0 && !onConflictOptions?.attachRequestId) return undefined;
  run.links = [...run.links, ...added];
  run.attachedRequestIds = [...run.attachedRequestIds, requestId].slice(-limits.attachedRequestIdsMax);
  run.changes.core = true;
  return undefined;
}

function createStandalone(
  activity: StandaloneActivity,
  step: Step,
  request: StartRequest,
  timeouts: Exclude<ReturnType<typeof resolveTimeouts>, string>,
): StandaloneRun {
  const { nowMs } = step;
  const startDelayMs = durationMs(request.startDelay);
  const firstAtMs = nowMs + startDelayMs;
  const run: StandaloneRun = {
    namespaceId: activity.namespaceId,
    activityId: activity.activityId,
    runId: step.newId(),
    start: {
      namespace: request.namespace,
      activityType: request.activityType?.name ?? "",
      scheduledAtMs: nowMs,
      requestId: request.requestId,
      userMetadata: request.userMetadata,
      searchAttributes: request.searchAttributes,
    },
    input: request.input,
    header: request.header,
    status: { type: "open" },
    deletion: null,
    startDelayMs,
    originalStartDelayMs: null,
    retry: null,
    attempts: newAttempts(
      {
        ...timeouts,
        taskQueue: request.taskQueue?.name ?? "",
        retryPolicy: resolveRetryPolicy(request.retryPolicy),
        priority: request.priority,
      },
      {
        scheduledAtMs: firstAtMs,
        status: { type: startDelayMs > 0 ? "backingOff" : "scheduled", dispatchAtMs: firstAtMs },
      },
    ),
    outcome: null,
    cancelRequest: null,
    terminationRequestId: null,
    lastRequestIds: {},
    links: request.links,
    attachedRequestIds: [],
    heartbeatCount: 0,
    sdk: { name: "", version: "" },
    stateTransitionCount: 0,
    wakeAtMs: Number.POSITIVE_INFINITY,
    sizeBytes: 0,
    partBytes: new Map(),
    changes: { ...noStandaloneChanges(), core: true, visibility: true, current: true },
  };
  run.changes.parts.add("i");
  activity.runs.set(run.runId, run);
  activity.currentRunId = run.runId;
  return run;
}
