/** Standalone activities: executions of their own, without a workflow, as clients and workers meet them. */
import { enums } from "@pawl/protocol";
import { applicationFailure, complete, payload, seconds, text } from "./requests.ts";
import {
  cancel,
  describe,
  type Extra,
  end,
  fail,
  final,
  finish,
  heartbeat,
  of,
  once,
  otherRun,
  pause,
  quick,
  start,
  terminate,
  worker,
} from "./standalone-activity.ts";
import { type Play, type Story, story } from "./story.ts";

export const standaloneActivityStories: readonly Story[] = [
  story("standalone-complete", "an activity of its own runs and completes", async (s) => {
    await start(s);
    await describe(s);
    const task = await s.activityTask();
    await describe(s);
    await finish(s, task);
    await end(s);
  }),

  story("standalone-everything", "what a start gives a standalone activity reaches the worker", async (s) => {
    await start(s, {
      header: { fields: { h: { data: Buffer.from("header") } } },
      scheduleToCloseTimeout: seconds(100),
      scheduleToStartTimeout: seconds(50),
      startToCloseTimeout: seconds(40),
      heartbeatTimeout: seconds(35),
      retryPolicy: {
        initialInterval: seconds(3),
        backoffCoefficient: 1.5,
        maximumInterval: seconds(9),
        maximumAttempts: 4,
        nonRetryableErrorTypes: ["X"],
      },
      priority: { priorityKey: 1, fairnessKey: "f", fairnessWeight: 3 },
      userMetadata: { summary: payload("short"), details: payload("long") },
      searchAttributes: { indexedFields: { BatcherUser: payload("somebody") } },
      links: [{ batchJob: { jobId: "job" } }],
    });
    await finish(s, await s.activityTask());
    await end(s);
  }),

  story("standalone-describe-short", "a description has what was asked for", async (s) => {
    await start(s, { retryPolicy: quick });
    const task = await s.activityTask();
    await heartbeat(s, task, "details");
    await fail(s, task, applicationFailure("again"));
    const none = {
      includeInput: false,
      includeOutcome: false,
      includeHeartbeatDetails: false,
      includeLastFailure: false,
    };
    await s.activityTask();
    await describe(s, none);
    await describe(s);
  }),

  ...timeoutResolution(),
  ...endings(),
  ...timeouts(),
  ...cancellations(),
  ...terminations(),
  ...answersById(),
  ...polls(),
];

function timeoutResolution(): Story[] {
  const rows: [string, Extra<"StartActivityExecution">][] = [
    ["start-close", { startToCloseTimeout: seconds(30) }],
    ["close", { startToCloseTimeout: undefined, scheduleToCloseTimeout: seconds(20) }],
    [
      "all-cut",
      { scheduleToCloseTimeout: seconds(10), scheduleToStartTimeout: seconds(20), heartbeatTimeout: seconds(50) },
    ],
    ["to-start", { scheduleToStartTimeout: seconds(20) }],
    ["heartbeat-cut", { heartbeatTimeout: seconds(60) }],
  ];
  return rows.map(([name, extra]) =>
    story(`standalone-timeouts-${name}`, `timeouts of a standalone activity fit each other: ${name}`, async (s) => {
      await start(s, extra);
      await describe(s);
      await s.activityTask();
    }),
  );
}

function endings(): Story[] {
  return [
    story("standalone-fail", "a failure that is not retried is the outcome", async (s) => {
      await start(s);
      await fail(s, await s.activityTask());
      await end(s);
    }),

    story("standalone-retry", "a failed attempt is followed by another, with the heartbeat's details", async (s) => {
      await start(s, { retryPolicy: { ...quick, maximumAttempts: 2 } });
      const first = await s.activityTask();
      await heartbeat(s, first, "half");
      await fail(s, first, applicationFailure("first"));
      const second = await s.activityTask();
      await finish(s, first);
      await describe(s);
      await fail(s, second, applicationFailure("second"));
      await end(s);
    }),

    story("standalone-backoff", "between attempts an activity waits", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(20) } });
      await fail(s, await s.activityTask(), applicationFailure("first"));
      await describe(s);
      await cancel(s);
      await end(s);
    }),

    story("standalone-next-delay", "a failure may ask for another delay", async (s) => {
      await start(s, { retryPolicy: { initialInterval: seconds(20) } });
      await fail(s, await s.activityTask(), applicationFailure("first", { nextRetryDelay: seconds(0.2) }));
      await finish(s, await s.activityTask());
      await end(s);
    }),

    story("standalone-type-not-retried", "a type of failure that the policy names is not retried", async (s) => {
      await start(s, { retryPolicy: { ...quick, nonRetryableErrorTypes: ["Broken"] } });
      await fail(s, await s.activityTask(), applicationFailure("named"));
      await end(s);
    }),

    story("standalone-fail-without-cause", "a failure without a cause ends the activity", async (s) => {
      await start(s, { retryPolicy: quick });
      const task = await s.activityTask();
      await s.attempt("RespondActivityTaskFailed", worker(task));
      await end(s);
    }),

    story("standalone-fail-with-heartbeat", "a failure may bring the last heartbeat's details", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await s.attempt("RespondActivityTaskFailed", {
        ...worker(task),
        failure: applicationFailure("no", final),
        lastHeartbeatDetails: text("last"),
      });
      await end(s);
    }),
  ];
}

function timeouts(): Story[] {
  return [
    story("standalone-start-to-close", "an attempt that runs too long times out", async (s) => {
      await start(s, { startToCloseTimeout: seconds(1), retryPolicy: once });
      await heartbeat(s, await s.activityTask(), "half");
      await end(s);
    }),

    story("standalone-heartbeat-timeout", "an attempt that stops heartbeating times out", async (s) => {
      await start(s, { heartbeatTimeout: seconds(1), retryPolicy: once });
      await heartbeat(s, await s.activityTask(), "half");
      await end(s);
    }),

    story("standalone-timeout-retry", "an attempt that timed out is followed by another", async (s) => {
      await start(s, { startToCloseTimeout: seconds(3), retryPolicy: { ...quick, maximumAttempts: 2 } });
      const first = await s.activityTask();
      const second = await s.activityTask();
      await finish(s, first);
      await describe(s);
      await finish(s, second);
      await end(s);
    }),

    story("standalone-schedule-to-start", "an activity that no worker takes times out", async (s) => {
      await start(s, { scheduleToStartTimeout: seconds(1) });
      await end(s);
    }),

    story("standalone-schedule-to-close", "an activity that takes too long as a whole times out", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(3) });
      await s.activityTask();
      await end(s);
    }),

    story("standalone-schedule-to-close-cause", "what failed before the time ran out is told", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(4), retryPolicy: quick });
      const task = await s.activityTask();
      await heartbeat(s, task, "half");
      await fail(s, task, applicationFailure("first"));
      await pause(400);
      await end(s);
    }),

    story("standalone-schedule-to-close-cancelled", "an activity that takes too long was asked to stop", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(3) });
      await s.activityTask();
      await cancel(s);
      await end(s);
    }),

    story("standalone-schedule-to-close-waiting", "an activity times out as a whole without a worker", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(1), scheduleToStartTimeout: seconds(1) });
      await end(s);
    }),

    story("standalone-schedule-to-close-retried", "no attempt begins that could not end in time", async (s) => {
      await start(s, { scheduleToCloseTimeout: seconds(5), retryPolicy: { initialInterval: seconds(10) } });
      await fail(s, await s.activityTask(), applicationFailure("first"));
      await end(s);
    }),

    story("standalone-timed-out-retried", "no attempt begins after a timeout that could not end in time", async (s) => {
      await start(s, {
        startToCloseTimeout: seconds(1),
        scheduleToCloseTimeout: seconds(5),
        retryPolicy: { initialInterval: seconds(10) },
      });
      await heartbeat(s, await s.activityTask(), "half");
      await end(s);
    }),

    story("standalone-start-delay", "a start may be delayed", async (s) => {
      await start(s, { startDelay: seconds(1), scheduleToCloseTimeout: seconds(100) });
      await describe(s);
      await finish(s, await s.activityTask());
      await end(s);
    }),

    story("standalone-late", "answers that come late change nothing", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await finish(s, task);
      await finish(s, task, "again");
      await fail(s, task);
      await heartbeat(s, task, "late");
      await s.attempt("RespondActivityTaskCanceled", worker(task));
      await end(s);
    }),
  ];
}

function cancellations(): Story[] {
  return [
    story("standalone-cancel-waiting", "an activity without a worker is cancelled at once", async (s) => {
      await start(s);
      await cancel(s);
      await cancel(s);
      await cancel(s, "other");
      await end(s);
    }),

    story("standalone-cancel-started", "a worker hears of the cancellation and answers with details", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await heartbeat(s, task, 1);
      await s.attempt("RespondActivityTaskCanceled", { ...worker(task), details: text("early") });
      await cancel(s);
      await cancel(s);
      await cancel(s, "other");
      await describe(s);
      await heartbeat(s, task, 2);
      await s.attempt("RespondActivityTaskCanceled", { ...worker(task), details: text("details") });
      await end(s);
      await cancel(s);
    }),

    story("standalone-cancel-ignored", "an activity may complete although it was to be cancelled", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await cancel(s);
      await finish(s, task);
      await end(s);
    }),

    story("standalone-cancel-failed", "after a request to cancel, a failure is not retried", async (s) => {
      await start(s, { retryPolicy: quick });
      const task = await s.activityTask();
      await cancel(s);
      await fail(s, task, applicationFailure("instead"));
      await end(s);
    }),

    story("standalone-cancel-timed-out", "after a request to cancel, a timeout is not retried", async (s) => {
      await start(s, { startToCloseTimeout: seconds(1), retryPolicy: quick });
      await s.activityTask();
      await cancel(s);
      await end(s);
    }),

    story("standalone-cancel-closed", "what has completed is not cancelled", async (s) => {
      await start(s);
      await finish(s, await s.activityTask());
      await cancel(s);
      await end(s);
    }),
  ];
}

function terminations(): Story[] {
  return [
    story("standalone-terminate-waiting", "an activity that waits is terminated", async (s) => {
      await start(s);
      await terminate(s);
      await terminate(s);
      await terminate(s, "other");
      await end(s);
    }),

    story("standalone-terminate-started", "an activity that runs is terminated", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await terminate(s, "terminate", { reason: "" });
      await heartbeat(s, task, 1);
      await finish(s, task);
      await end(s);
    }),

    story("standalone-terminate-closed", "what has completed is not terminated", async (s) => {
      await start(s);
      await finish(s, await s.activityTask());
      await terminate(s);
      await end(s);
    }),

    story("standalone-delete-closed", "a closed activity is deleted", async (s) => {
      await start(s);
      await finish(s, await s.activityTask());
      await s.call("DeleteActivityExecution", of(s));
      await gone(s);
    }),

    story("standalone-delete-running", "a running activity is deleted", async (s) => {
      await start(s);
      const task = await s.activityTask();
      await s.call("DeleteActivityExecution", of(s));
      await gone(s);
      await finish(s, task);
    }),
  ];
}

/** Deletion takes its time in the reference server. */
async function gone(s: Play): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const there = await s.unrecorded("DescribeActivityExecution", of(s)).then(
      () => true,
      () => false,
    );
    if (!there) break;
    await pause(100);
  }
  await s.attempt("DescribeActivityExecution", of(s));
  await s.attempt("PollActivityExecution", of(s));
  await s.attempt("DeleteActivityExecution", of(s));
}

function answersById(): Story[] {
  const byId = (s: Play) => ({ namespace: "default", activityId: s.name, identity: "somebody" });
  return [
    story("standalone-complete-by-id", "an activity is completed by its id", async (s) => {
      const { runId } = await start(s);
      await s.activityTask();
      await s.attempt("RecordActivityTaskHeartbeatById", { ...byId(s), details: text(1) });
      await s.attempt("RecordActivityTaskHeartbeatById", { ...byId(s), runId, details: text(2) });
      await s.attempt("RecordActivityTaskHeartbeatById", { ...byId(s), runId: otherRun, details: text(3) });
      await s.attempt("RespondActivityTaskCompletedById", { ...byId(s), runId, result: text("out") });
      await s.attempt("RespondActivityTaskCompletedById", { ...byId(s), result: text("again") });
      await s.attempt("RespondActivityTaskFailedById", { ...byId(s), failure: applicationFailure("no", final) });
      await s.attempt("RespondActivityTaskCanceledById", byId(s));
      await s.attempt("RecordActivityTaskHeartbeatById", byId(s));
      await end(s);
    }),

    story("standalone-early-by-id", "an activity that no worker holds is answered by its id", async (s) => {
      await start(s);
      await s.attempt("RecordActivityTaskHeartbeatById", { ...byId(s), details: text(1) });
      await s.attempt("RespondActivityTaskCanceledById", { ...byId(s), details: text(1) });
      await s.attempt("RespondActivityTaskFailedById", { ...byId(s), failure: applicationFailure("no", final) });
      await s.attempt("RespondActivityTaskCompletedById", { ...byId(s), result: text("early") });
      await describe(s);
    }),

    story("standalone-fail-by-id", "an activity is failed by its id", async (s) => {
      await start(s, { retryPolicy: quick });
      await s.activityTask();
      await s.attempt("RespondActivityTaskFailedById", { ...byId(s), failure: applicationFailure("again") });
      await s.activityTask();
      await s.attempt("RespondActivityTaskFailedById", { ...byId(s), failure: applicationFailure("no", final) });
      await end(s);
    }),

    story("standalone-timed-out-by-id", "an attempt timed out, says who knows the activity's id", async (s) => {
      await start(s, { retryPolicy: quick });
      const timedOut = (timeoutType: enums.TimeoutType) =>
        s.attempt("RespondActivityTaskFailedById", {
          ...byId(s),
          failure: { message: "m", timeoutFailureInfo: { timeoutType } },
        });
      await s.activityTask();
      await timedOut(enums.TimeoutType.START_TO_CLOSE);
      await s.activityTask();
      await timedOut(enums.TimeoutType.SCHEDULE_TO_CLOSE);
      await end(s);
    }),

    story("standalone-cancel-by-id", "an activity is cancelled by its id", async (s) => {
      await start(s);
      await s.activityTask();
      await cancel(s);
      await s.attempt("RespondActivityTaskCanceledById", { ...byId(s), details: text("by id") });
      await end(s);
    }),

    story("standalone-unknown", "an activity that is not there is not found", async (s) => {
      const id = { namespace: "default", activityId: "nobody" };
      for (const run of [{}, { runId: otherRun }]) {
        await s.attempt("DescribeActivityExecution", { ...id, ...run });
        await s.attempt("PollActivityExecution", { ...id, ...run }, { timeoutMs: 3_000 });
        await s.attempt("RequestCancelActivityExecution", { ...id, ...run });
        await s.attempt("TerminateActivityExecution", { ...id, ...run });
        await s.attempt("DeleteActivityExecution", { ...id, ...run });
        await s.attempt("RespondActivityTaskCompletedById", { ...id, ...run });
        await s.attempt("RespondActivityTaskFailedById", { ...id, ...run });
        await s.attempt("RespondActivityTaskCanceledById", { ...id, ...run });
        await s.attempt("RecordActivityTaskHeartbeatById", { ...id, ...run });
        await s.attempt("PauseActivityExecution", { ...id, ...run });
        await s.attempt("UnpauseActivityExecution", { ...id, ...run });
        await s.attempt("ResetActivityExecution", { ...id, ...run });
      }
    }),

    story("standalone-beside-workflow", "a workflow and an activity may share an id", async (s) => {
      await s.start();
      await start(s);
      await finish(s, await s.activityTask());
      await s.step([complete()]);
      await end(s);
    }),
  ];
}

function polls(): Story[] {
  return [
    story("standalone-poll-empty", "a poll for the outcome ends with nothing when it takes too long", async (s) => {
      await start(s);
      await s.call("PollActivityExecution", of(s), { timeoutMs: 3_000 });
    }),

    story("standalone-poll-waits", "a poll for the outcome waits for it", async (s) => {
      await start(s);
      const task = await s.activityTask();
      const outcome = s.call("PollActivityExecution", of(s));
      await pause(300);
      await finish(s, task);
      await outcome;
    }),

    story("standalone-describe-waits", "a description waits for a change", async (s) => {
      const { runId } = await start(s);
      const first = await describe(s);
      const { longPollToken } = first;
      await s.attempt("DescribeActivityExecution", { ...of(s), runId, longPollToken }, { timeoutMs: 3_000 });
      const next = s.attempt("DescribeActivityExecution", { ...of(s), runId, longPollToken });
      await pause(300);
      const task = await s.activityTask();
      await next;
      await finish(s, task);
      // Long past: answered at once.
      await s.attempt("DescribeActivityExecution", { ...of(s), runId, longPollToken });
      await s.attempt("DescribeActivityExecution", { ...of(s), longPollToken });
      await s.attempt("DescribeActivityExecution", { ...of(s), runId, longPollToken: Buffer.from("nonsense") });
    }),
  ];
}
