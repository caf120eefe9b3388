/** `pawl activity pause`, `unpause`, `reset` and `update-options`: what operators do to an activity that is under way. */
import type { Init, RequestOf } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { decimal, integer, onOff, required, span, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Session } from "../session.ts";
import { batchFlags, refuseRate, startBatch } from "./target.ts";
import { optionalDuration } from "./workflow-start.ts";

export const ownerFlags = {
  activityId: required("id", "the activity", { short: "a" }),
  workflowId: text("id", "its workflow; without it a standalone activity", { short: "w" }),
  runId: text("id", "the run; default: the current one", { short: "r" }),
};

export const optionsFlags = {
  scheduleToCloseTimeout: span("how long it may take with all its attempts"),
  scheduleToStartTimeout: span("how long it may wait for a worker"),
  startToCloseTimeout: span("how long one attempt may take"),
  heartbeatTimeout: span("how long its worker may be silent"),
  retryInitialInterval: span("how long it waits after the first failure"),
  retryMaximumInterval: span("how long it waits at most"),
  retryBackoffCoefficient: decimal("factor", "how much longer each wait is than the one before"),
  retryMaximumAttempts: integer("count", "how often it is tried; 0 is without end"),
};

export function optionsOf(flags: Values<typeof optionsFlags>) {
  const retry = {
    ...(flags.retryInitialInterval !== undefined && { initialInterval: optionalDuration(flags.retryInitialInterval) }),
    ...(flags.retryMaximumInterval !== undefined && { maximumInterval: optionalDuration(flags.retryMaximumInterval) }),
    ...(flags.retryBackoffCoefficient !== undefined && { backoffCoefficient: flags.retryBackoffCoefficient }),
    ...(flags.retryMaximumAttempts !== undefined && { maximumAttempts: flags.retryMaximumAttempts }),
  };
  return {
    scheduleToCloseTimeout: optionalDuration(flags.scheduleToCloseTimeout),
    scheduleToStartTimeout: optionalDuration(flags.scheduleToStartTimeout),
    startToCloseTimeout: optionalDuration(flags.startToCloseTimeout),
    heartbeatTimeout: optionalDuration(flags.heartbeatTimeout),
    retryPolicy: Object.keys(retry).length > 0 ? retry : undefined,
  };
}

function who(session: Session) {
  return { namespace: session.namespace, identity: session.identity, requestId: session.requestId() };
}

/** By the methods that every server has for a workflow's activities, and by the newer ones for standalone activities. */
function ofWorkflow({ activityId, workflowId = "", runId = "" }: Values<typeof ownerFlags>) {
  return { execution: { workflowId, runId }, id: activityId };
}

function standalone({ activityId, runId = "" }: Values<typeof ownerFlags>) {
  return { activityId, runId };
}

/** One activity, or those of all workflows that a filter finds. */
const someFlags = {
  ...ownerFlags,
  activityId: text("id", "the activity; this or --query", { short: "a" }),
  ...batchFlags,
};

/** The one that is named; undefined when a filter names many. Throws {@link Failure}. */
function oneOf({
  activityId,
  workflowId,
  runId,
  query,
  rps,
}: Values<typeof someFlags>): Values<typeof ownerFlags> | undefined {
  if ((activityId === undefined) === (query === undefined))
    throw new Failure(
      "usage",
      "say which: --activity-id for one, or --query for those of all workflows that a filter finds",
    );
  if (activityId !== undefined) {
    refuseRate(rps, "--activity-id");
    return { activityId, workflowId, runId };
  }
  if (workflowId !== undefined || runId !== undefined)
    throw new Failure("usage", "--workflow-id and --run-id go with --activity-id, not with --query");
  return undefined;
}

const updateFlags = {
  ...someFlags,
  reason: text("words", "with --query: why; it is kept"),
  taskQueue: text("name", "the task queue of its workers", { short: "t" }),
  ...optionsFlags,
  startDelay: span("of a standalone activity that has not begun: how long after its start it does; 0s is at once"),
  restoreOriginalOptions: onOff("back to what it was scheduled with"),
};

/** The field masks of what is said anew. */
const masks: Readonly<Record<keyof typeof optionsFlags | "taskQueue" | "startDelay", string>> = {
  taskQueue: "task_queue.name",
  startDelay: "start_delay",
  scheduleToCloseTimeout: "schedule_to_close_timeout",
  scheduleToStartTimeout: "schedule_to_start_timeout",
  startToCloseTimeout: "start_to_close_timeout",
  heartbeatTimeout: "heartbeat_timeout",
  retryInitialInterval: "retry_policy.initial_interval",
  retryMaximumInterval: "retry_policy.maximum_interval",
  retryBackoffCoefficient: "retry_policy.backoff_coefficient",
  retryMaximumAttempts: "retry_policy.maximum_attempts",
};

async function updateOptions(session: Session, flags: Values<typeof updateFlags>): Promise<void> {
  const one = oneOf(flags);
  if (flags.startDelay !== undefined && (one === undefined || one.workflowId !== undefined))
    throw new Failure("usage", "--start-delay is for one standalone activity: without --workflow-id and --query");
  const keys = Object.keys(masks) as (keyof typeof masks)[];
  const paths = keys.filter((key) => flags[key] !== undefined).map((key) => masks[key]);
  const restoreOriginal = flags.restoreOriginalOptions;
  if (paths.length === 0 && !restoreOriginal)
    throw new Failure("usage", "say what to change, or --restore-original-options");
  if (paths.length > 0 && restoreOriginal)
    throw new Failure("usage", "--restore-original-options excludes all other changes");
  const { identity, namespace, requestId } = who(session);
  const taskQueue = flags.taskQueue === undefined ? undefined : { name: flags.taskQueue };
  const activityOptions = { ...optionsOf(flags), taskQueue, startDelay: optionalDuration(flags.startDelay) };
  const change: Pick<Init<RequestOf<"UpdateActivityOptions">>, "activityOptions" | "updateMask" | "restoreOriginal"> = {
    ...(restoreOriginal ? {} : { activityOptions, updateMask: { paths } }),
    restoreOriginal,
  };
  if (one === undefined)
    return startBatch(session, flags, { updateActivityOptionsOperation: { identity, matchAll: true, ...change } });
  const columns = [{ heading: "ActivityOptions", path: "activityOptions", kind: "json" as const }];
  if (flags.workflowId !== undefined) {
    const answer = await session.call("UpdateActivityOptions", {
      namespace,
      identity,
      ...ofWorkflow(one),
      ...change,
    });
    return session.output.thing(columns, await session.json("UpdateActivityOptions", answer));
  }
  const request = { namespace, identity, requestId, ...standalone(one), ...change };
  const answer = await session.call("UpdateActivityExecutionOptions", request);
  session.output.thing(columns, await session.json("UpdateActivityExecutionOptions", answer));
}

const reason = text("words", "why; it is kept");
const jitter = span("begin within this span rather than at once");

export const operatorCommands: readonly Definition[] = [
  define({
    path: "activity pause",
    summary: "Hold an activity back: no further attempt until it is unpaused",
    flags: { ...ownerFlags, reason },
    argument: "activityId",
    async run(session, flags) {
      const request = { ...who(session), reason: flags.reason ?? "" };
      if (flags.workflowId === undefined)
        await session.call("PauseActivityExecution", { ...request, ...standalone(flags) });
      else await session.call("PauseActivity", { ...request, ...ofWorkflow(flags) });
      session.output.say(`Paused activity ${flags.activityId}`);
    },
  }),
  define({
    path: "activity unpause",
    summary: "Let a paused activity go on",
    flags: { ...someFlags, reason, jitter },
    argument: "activityId",
    async run(session, flags) {
      const { requestId, ...caller } = who(session);
      const wait = { jitter: optionalDuration(flags.jitter) };
      const one = oneOf(flags);
      if (one === undefined) {
        const operation = { identity: caller.identity, matchAll: true, ...wait };
        return startBatch(session, flags, { unpauseActivitiesOperation: operation });
      }
      if (one.workflowId === undefined) {
        const request = { ...caller, requestId, reason: flags.reason ?? "", ...wait };
        await session.call("UnpauseActivityExecution", { ...request, ...standalone(one) });
      } else await session.call("UnpauseActivity", { ...caller, ...wait, ...ofWorkflow(one) });
      session.output.say(`Unpaused activity ${one.activityId}`);
    },
  }),
  define({
    path: "activity reset",
    summary: "Begin an activity's attempts anew, at once",
    flags: {
      ...{ ...someFlags, reason, jitter, keepPaused: onOff("a paused one stays paused") },
      clearHeartbeatDetails: onOff("forget what its heartbeats said"),
      restoreOriginalOptions: onOff("with the options that it was scheduled with"),
    },
    argument: "activityId",
    async run(session, flags) {
      const { requestId, ...caller } = who(session);
      const { keepPaused, clearHeartbeatDetails: resetHeartbeat, restoreOriginalOptions } = flags;
      const how = { keepPaused, resetHeartbeat, restoreOriginalOptions, jitter: optionalDuration(flags.jitter) };
      const one = oneOf(flags);
      if (one === undefined) {
        const operation = { identity: caller.identity, matchAll: true, resetAttempts: true, ...how };
        return startBatch(session, flags, { resetActivitiesOperation: operation });
      }
      if (one.workflowId === undefined)
        await session.call("ResetActivityExecution", { ...caller, requestId, ...how, ...standalone(one) });
      else await session.call("ResetActivity", { ...caller, ...how, ...ofWorkflow(one) });
      session.output.say(`Reset activity ${one.activityId}`);
    },
  }),
  define({
    path: "activity update-options",
    summary: "Change the options of an activity that is under way",
    flags: updateFlags,
    argument: "activityId",
    run: updateOptions,
  }),
];
