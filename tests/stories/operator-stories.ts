/** What operators do to pending activities, and what workers, workflows and whoever looks on see of it. */
import type { Init, RequestOf } from "@pawl/protocol";
import { activity, applicationFailure, cancelActivity, complete, seconds, text } from "./requests.ts";
import { type ActivityTask, type Play, type Story, story } from "./story.ts";

type Attributes = Parameters<typeof activity>[1];
type Operation = "PauseActivity" | "UnpauseActivity" | "ResetActivity" | "UpdateActivityOptions";
type Extra<O extends Operation> = Init<RequestOf<O>>;

const later = { initialInterval: seconds(60) };
const quick = { initialInterval: seconds(0.2), backoffCoefficient: 1 };

const operations: readonly Operation[] = ["PauseActivity", "UnpauseActivity", "ResetActivity", "UpdateActivityOptions"];

const pauseStories: readonly Story[] = [
  story("pause-waiting", "a paused activity is given to nobody until it goes on", async (s) => {
    await scheduled(s, { scheduleToStartTimeout: seconds(30), retryPolicy: { ...quick, maximumAttempts: 7 } });
    await operate(s, "PauseActivity");
    await s.describe();
    await s.noActivityTask();
    await operate(s, "UnpauseActivity");
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("pause-running", "an activity hears by heartbeat that it is paused, and fails into the pause", async (s) => {
    await scheduled(s, { heartbeatTimeout: seconds(10), retryPolicy: quick });
    const first = await s.activityTask();
    await operate(s, "PauseActivity");
    await s.describe();
    await heartbeat(s, first, "half");
    await s.describe();
    await failActivity(s, first);
    await s.describe();
    await s.noActivityTask();
    await s.describe();
    await operate(s, "UnpauseActivity");
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("pause-ended-completed", "an activity that is to pause may complete all the same", async (s) => {
    await scheduled(s);
    const running = await s.activityTask();
    await operate(s, "PauseActivity");
    await completeActivity(s, running);
    await s.describe();
    await s.step([complete()]);
  }),

  story(
    "pause-running-fails",
    "the last attempt of an activity that is to pause fails into the pause too",
    async (s) => {
      await scheduled(s, { retryPolicy: { maximumAttempts: 1 } });
      const running = await s.activityTask();
      await operate(s, "PauseActivity");
      await failActivity(s, running);
      await s.describe();
      await operate(s, "UnpauseActivity");
      await s.describe();
      await failActivity(s, await s.activityTask(), "second");
      await s.step([complete()]);
    },
  ),

  story("pause-ended-not-retryable", "what must not be retried fails for good, pause or not", async (s) => {
    await scheduled(s, { retryPolicy: { nonRetryableErrorTypes: ["Broken"] } });
    const running = await s.activityTask();
    await operate(s, "PauseActivity");
    await failActivity(s, running);
    await s.step([complete()]);
  }),

  story("pause-running-late", "the time for the whole activity does not end in a pause", async (s) => {
    await scheduled(s, { scheduleToCloseTimeout: seconds(2), retryPolicy: later });
    const running = await s.activityTask();
    await operate(s, "PauseActivity");
    await failActivity(s, running);
    await s.describe();
    await s.noActivityTask();
    await s.noActivityTask();
    await s.describe();
  }),

  story("pause-running-times-out", "an attempt that is to pause times out into the pause", async (s) => {
    await scheduled(s, { startToCloseTimeout: seconds(1), retryPolicy: quick });
    await s.activityTask();
    await operate(s, "PauseActivity");
    await s.noActivityTask();
    await s.describe();
  }),

  story("pause-backoff", "an activity between two attempts is paused", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await operate(s, "PauseActivity");
    await s.describe();
    await operate(s, "UnpauseActivity");
    await s.describe();
  }),

  story("pause-backoff-over", "a backoff that ends in the pause starts no attempt", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    await failActivity(s, await s.activityTask());
    await operate(s, "PauseActivity");
    await s.noActivityTask();
    await s.describe();
    await operate(s, "UnpauseActivity");
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("pause-schedule-to-start", "nobody is late to start what is paused", async (s) => {
    await scheduled(s, { scheduleToStartTimeout: seconds(1) });
    await operate(s, "PauseActivity");
    await s.noActivityTask();
    await s.describe();
    await operate(s, "UnpauseActivity");
    await s.step([complete()]);
  }),

  story("pause-schedule-to-close", "the time for the whole activity in a pause", async (s) => {
    await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(1) });
    await operate(s, "PauseActivity");
    await s.noActivityTask();
    await s.describe();
    await operate(s, "UnpauseActivity");
    await s.step([complete()]);
  }),

  story("pause-by-type", "all activities of a type are paused and go on", async (s) => {
    await s.start();
    await s.step([
      activity(`${s.name}-a`, { activityId: "a" }),
      activity(`${s.name}-b`, { activityId: "b" }),
      activity(s.name, { activityId: "other", activityType: { name: "Other" } }),
    ]);
    await operate(s, "PauseActivity", { id: undefined, type: "Act" });
    await completeActivity(s, await s.activityTask());
    await s.describe();
    await s.noActivityTask(`${s.name}-a`);
    await operate(s, "UnpauseActivity", { id: undefined, type: "Act" });
    await completeActivity(s, await s.activityTask(`${s.name}-a`));
    await completeActivity(s, await s.activityTask(`${s.name}-b`));
    await s.step([complete()]);
  }),

  story("pause-twice", "an activity is paused again", async (s) => {
    await scheduled(s);
    await operate(s, "PauseActivity", { requestId: "first" });
    await operate(s, "PauseActivity", { requestId: "first" });
    await operate(s, "PauseActivity", { requestId: "second", reason: "another" });
    await operate(s, "PauseActivity", { requestId: "" });
    await operate(s, "PauseActivity", { id: undefined, type: "Act" });
    await s.describe();
    await operate(s, "UnpauseActivity");
    await operate(s, "UnpauseActivity");
    await s.describe();
  }),

  story("pause-ended-cancelled", "a paused activity is cancelled at once", async (s) => {
    await scheduled(s);
    await operate(s, "PauseActivity");
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.step([complete()]);
  }),

  story("pause-ended-cancel-running", "a running activity is to pause and then to be cancelled", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const running = await s.activityTask();
    await operate(s, "PauseActivity");
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.describe();
    await heartbeat(s, running, "late");
    await failActivity(s, running);
    await s.step([complete()]);
  }),

  story("pause-ended-by-id", "a paused activity is completed by its ids", async (s) => {
    await scheduled(s);
    await operate(s, "PauseActivity");
    await s.attempt("RespondActivityTaskCompletedById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      result: text("by id"),
      identity: "person",
    });
  }),

  story("pause-ended-closed", "a workflow closes over a paused activity", async (s) => {
    await scheduled(s);
    await s.signal("go");
    const task = await s.workflowTask();
    await operate(s, "PauseActivity");
    await s.complete(task, [complete()]);
  }),
];

const unpauseStories: readonly Story[] = [
  story("unpause-resets", "an activity goes on from its first attempt, without its heartbeat", async (s) => {
    await scheduled(s, { retryPolicy: later });
    const first = await s.activityTask();
    await heartbeat(s, first, "half");
    await failActivity(s, first);
    await operate(s, "PauseActivity");
    await operate(s, "UnpauseActivity", { resetAttempts: true, resetHeartbeat: true });
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("unpause-keeps", "an activity goes on with its heartbeat and attempts", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const first = await s.activityTask();
    await heartbeat(s, first, "half");
    await operate(s, "PauseActivity");
    await failActivity(s, first);
    await operate(s, "UnpauseActivity");
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("unpause-running", "an activity that is to pause goes on before it did", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const first = await s.activityTask();
    await operate(s, "PauseActivity");
    await operate(s, "UnpauseActivity", { resetAttempts: true });
    await s.describe();
    await heartbeat(s, first, "half");
    await failActivity(s, first);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("unpause-jitter", "an activity goes on after a random wait", async (s) => {
    await scheduled(s);
    await operate(s, "PauseActivity");
    await operate(s, "UnpauseActivity", { jitter: seconds(1) });
    await completeActivity(s, await s.activityTask());
    await operate(s, "UnpauseActivity", { jitter: seconds(-1) });
    await s.step([complete()]);
  }),

  story("unpause-all", "all activities go on", async (s) => {
    await s.start();
    await s.step([
      activity(`${s.name}-a`, { activityId: "a" }),
      activity(s.name, { activityId: "other", activityType: { name: "Other" } }),
    ]);
    await operate(s, "PauseActivity", { id: undefined, type: "Act" });
    await operate(s, "PauseActivity", { id: "other" });
    await s.describe();
    await operate(s, "UnpauseActivity", { id: undefined, unpauseAll: true });
    await s.describe();
    await completeActivity(s, await s.activityTask(`${s.name}-a`));
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),
];

const resetStories: readonly Story[] = [
  story("reset-backoff", "an activity between two attempts starts from the first", async (s) => {
    await scheduled(s, { retryPolicy: later });
    const first = await s.activityTask();
    await heartbeat(s, first, "half");
    await failActivity(s, first);
    await operate(s, "ResetActivity");
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-backoff-heartbeat", "an activity starts from the first attempt without its heartbeat", async (s) => {
    await scheduled(s, { retryPolicy: later });
    const first = await s.activityTask();
    await heartbeat(s, first, "half");
    await failActivity(s, first);
    await operate(s, "ResetActivity", { resetHeartbeat: true });
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-running", "a running activity hears by heartbeat that it is reset", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const first = await s.activityTask();
    await heartbeat(s, first, "before");
    await operate(s, "ResetActivity");
    await s.describe();
    await heartbeat(s, first, "after");
    await failActivity(s, first);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-running-later", "an activity is reset whose second attempt runs", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    await failActivity(s, await s.activityTask());
    const second = await s.activityTask();
    await operate(s, "ResetActivity");
    await s.describe();
    const request = { namespace: "default", taskToken: second.taskToken, identity: "worker" };
    await s.attempt("RecordActivityTaskHeartbeat", request);
    await s.attempt("RespondActivityTaskCompleted", request);
  }),

  story("reset-running-heartbeat", "the attempt after a reset knows no heartbeat of before", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const first = await s.activityTask();
    await heartbeat(s, first, "before");
    await operate(s, "ResetActivity", { resetHeartbeat: true });
    await s.describe();
    await heartbeat(s, first, "after");
    await failActivity(s, first);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-last-attempt", "a reset gives an activity all its attempts anew", async (s) => {
    await scheduled(s, { retryPolicy: { ...quick, maximumAttempts: 2 } });
    const running = await s.activityTask();
    await operate(s, "ResetActivity");
    await failActivity(s, running, "reset");
    await failActivity(s, await s.activityTask(), "again");
    await s.step([complete()]);
  }),

  story("reset-completes", "a reset activity may complete all the same", async (s) => {
    await scheduled(s);
    const running = await s.activityTask();
    await operate(s, "ResetActivity");
    await completeActivity(s, running);
    await s.step([complete()]);
  }),

  story("reset-paused", "a reset ends a pause", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await operate(s, "PauseActivity");
    await operate(s, "ResetActivity");
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-keeps-paused", "a reset that keeps the pause", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await operate(s, "PauseActivity");
    await operate(s, "ResetActivity", { keepPaused: true });
    await s.describe();
    await s.noActivityTask();
    await operate(s, "UnpauseActivity");
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("reset-paused-running", "a reset of a running activity that is to pause", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const running = await s.activityTask();
    await operate(s, "PauseActivity");
    await operate(s, "ResetActivity", { keepPaused: true });
    await s.describe();
    await heartbeat(s, running, "half");
    await operate(s, "ResetActivity");
    await s.describe();
    await heartbeat(s, running, "half");
  }),

  story("reset-all", "all activities are reset, and those of a type", async (s) => {
    await s.start();
    await s.step([
      activity(`${s.name}-a`, { activityId: "a", retryPolicy: later }),
      activity(s.name, { activityId: "other", activityType: { name: "Other" }, retryPolicy: later }),
    ]);
    await failActivity(s, await s.activityTask());
    await failActivity(s, await s.activityTask(`${s.name}-a`));
    await operate(s, "ResetActivity", { id: undefined, type: "Other" });
    await s.describe();
    await operate(s, "ResetActivity", { id: undefined, matchAll: true });
    await s.describe();
  }),

  story("reset-restores-options", "a reset gives an activity the options of its command again", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await update(s, { startToCloseTimeout: seconds(77) }, ["start_to_close_timeout"]);
    await operate(s, "ResetActivity", { restoreOriginalOptions: true });
    await s.describe();
    await s.activityTask();
  }),
];

const optionStories: readonly Story[] = [
  story("options-all", "every option of an activity is changed", async (s) => {
    await scheduled(s, {
      scheduleToCloseTimeout: seconds(500),
      scheduleToStartTimeout: seconds(400),
      retryPolicy: later,
    });
    await failActivity(s, await s.activityTask());
    await update(s, { scheduleToCloseTimeout: seconds(300) }, ["schedule_to_close_timeout"]);
    await update(s, { scheduleToStartTimeout: seconds(200) }, ["scheduleToStartTimeout"]);
    await update(s, { startToCloseTimeout: seconds(100) }, ["start_to_close_timeout"]);
    await update(s, { heartbeatTimeout: seconds(50) }, ["heartbeat_timeout"]);
    await update(s, { retryPolicy: { maximumAttempts: 9 } }, ["retry_policy.maximum_attempts"]);
    await update(s, { retryPolicy: { backoffCoefficient: 3 } }, ["retry_policy.backoff_coefficient"]);
    await update(s, { retryPolicy: { maximumInterval: seconds(90) } }, ["retry_policy.maximum_interval"]);
    await update(s, { retryPolicy: { initialInterval: seconds(70) } }, ["retry_policy.initial_interval"]);
    await s.describe();
    await update(s, { taskQueue: { name: `${s.name}-other` }, priority: { priorityKey: 2 } }, [
      "task_queue.name",
      "priority",
    ]);
    await s.describe();
  }),

  story("options-queue", "an activity that waits is given to workers of its new task queue", async (s) => {
    await scheduled(s);
    await update(s, { taskQueue: { name: `${s.name}-other` } }, ["task_queue.name"]);
    await s.noActivityTask();
    await completeActivity(s, await s.activityTask(`${s.name}-other`));
    await s.step([complete()]);
  }),

  story("options-running", "a running attempt under changed options", async (s) => {
    await scheduled(s, { retryPolicy: { ...quick, maximumAttempts: 5 } });
    await s.activityTask();
    await update(s, { startToCloseTimeout: seconds(1), retryPolicy: { maximumAttempts: 1 } }, [
      "start_to_close_timeout",
      "retry_policy.maximum_attempts",
    ]);
    await s.describe();
    await s.step([complete()]);
  }),

  story("options-next-attempt", "the attempt after a change of options is told of them", async (s) => {
    await scheduled(s, { heartbeatTimeout: seconds(8), retryPolicy: quick });
    await failActivity(s, await s.activityTask());
    const changed = {
      startToCloseTimeout: seconds(90),
      heartbeatTimeout: seconds(30),
      retryPolicy: { maximumAttempts: 7 },
    };
    await update(s, changed, ["start_to_close_timeout", "heartbeat_timeout", "retry_policy.maximum_attempts"]);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("options-restore", "an activity gets the options of its command again", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await update(s, { startToCloseTimeout: seconds(77) }, ["start_to_close_timeout"]);
    await operate(s, "UpdateActivityOptions", { restoreOriginal: true, updateMask: { paths: [] } });
    await s.describe();
    await operate(s, "UpdateActivityOptions", {
      restoreOriginal: true,
      activityOptions: { startToCloseTimeout: seconds(77) },
      updateMask: { paths: ["start_to_close_timeout"] },
    });
  }),

  story("options-by-type", "the options of all activities of a type are changed", async (s) => {
    await s.start();
    await s.step([
      activity(s.name, { activityId: "a" }),
      activity(s.name, { activityId: "other", activityType: { name: "Other" } }),
    ]);
    const options = { activityOptions: { startToCloseTimeout: seconds(77) } };
    const updateMask = { paths: ["start_to_close_timeout"] };
    await operate(s, "UpdateActivityOptions", { id: undefined, type: "Other", ...options, updateMask });
    await s.describe();
    await operate(s, "UpdateActivityOptions", { id: undefined, matchAll: true, ...options, updateMask });
    await s.describe();
  }),

  story("options-bad", "options that no activity can have are refused", async (s) => {
    await scheduled(s, { retryPolicy: later });
    await failActivity(s, await s.activityTask());
    await update(s, { startToCloseTimeout: seconds(-1) }, ["start_to_close_timeout"]);
    await update(s, { heartbeatTimeout: seconds(-1) }, ["heartbeat_timeout"]);
    await update(s, { startToCloseTimeout: seconds(0) }, ["start_to_close_timeout"]);
    await update(s, { heartbeatTimeout: seconds(5_000) }, ["heartbeat_timeout"]);
    await update(s, { retryPolicy: { backoffCoefficient: 0.5 } }, ["retry_policy.backoff_coefficient"]);
    await update(s, { retryPolicy: { initialInterval: seconds(-1) } }, ["retry_policy.initial_interval"]);
    await update(s, { retryPolicy: { maximumAttempts: -1 } }, ["retry_policy.maximum_attempts"]);
    await update(s, { taskQueue: { name: "" } }, ["task_queue.name"]);
    await update(s, undefined, ["start_to_close_timeout"]);
    await update(s, {}, ["task_queue.name"]);
    await update(s, {}, ["retry_policy.maximum_attempts"]);
    await update(s, { startToCloseTimeout: seconds(7) }, ["no_such_field"]);
    await update(s, { startToCloseTimeout: seconds(7) }, []);
    await operate(s, "UpdateActivityOptions", { activityOptions: { startToCloseTimeout: seconds(7) } });
    await operate(s, "UpdateActivityOptions");
    await s.describe();
  }),
];

export const operatorStories: readonly Story[] = [
  ...pauseStories,
  ...unpauseStories,
  ...resetStories,
  ...optionStories,
  story("operate-unknown", "what operators ask of activities that there are not is refused", async (s) => {
    await scheduled(s);
    for (const operation of operations) {
      await operate(s, operation, { id: "unknown" } as never);
      await operate(s, operation, { id: undefined, type: "Unknown" } as never);
      await operate(s, operation, { execution: { workflowId: `${s.name}-unknown` } } as never);
    }
    await s.signal("go");
    await s.step([complete()]);
    for (const operation of operations) await operate(s, operation);
  }),

  story("operate-none", "what operators ask of all activities is refused where there are none", async (s) => {
    await s.start();
    const options = { activityOptions: { startToCloseTimeout: seconds(77) } };
    const updateMask = { paths: ["start_to_close_timeout"] };
    await operate(s, "UnpauseActivity", { id: undefined, unpauseAll: true });
    await operate(s, "ResetActivity", { id: undefined, matchAll: true });
    await operate(s, "UpdateActivityOptions", { id: undefined, matchAll: true, ...options, updateMask });
    await operate(s, "UpdateActivityOptions", { id: undefined, matchAll: true, restoreOriginal: true });
  }),

  story("operate-bad", "operators must name a workflow and an activity", async (s) => {
    await scheduled(s);
    for (const operation of operations) {
      await operate(s, operation, { id: undefined } as never);
      await operate(s, operation, { id: "" } as never);
      await operate(s, operation, { id: undefined, type: "" } as never);
      await operate(s, operation, { execution: undefined } as never);
      await operate(s, operation, { execution: { workflowId: "" } } as never);
      await operate(s, operation, { execution: { workflowId: s.name, runId: "no uuid" } } as never);
      await operate(s, operation, { namespace: "nowhere" } as never);
    }
  }),
];

/** An operator's request about the activity `a`, unless it says otherwise. */
function operate<O extends Operation>(s: Play, operation: O, extra?: Extra<O>): Promise<unknown> {
  return s.attempt(operation, {
    namespace: "default",
    execution: { workflowId: s.name },
    identity: "operator",
    id: "a",
    ...(operation === "PauseActivity" && { reason: "because" }),
    ...(extra as object),
  } as never);
}

function update(
  s: Play,
  activityOptions: Extra<"UpdateActivityOptions">["activityOptions"],
  paths: string[],
): Promise<unknown> {
  return operate(s, "UpdateActivityOptions", { activityOptions, updateMask: { paths } });
}

async function scheduled(s: Play, attributes: Attributes = {}): Promise<void> {
  await s.start();
  await s.step([activity(s.name, attributes)]);
}

function heartbeat(s: Play, { taskToken }: ActivityTask, details: string): Promise<unknown> {
  const request = { namespace: "default", taskToken, details: text(details), identity: "worker" };
  return s.call("RecordActivityTaskHeartbeat", request);
}

function completeActivity(s: Play, { taskToken }: ActivityTask): Promise<unknown> {
  const request = { namespace: "default", taskToken, result: text("done"), identity: "worker" };
  return s.call("RespondActivityTaskCompleted", request);
}

function failActivity(s: Play, { taskToken }: ActivityTask, message = "first"): Promise<unknown> {
  const request = { namespace: "default", taskToken, failure: applicationFailure(message), identity: "worker" };
  return s.call("RespondActivityTaskFailed", request);
}
