/** What workers answer to an activity that runs, with tokens that are not its own, and with more than may be kept. */
import { activity, applicationFailure, cancelActivity, seconds, text } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const answers = [
  "RecordActivityTaskHeartbeat",
  "RespondActivityTaskCompleted",
  "RespondActivityTaskFailed",
  "RespondActivityTaskCanceled",
] as const;

async function running(s: Play, attributes: Parameters<typeof activity>[1] = {}) {
  await s.start();
  await s.step([activity(s.name, attributes)]);
  return s.activityTask();
}
const huge = text("x".repeat(2_200_000));
const answersOf = {
  RecordActivityTaskHeartbeat: { details: huge },
  RespondActivityTaskCompleted: { result: huge },
  RespondActivityTaskFailed: { failure: applicationFailure("big", { details: huge }) },
  RespondActivityTaskCanceled: { details: huge },
};
export const activityAnswerStories: readonly Story[] = [
  story(
    "bad-activity-token",
    "an activity's token is of use whole, in its namespace and to its own attempt",
    async (s) => {
      const { taskToken } = await running(s);
      const damaged = Buffer.from(taskToken);
      damaged[0] = 0xff;
      const rows = [
        ["cut", "default", taskToken.subarray(0, Math.floor(taskToken.byteLength / 2))],
        ["damaged", "default", damaged],
        ["another namespace", "temporal-system", taskToken],
        ["no namespace", "", taskToken],
      ] as const;
      for (const [rule, namespace, token] of rows) {
        s.note("rule", rule);
        for (const method of answers) await s.attempt(method, { namespace, taskToken: token, identity: "worker" });
      }
      await s.describe();
    },
  ),
  ...answers.map((method) =>
    story(`bad-activity-huge-${method.toLowerCase()}`, `${method} with more than may be kept`, async (s) => {
      const { taskToken } = await running(s, { retryPolicy: { maximumAttempts: 1 } });
      if (method === "RespondActivityTaskCanceled") {
        await s.signal("go");
        await s.step([cancelActivity(5)]);
      }
      await s.attempt(method, { namespace: "default", taskToken, identity: "worker", ...answersOf[method] });
      await s.describe();
    }),
  ),
  story("bad-activity-heartbeat-long", "a heartbeat timeout is cut to what the attempt may take", async (s) => {
    await running(s, { startToCloseTimeout: seconds(5), heartbeatTimeout: seconds(500) });
    await s.describe();
  }),
];
