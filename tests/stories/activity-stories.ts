/** Activities: their timeouts, retries, heartbeats, cancellation and completion, as workers and clients meet them. */
import type { Init, RequestOf } from "@pawl/protocol";
import {
  activity,
  applicationFailure,
  cancelActivity,
  complete,
  type Failure,
  seconds,
  text,
  timer,
} from "./requests.ts";
import { type ActivityTask, type Play, type Story, story } from "./story.ts";

type Attributes = Parameters<typeof activity>[1];

const once = { maximumAttempts: 1 };
const quick = { initialInterval: seconds(0.2), backoffCoefficient: 1 };

export const activityStories: readonly Story[] = [
  story("activity-complete", "an activity's start is written with its completion", async (s) => {
    await scheduled(s);
    await s.describe();
    const task = await s.activityTask();
    await s.describe();
    await s.history();
    await completeActivity(s, task);
    await s.step([complete()]);
  }),

  story("activity-everything", "what a command gives an activity reaches the worker", async (s) => {
    await scheduled(s, {
      activityId: "named",
      header: { fields: { h: { data: Buffer.from("header") } } },
      scheduleToCloseTimeout: seconds(100),
      scheduleToStartTimeout: seconds(50),
      startToCloseTimeout: seconds(40),
      heartbeatTimeout: seconds(30),
      retryPolicy: {
        initialInterval: seconds(3),
        backoffCoefficient: 1.5,
        maximumInterval: seconds(9),
        maximumAttempts: 4,
        nonRetryableErrorTypes: ["X"],
      },
      priority: { priorityKey: 1, fairnessKey: "f", fairnessWeight: 3 },
    });
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  ...timeoutResolution(),

  story("activity-start-to-close", "an activity that runs too long times out with its last heartbeat", async (s) => {
    await scheduled(s, { startToCloseTimeout: seconds(1), retryPolicy: once });
    await heartbeat(s, await s.activityTask(), "half");
    await s.step([complete()]);
  }),

  story("activity-heartbeat-timeout", "an activity that stops heartbeating times out", async (s) => {
    await scheduled(s, { heartbeatTimeout: seconds(1), retryPolicy: once });
    await heartbeat(s, await s.activityTask(), "half");
    await s.step([complete()]);
  }),

  story("activity-heartbeat-identity", "a worker without a name has that of its last heartbeat", async (s) => {
    await scheduled(s);
    const task = await s.activityTask(s.name, { identity: "" });
    await heartbeat(s, task, "half");
    await s.describe();
    await completeActivity(s, task);
    await s.step([complete()]);
  }),

  story("activity-schedule-to-start", "an activity that nobody takes times out without a start", async (s) => {
    await scheduled(s, { scheduleToStartTimeout: seconds(1) });
    await s.step([complete()]);
  }),

  story("activity-schedule-to-close", "an activity that is not done in all its time times out", async (s) => {
    await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(1) });
    await s.activityTask();
    await s.step([complete()]);
  }),

  story(
    "activity-schedule-to-close-waiting",
    "an activity that waits in the queue for all its time times out",
    async (s) => {
      await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(1) });
      await s.step([complete()]);
    },
  ),

  story(
    "activity-schedule-to-close-backoff",
    "an activity is not retried past its schedule-to-close timeout",
    async (s) => {
      await scheduled(s, { scheduleToCloseTimeout: seconds(2), retryPolicy: { initialInterval: seconds(5) } });
      await failActivity(s, await s.activityTask());
      await s.step([complete()]);
    },
  ),

  story("activity-timeout-retry", "an activity that times out is tried again with what it heartbeat", async (s) => {
    await scheduled(s, { startToCloseTimeout: seconds(1), retryPolicy: { ...quick, maximumAttempts: 2 } });
    await heartbeat(s, await s.activityTask(), "half");
    await s.activityTask();
    await s.describe();
    await s.step([complete()]);
  }),

  story("activity-timeout-not-retryable", "a timeout listed as not retryable ends the activity", async (s) => {
    await scheduled(s, {
      startToCloseTimeout: seconds(1),
      retryPolicy: { ...quick, nonRetryableErrorTypes: ["TemporalTimeout:StartToClose"] },
    });
    await s.activityTask();
    await s.step([complete()]);
  }),

  story(
    "activity-heartbeat-timeout-retry",
    "the heartbeat timeout of the last attempt has the failure before it as its cause",
    async (s) => {
      await scheduled(s, { heartbeatTimeout: seconds(1), retryPolicy: { ...quick, maximumAttempts: 2 } });
      await failActivity(s, await s.activityTask());
      await heartbeat(s, await s.activityTask(), "second");
      await s.step([complete()]);
    },
  ),

  story(
    "activity-schedule-to-close-retried",
    "the schedule-to-close timeout after a failed attempt names the failure",
    async (s) => {
      await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(1.5), retryPolicy: quick });
      await failActivity(s, await s.activityTask());
      await s.activityTask();
      await s.step([complete()]);
    },
  ),

  story(
    "activity-schedule-to-close-requeued",
    "an activity whose second attempt waits in the queue for all its time times out",
    async (s) => {
      await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(1.5), retryPolicy: quick });
      await failActivity(s, await s.activityTask());
      await s.step([complete()]);
    },
  ),

  story("activity-retry", "a failed activity is tried again and leaves the last failure in its start", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    await failActivity(s, await s.activityTask());
    await s.describe();
    await failActivity(s, await s.activityTask(), applicationFailure("second"));
    await s.history();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-retry-backoff", "Describe shows when a failed activity is tried next", async (s) => {
    await scheduled(s, { retryPolicy: { initialInterval: seconds(60) } });
    await failActivity(s, await s.activityTask());
    await s.describe();
  }),

  story("activity-attempts", "an activity fails for good after its last attempt", async (s) => {
    await scheduled(s, { retryPolicy: { ...quick, maximumAttempts: 2 } });
    await failActivity(s, await s.activityTask());
    await failActivity(s, await s.activityTask(), applicationFailure("second"));
    await s.step([complete()]);
  }),

  story("activity-not-retryable", "a failure that says so is not retried", async (s) => {
    await scheduled(s);
    await failActivity(
      s,
      await s.activityTask(),
      applicationFailure("no", { nonRetryable: true, details: text("why") }),
    );
    await s.step([complete()]);
  }),

  story("activity-type-not-retryable", "a failure of a listed type is not retried", async (s) => {
    await scheduled(s, { retryPolicy: { nonRetryableErrorTypes: ["Broken"] } });
    await failActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-no-failure", "an activity can fail without a failure", async (s) => {
    await scheduled(s, { retryPolicy: once });
    const { taskToken } = await s.activityTask();
    await s.attempt("RespondActivityTaskFailed", { namespace: "default", taskToken, identity: "worker" });
    await s.step([complete()]);
  }),

  story("activity-next-delay", "a failure's next retry delay replaces the policy's interval", async (s) => {
    await scheduled(s, { retryPolicy: { initialInterval: seconds(60), maximumInterval: seconds(60) } });
    await failActivity(s, await s.activityTask(), applicationFailure("soon", { nextRetryDelay: seconds(0.5) }));
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-next-delay-long", "a next retry delay may exceed the policy's greatest interval", async (s) => {
    await scheduled(s, { retryPolicy: { initialInterval: seconds(1), maximumInterval: seconds(2) } });
    await failActivity(s, await s.activityTask(), applicationFailure("later", { nextRetryDelay: seconds(50) }));
    await s.describe();
  }),

  story("activity-heartbeat", "heartbeat details reach Describe and the next attempt", async (s) => {
    await scheduled(s, { heartbeatTimeout: seconds(5), retryPolicy: quick });
    const first = await s.activityTask();
    await heartbeat(s, first, "one");
    await heartbeat(s, first, "two");
    await s.describe();
    await failActivity(s, first);
    const second = await s.activityTask();
    await failActivity(s, second, applicationFailure("again"), { lastHeartbeatDetails: text("three") });
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-cancel-waiting", "an activity that has not started is cancelled at once", async (s) => {
    const task = await scheduledThenSignal(s);
    await s.complete(task, [cancelActivity(5)]);
    await s.noActivityTask();
    await s.step([complete()]);
  }),

  story("activity-cancel-backoff", "an activity that waits for its next attempt is cancelled at once", async (s) => {
    await scheduled(s, { retryPolicy: { initialInterval: seconds(60) } });
    await failActivity(s, await s.activityTask());
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.step([complete()]);
  }),

  story(
    "activity-cancel-running",
    "a running activity hears of its cancellation by heartbeat and says that it stopped",
    async (s) => {
      await scheduled(s);
      const running = await s.activityTask();
      await s.attempt("RespondActivityTaskCanceled", {
        namespace: "default",
        taskToken: running.taskToken,
        identity: "worker",
      });
      await s.signal("go");
      await s.step([cancelActivity(5)]);
      await s.describe();
      await heartbeat(s, running, "late");
      const { taskToken } = running;
      await s.call("RespondActivityTaskCanceled", {
        namespace: "default",
        taskToken,
        details: text("stopped"),
        identity: "worker",
      });
      await s.step([complete()]);
    },
  ),

  story("activity-cancel-completed", "a cancelled activity may complete all the same", async (s) => {
    await scheduled(s);
    const running = await s.activityTask();
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await completeActivity(s, running);
    await s.step([complete()]);
  }),

  story("activity-cancel-failed", "a cancelled activity that fails is not retried", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const running = await s.activityTask();
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await failActivity(s, running);
    await s.step([complete()]);
  }),

  story("activity-cancel-timeout", "a cancelled activity that times out is not retried", async (s) => {
    await scheduled(s, { retryPolicy: quick, startToCloseTimeout: seconds(1) });
    await s.activityTask();
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.step([complete()]);
  }),

  story(
    "activity-cancel-schedule-to-close",
    "a cancelled activity that is not done in all its time was asked to stop",
    async (s) => {
      await scheduled(s, { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(3) });
      await s.activityTask();
      await s.signal("go");
      await s.step([cancelActivity(5)]);
      await s.step([complete()]);
    },
  ),

  story("activity-cancel-same-task", "an activity is scheduled and cancelled in one workflow task", async (s) => {
    await s.start();
    await s.step([activity(s.name), cancelActivity(5)]);
    await s.noActivityTask();
    await s.step([complete()]);
  }),

  story(
    "activity-cancel-buffered",
    "an activity is cancelled whose result came during the workflow task",
    async (s) => {
      await scheduled(s);
      const running = await s.activityTask();
      await s.signal("go");
      const task = await s.workflowTask();
      await completeActivity(s, running);
      await s.complete(task, [cancelActivity(5)]);
      await s.step([complete()]);
    },
  ),

  story("activity-cancel-twice", "a second cancellation of an activity fails the workflow task", async (s) => {
    await scheduled(s);
    await s.activityTask();
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.signal("again");
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(await s.workflowTask(), [cancelActivity(5)]));
    await s.step([complete()]);
  }),

  story("activity-buffered-order", "results come after the signals that arrived with them", async (s) => {
    await s.start();
    await s.step([activity(s.name), activity(`${s.name}-b`, { activityId: "b" })]);
    const first = await s.activityTask();
    const second = await s.activityTask(`${s.name}-b`);
    await s.signal("go");
    const task = await s.workflowTask();
    await completeActivity(s, first);
    await s.signal("between");
    await failActivity(s, second, applicationFailure("no", { nonRetryable: true }));
    await s.signal("after");
    await s.complete(task, [timer("t", 60)]);
    await s.step([complete()]);
  }),

  story("activity-late", "what an activity answers twice or too late is refused", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    const first = await s.activityTask();
    await failActivity(s, first);
    const second = await s.activityTask();
    await everyAnswer(s, first);
    await completeActivity(s, second);
    await everyAnswer(s, second);
    await s.step([complete()]);
    await everyAnswer(s, second);
  }),

  story("activity-gone", "an activity of a closed workflow is refused", async (s) => {
    await scheduled(s);
    const running = await s.activityTask();
    await s.signal("go");
    await s.step([complete()]);
    await everyAnswer(s, running);
    await byId(s, "a");
  }),

  story("activity-by-id", "an activity is completed by its ids, from anywhere", async (s) => {
    await scheduled(s);
    await s.activityTask();
    await s.attempt("RecordActivityTaskHeartbeatById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      details: text("beat"),
      identity: "person",
    });
    await s.describe();
    await s.call("RespondActivityTaskCompletedById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      result: text("by id"),
      identity: "person",
    });
    await byId(s, "a");
    await s.step([complete()]);
  }),

  story("activity-by-id-waiting", "an activity that has not started cannot be completed by its ids", async (s) => {
    await scheduled(s);
    await byId(s, "a");
    await byId(s, "unknown");
    await s.describe();
  }),

  story("activity-by-id-backoff", "an activity between its attempts, by its ids", async (s) => {
    await scheduled(s, { retryPolicy: { initialInterval: seconds(60) } });
    await failActivity(s, await s.activityTask());
    await byId(s, "a");
    await s.describe();
  }),

  story("activity-by-id-failed", "an activity fails by its ids", async (s) => {
    await scheduled(s, { retryPolicy: once });
    await s.activityTask();
    const failure = applicationFailure("by id");
    await s.call("RespondActivityTaskFailedById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      failure,
      identity: "person",
    });
    await s.step([complete()]);
  }),

  story("activity-by-id-cancelled", "an activity acknowledges its cancellation by its ids", async (s) => {
    await scheduled(s);
    await s.activityTask();
    await s.attempt("RespondActivityTaskCanceledById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      identity: "person",
    });
    await s.signal("go");
    await s.step([cancelActivity(5)]);
    await s.call("RespondActivityTaskCanceledById", {
      namespace: "default",
      workflowId: s.name,
      activityId: "a",
      details: text("bye"),
      identity: "person",
    });
    await s.step([complete()]);
  }),

  story("activity-eager", "an activity asked for eagerly comes with the completion", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    const { activityTasks } = await s.complete(task, [
      activity(s.name, { requestEagerExecution: true }),
      activity(s.name, { activityId: "b" }),
    ]);
    for (const each of activityTasks) await completeActivity(s, each);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-eager-foreign", "an activity for another task queue is not brought eagerly", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.complete(task, [activity(`${s.name}-other`, { requestEagerExecution: true })]);
    await completeActivity(s, await s.activityTask(`${s.name}-other`));
    await s.step([complete()]);
  }),

  story("activity-duplicate-id", "the id of a pending activity cannot be used again", async (s) => {
    await scheduled(s);
    await s.signal("go");
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(await s.workflowTask(), [activity(s.name)]));
    await s.step([complete()]);
  }),

  story("activity-id-again", "the id of an activity that ended can be used again", async (s) => {
    await scheduled(s);
    await completeActivity(s, await s.activityTask());
    await s.step([activity(s.name)]);
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),

  story("activity-large-failure", "a large failure is cut between attempts", async (s) => {
    await scheduled(s, { retryPolicy: quick });
    await failActivity(
      s,
      await s.activityTask(),
      applicationFailure(
        "x".repeat(5_000),
        { type: "Long" },
        { stackTrace: "y".repeat(5_000), cause: applicationFailure("z".repeat(5_000)) },
      ),
    );
    await s.describe();
    await completeActivity(s, await s.activityTask());
    await s.step([complete()]);
  }),
];

/** What becomes of the timeouts that are given, under a run timeout and without one. */
function timeoutResolution(): Story[] {
  //   name             run   schedule-to-close  -to-start  start-to-close  heartbeat
  const rows = [
    ["close", undefined, 20, undefined, undefined, undefined],
    ["start-close", undefined, undefined, undefined, 20, undefined],
    ["all-cut", undefined, 20, 30, 40, 50],
    ["heartbeat-cut", undefined, undefined, undefined, 20, 30],
    ["run-close", 100, 200, undefined, undefined, undefined],
    ["run-start-close", 100, undefined, undefined, 200, 300],
    ["run-start-close-short", 100, undefined, undefined, 20, undefined],
    ["to-start", undefined, undefined, 15, 20, undefined],
    ["fraction", undefined, undefined, undefined, 1.5, 0.25],
  ] as const;
  return rows.map(([name, run, toClose, toStart, startToClose, heartbeatTimeout]) =>
    story(`activity-timeouts-${name}`, `the timeouts of an activity are resolved: ${name}`, async (s) => {
      await s.start(run === undefined ? {} : { workflowRunTimeout: seconds(run) });
      const optional = (count: number | undefined) => (count === undefined ? undefined : seconds(count));
      await s.step([
        activity(s.name, {
          scheduleToCloseTimeout: optional(toClose),
          scheduleToStartTimeout: optional(toStart),
          startToCloseTimeout: optional(startToClose),
          heartbeatTimeout: optional(heartbeatTimeout),
        }),
      ]);
      await s.activityTask();
    }),
  );
}

async function scheduled(s: Play, attributes: Attributes = {}): Promise<void> {
  await s.start();
  await s.step([activity(s.name, attributes)]);
}

async function scheduledThenSignal(s: Play) {
  await scheduled(s);
  await s.signal("go");
  return s.workflowTask();
}

function heartbeat(s: Play, { taskToken }: ActivityTask, details: string): Promise<unknown> {
  return s.call("RecordActivityTaskHeartbeat", {
    namespace: "default",
    taskToken,
    details: text(details),
    identity: "worker",
  });
}

function completeActivity(s: Play, { taskToken }: { taskToken: Uint8Array }): Promise<unknown> {
  return s.call("RespondActivityTaskCompleted", {
    namespace: "default",
    taskToken,
    result: text("done"),
    identity: "worker",
  });
}

function failActivity(
  s: Play,
  { taskToken }: ActivityTask,
  failure: Failure = applicationFailure("first"),
  extra: Init<RequestOf<"RespondActivityTaskFailed">> = {},
): Promise<unknown> {
  return s.call("RespondActivityTaskFailed", {
    namespace: "default",
    taskToken,
    failure,
    identity: "worker",
    ...extra,
  });
}

async function everyAnswer(s: Play, { taskToken }: ActivityTask): Promise<void> {
  const request = { namespace: "default", taskToken, identity: "worker" };
  await s.attempt("RecordActivityTaskHeartbeat", request);
  await s.attempt("RespondActivityTaskCompleted", request);
  await s.attempt("RespondActivityTaskFailed", { ...request, failure: applicationFailure("late") });
  await s.attempt("RespondActivityTaskCanceled", request);
}

async function byId(s: Play, activityId: string): Promise<void> {
  const request = { namespace: "default", workflowId: s.name, activityId, identity: "person" };
  await s.attempt("RecordActivityTaskHeartbeatById", request);
  await s.attempt("RespondActivityTaskCanceledById", request);
  await s.attempt("RespondActivityTaskFailedById", {
    ...request,
    failure: applicationFailure("by id", { nonRetryable: true }),
  });
  await s.attempt("RespondActivityTaskCompletedById", request);
}
