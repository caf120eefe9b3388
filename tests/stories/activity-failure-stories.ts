/** Which kinds of failure of an activity are tried again. Most may be told by id only. */
import { enums } from "@pawl/protocol";
import { activity, type Failure, seconds, text } from "./requests.ts";
import { type Story, story } from "./story.ts";

const rows: readonly (readonly [string, Failure])[] = [
  ["cancelled", { message: "m", canceledFailureInfo: { details: text("d") } }],
  ["terminated", { message: "m", terminatedFailureInfo: {} }],
  ["server", { message: "m", serverFailureInfo: {} }],
  ["server-final", { message: "m", serverFailureInfo: { nonRetryable: true } }],
  ["timeout-start-to-close", { message: "m", timeoutFailureInfo: { timeoutType: enums.TimeoutType.START_TO_CLOSE } }],
  [
    "timeout-schedule-to-start",
    { message: "m", timeoutFailureInfo: { timeoutType: enums.TimeoutType.SCHEDULE_TO_START } },
  ],
  [
    "timeout-schedule-to-close",
    { message: "m", timeoutFailureInfo: { timeoutType: enums.TimeoutType.SCHEDULE_TO_CLOSE } },
  ],
  ["timeout-heartbeat", { message: "m", timeoutFailureInfo: { timeoutType: enums.TimeoutType.HEARTBEAT } }],
  ["plain", { message: "m" }],
  [
    "activity",
    {
      message: "m",
      activityFailureInfo: { activityId: "x" },
      cause: { message: "c", applicationFailureInfo: { nonRetryable: true } },
    },
  ],
  ["encoded", { encodedAttributes: { data: Buffer.from("secret") }, applicationFailureInfo: { type: "T" } }],
];

export const activityFailureStories: readonly Story[] = rows.map(([name, failure]) =>
  story(`activity-failure-${name}`, `a failure of an activity that is ${name} is retried or not`, async (s) => {
    await s.start();
    await s.step([activity(s.name, { retryPolicy: { initialInterval: seconds(60), maximumAttempts: 2 } })]);
    const { taskToken } = await s.activityTask();
    const answer = { namespace: "default", failure, identity: "worker" };
    await s.attempt("RespondActivityTaskFailed", { ...answer, taskToken });
    await s.attempt("RespondActivityTaskFailedById", { ...answer, workflowId: s.name, activityId: "a" });
    await s.describe();
  }),
);
