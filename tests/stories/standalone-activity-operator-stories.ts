/** What operators do to standalone activities: pause, reset, change options. */
import { enums } from "@pawl/protocol";
import { applicationFailure, seconds, text } from "./requests.ts";
import {
  cancel,
  client,
  describe,
  type Extra,
  end,
  fail,
  finish,
  heartbeat,
  of,
  once,
  quick,
  start,
  terminate,
  worker,
} from "./standalone-activity.ts";
import { type Play, type Story, story } from "./story.ts";

export function standaloneActivityOperatorStories(): readonly Story[] {
  return [...pauses(), ...waits(), ...timeouts(), ...resets(), ...changes()];
}

const paused = (s: Play, requestId = "pause") =>
  s.attempt("PauseActivityExecution", { ...client(s), reason: "hold", requestId });
const unpaused = (s: Play, extra: Extra<"UnpauseActivityExecution"> = {}) =>
  s.attempt("UnpauseActivityExecution", { ...client(s), ...extra });
const reset = (s: Play, extra: Extra<"ResetActivityExecution"> = {}) =>
  s.attempt("ResetActivityExecution", { ...client(s), ...extra });
const update = (s: Play, extra: Extra<"UpdateActivityExecutionOptions"> = {}) =>
  s.attempt("UpdateActivityExecutionOptions", { ...client(s), ...extra });

const longer = {
  activityOptions: { startToCloseTimeout: seconds(40) },
  updateMask: { paths: ["start_to_close_timeout"] },
};

function pauses(): Story[] {
  return [
    story("standalone-pause-waiting", "a paused activity waits for its operator", async (s) => {
      await start(s);
      await paused(s);
      await paused(s);
      await paused(s, "other");
      await describe(s);
      await s.noActivityTask();
      await unpaused(s);
      await unpaused(s);
      await finish(s, await s.activityTask());
      await end(s);
      await paused(s);
      await paused(s, "late");
      await unpaused(s);
    }),

    story("standalone-pause-started", "an attempt that runs hears of the pause and fails into it", async (s) => {
      await start(s, { retryPolicy: quick });
      const task = await s.activityTask();
      await paused(s);
      await describe(s);
      await heartbeat(s, task, 1);
      await fail(s, task, applicationFailure("paused"));
      await describe(s);
      await unpaused(s);
      await finish(s, await s.activityTask());
      await end(s);
    }),

    story(
      "standalone-pause-last",
      "the last attempt that a policy allows fails while its activity is paused",
      async (s) => {
        await start(s, { retryPolicy: { ...quick, maximumAttempts: 1 } });
        const task = await s.activityTask();
        await paused(s);
        await fail(s, task, applicationFailure("paused"));
        await describe(s);
        await unpaused(s);
        await describe(s);
      },
    ),

    story("standalone-pause-cancelled", "a paused activity is cancelled at once", async (s) => {
      await start(s);
      await paused(s);
      await cancel(s);
      await end(s);
    }),

    story("standalone-pause-cancelling", "operators do nothing to what is to be cancelled", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await paused(s);
      await cancel(s);
      await paused(s, "other");
      await unpaused(s);
      await reset(s);
      await update(s, longer);
      await heartbeat(s, task, 1);
      await describe(s);
      await finish(s, task);
      await update(s, longer);
    }),
  ];
}

function waits(): Story[] {
  return [
    story("standalone-pause-backoff", "after a pause the wait between attempts goes on", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(600) } });
      await fail(s, await s.activityTask(), applicationFailure("first"));
      await paused(s);
      await describe(s);
      await unpaused(s);
      await describe(s);
      await update(s, longer);
      await describe(s);
      await update(s, {
        activityOptions: { retryPolicy: { initialInterval: seconds(900) } },
        updateMask: { paths: ["retry_policy.initial_interval"] },
      });
      await describe(s);
    }),

    story("standalone-next-delay-kept", "another policy leaves the delay that a failure asked for", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(600) } });
      const asked = applicationFailure("first", { nextRetryDelay: seconds(700) });
      await fail(s, await s.activityTask(), asked);
      await update(s, {
        activityOptions: { retryPolicy: { initialInterval: seconds(900) } },
        updateMask: { paths: ["retry_policy.initial_interval"] },
      });
      await describe(s);
    }),

    story("standalone-delay-changed", "the delay of the first attempt is changed, and restored", async (s) => {
      await start(s, { startDelay: seconds(600) });
      const delayed = (delay: number) =>
        update(s, { activityOptions: { startDelay: seconds(delay) }, updateMask: { paths: ["start_delay"] } });
      await delayed(900);
      await update(s, { restoreOriginal: true });
      await delayed(900);
      await reset(s, { restoreOriginalOptions: true });
      await describe(s);
      await delayed(0);
      const task = await s.activityTask();
      await delayed(900);
      await finish(s, task);
    }),

    story(
      "standalone-delay-paused",
      "while an activity is paused its delay may be changed after its end",
      async (s) => {
        await start(s);
        await paused(s);
        await update(s, { activityOptions: { startDelay: seconds(600) }, updateMask: { paths: ["start_delay"] } });
        await unpaused(s);
        await s.noActivityTask();
        await update(s, { activityOptions: { startDelay: seconds(0) }, updateMask: { paths: ["start_delay"] } });
        await finish(s, await s.activityTask());
      },
    ),
  ];
}

function timeouts(): Story[] {
  return [
    story("standalone-next-delay-none", "a failure that asks for no delay waits as the policy says", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(600) } });
      await fail(s, await s.activityTask(), applicationFailure("first", { nextRetryDelay: seconds(0) }));
      await describe(s);
    }),

    story("standalone-fail-last-without-cause", "the last attempt fails, and nobody says why", async (s) => {
      await start(s, { retryPolicy: once });
      const task = await s.activityTask();
      await s.attempt("RespondActivityTaskFailed", worker(task));
      await end(s);
    }),

    story("standalone-heartbeat-changed", "another heartbeat timeout counts for the attempt that runs", async (s) => {
      await start(s, { retryPolicy: once });
      await s.activityTask();
      await update(s, {
        activityOptions: { heartbeatTimeout: seconds(1) },
        updateMask: { paths: ["heartbeat_timeout"] },
      });
      await end(s);
    }),

    story("standalone-delete-paused", "a paused activity is terminated and deleted", async (s) => {
      await start(s);
      await paused(s);
      await terminate(s);
      await end(s);
      await s.attempt("DeleteActivityExecution", of(s));
    }),

    story("standalone-paused-by-id", "a paused activity is completed by its id", async (s) => {
      await start(s);
      await paused(s);
      const byId = { ...client(s), runId: "" };
      await s.attempt("RecordActivityTaskHeartbeatById", byId);
      await s.attempt("RespondActivityTaskFailedById", byId);
      await s.attempt("RespondActivityTaskCompletedById", { ...byId, result: text("out") });
      await end(s);
    }),

    story("standalone-reset-paused", "a reset of a paused activity keeps the pause if it is asked to", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(600) } });
      const task = await s.activityTask();
      await heartbeat(s, task, "half");
      await fail(s, task, applicationFailure("first"));
      await paused(s);
      await reset(s, { keepPaused: true, resetHeartbeat: true });
      await describe(s);
      await reset(s);
      await describe(s);
      await finish(s, await s.activityTask());
    }),

    story("standalone-pause-expires", "a pause does not stop the time for all attempts", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(2), startToCloseTimeout: undefined });
      await paused(s);
      await end(s);
    }),

    story("standalone-pause-started-expires", "a pause does not stop the time of the attempt that runs", async (s) => {
      await start(s, { startToCloseTimeout: seconds(1), retryPolicy: once });
      await s.activityTask();
      await paused(s);
      await end(s);
    }),

    story("standalone-timeout-exhausted", "the last attempt times out after one that failed", async (s) => {
      await start(s, { startToCloseTimeout: seconds(1), retryPolicy: { ...quick, maximumAttempts: 2 } });
      const task = await s.activityTask();
      await heartbeat(s, task, "half");
      await fail(s, task, applicationFailure("first"));
      await s.activityTask();
      await end(s);
    }),
  ];
}

function resets(): Story[] {
  return [
    story("standalone-reset-started", "a reset attempt is followed by the first", async (s) => {
      await start(s, { retryPolicy: quick });
      await fail(s, await s.activityTask(), applicationFailure("first"));
      const second = await s.activityTask();
      await heartbeat(s, second, "half");
      await reset(s, { resetHeartbeat: true });
      await describe(s);
      await heartbeat(s, second, "more");
      await fail(s, second, applicationFailure("second"));
      const again = await s.activityTask();
      await describe(s);
      await finish(s, again);
      await end(s);
      await reset(s);
    }),

    story("standalone-reset-waiting", "an activity that waits begins with its first attempt again", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(30) } });
      await fail(s, await s.activityTask(), applicationFailure("first"));
      await reset(s);
      await describe(s);
      await finish(s, await s.activityTask());
      await end(s);
    }),

    story(
      "standalone-reset-pending",
      "until the attempt that was reset has failed, nothing else is done to it",
      async (s) => {
        await start(s, { retryPolicy: { initialInterval: seconds(600), maximumAttempts: 1 } });
        await update(s, longer);
        const task = await s.activityTask();
        await reset(s, { requestId: "reset", restoreOriginalOptions: true });
        await describe(s);
        await reset(s, { requestId: "reset" });
        await reset(s);
        await paused(s);
        await unpaused(s);
        await update(s, longer);
        await fail(s, task);
        const again = await s.activityTask();
        await finish(s, task);
        await describe(s);
        await fail(s, again);
        await end(s);
      },
    ),

    story(
      "standalone-reset-kept-paused",
      "an attempt that was reset fails into the pause that it was to keep",
      async (s) => {
        await start(s, { retryPolicy: { initialInterval: seconds(600) } });
        const task = await s.activityTask();
        await paused(s);
        await reset(s, { keepPaused: true });
        await describe(s);
        await heartbeat(s, task, 1);
        await unpaused(s);
        await fail(s, task, applicationFailure("first"));
        await describe(s);
        await unpaused(s);
        await finish(s, await s.activityTask());
      },
    ),

    story("standalone-reset-cancelled", "a cancellation goes before a reset", async (s) => {
      await start(s, { retryPolicy: quick });
      const task = await s.activityTask();
      await reset(s);
      await cancel(s);
      await heartbeat(s, task, 1);
      await fail(s, task, applicationFailure("first"));
      await end(s);
    }),
  ];
}

function changes(): Story[] {
  return [
    story("standalone-update-options", "an operator changes the options", async (s) => {
      await start(s);
      await update(s, {
        activityOptions: {
          startToCloseTimeout: seconds(20),
          scheduleToCloseTimeout: seconds(50),
          retryPolicy: { maximumAttempts: 7 },
          priority: { priorityKey: 2 },
        },
        updateMask: {
          paths: ["start_to_close_timeout", "schedule_to_close_timeout", "retry_policy.maximum_attempts", "priority"],
        },
      });
      await describe(s);
      await update(s, { restoreOriginal: true });
      await finish(s, await s.activityTask());
      await update(s, { restoreOriginal: true });
    }),

    story("standalone-update-queue", "an operator moves an activity to another queue", async (s) => {
      await start(s);
      await update(s, {
        activityOptions: { taskQueue: { name: `${s.name}-other` } },
        updateMask: { paths: ["task_queue.name"] },
      });
      await finish(s, await s.activityTask(`${s.name}-other`));
      await end(s);
    }),

    story("standalone-operator-again", "a request that comes again under its id changes nothing", async (s) => {
      await start(s);
      await paused(s);
      await unpaused(s, { requestId: "unpause" });
      await paused(s, "other");
      await unpaused(s, { requestId: "unpause" });
      await describe(s);
      await update(s, { ...longer, requestId: "update" });
      await update(s, { restoreOriginal: true });
      await update(s, { ...longer, requestId: "update" });
      await reset(s, { requestId: "reset", keepPaused: true });
      await unpaused(s);
      const task = await s.activityTask();
      await reset(s, { requestId: "reset" });
      await heartbeat(s, task, 1);
      await finish(s, task);
      for (const requestId of ["unpause", "later"]) await unpaused(s, { requestId });
      for (const requestId of ["update", "later"]) await update(s, { ...longer, requestId });
      for (const requestId of ["reset", "later"]) await reset(s, { requestId });
    }),

    story("standalone-operators-of-workflow", "the same calls reach an activity of a workflow", async (s) => {
      await s.start();
      await s.step([
        {
          commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
          scheduleActivityTaskCommandAttributes: {
            activityId: "a",
            activityType: { name: "A" },
            taskQueue: { name: s.name },
            startToCloseTimeout: seconds(30),
          },
        },
      ]);
      const one = { namespace: "default", workflowId: s.name, activityId: "a", identity: "client" };
      await s.attempt("PauseActivityExecution", { ...one, reason: "hold" });
      await s.noActivityTask();
      await s.attempt("UpdateActivityExecutionOptions", {
        ...one,
        activityOptions: { startToCloseTimeout: seconds(20) },
        updateMask: { paths: ["start_to_close_timeout"] },
      });
      await s.attempt("ResetActivityExecution", { ...one, keepPaused: true });
      await s.attempt("UnpauseActivityExecution", one);
      // The reference server goes on telling the worker the timeouts of the scheduled event.
      const task = await s.unrecorded("PollActivityTaskQueue", { namespace: "default", taskQueue: { name: s.name } });
      s.note("activity", task.activityId);
    }),
  ];
}
