/** Standalone activities: policies of their ids, lists, and what is refused. */
import { enums, type MethodName } from "@pawl/protocol";
import { payload, seconds, text } from "./requests.ts";
import {
  cancel,
  client,
  describe,
  type Extra,
  fail,
  finish,
  long,
  negative,
  of,
  otherRun,
  pause,
  start,
  startRequest,
} from "./standalone-activity.ts";
import { type Play, type Story, story } from "./story.ts";

const { ActivityIdConflictPolicy: Conflict, ActivityIdReusePolicy: Reuse } = enums;

export function standaloneActivityRuleStories(): readonly Story[] {
  return [...policies(), ...lists(), ...startRefusals(), ...laterRefusals()];
}

function policies(): Story[] {
  const conflicts = [Conflict.UNSPECIFIED, Conflict.FAIL, Conflict.USE_EXISTING].map((idConflictPolicy) =>
    story(
      `standalone-conflict-${idConflictPolicy}`,
      `a start beside a running activity: policy ${idConflictPolicy}`,
      async (s) => {
        await start(s);
        await s.attempt("StartActivityExecution", startRequest(s, { requestId: "other", idConflictPolicy }));
        await s.attempt("StartActivityExecution", startRequest(s, { idConflictPolicy }));
        await s.attempt(
          "StartActivityExecution",
          startRequest(s, { requestId: "other", idConflictPolicy, idReusePolicy: Reuse.REJECT_DUPLICATE }),
        );
        await describe(s);
      },
    ),
  );
  const reuses = [
    Reuse.UNSPECIFIED,
    Reuse.ALLOW_DUPLICATE,
    Reuse.ALLOW_DUPLICATE_FAILED_ONLY,
    Reuse.REJECT_DUPLICATE,
  ].flatMap((idReusePolicy) =>
    [true, false].map((completed) =>
      story(
        `standalone-reuse-${idReusePolicy}-${completed ? "completed" : "failed"}`,
        `a start after an activity that ${completed ? "completed" : "failed"}: policy ${idReusePolicy}`,
        async (s) => {
          await start(s);
          const task = await s.activityTask();
          if (completed) await finish(s, task);
          else await fail(s, task);
          await s.attempt("StartActivityExecution", startRequest(s, { idReusePolicy }));
          await s.attempt("StartActivityExecution", startRequest(s, { requestId: "other", idReusePolicy }));
          await describe(s);
        },
      ),
    ),
  );
  return [
    ...conflicts,
    ...reuses,
    story("standalone-older-run", "an older run is reached by its run id", async (s) => {
      const first = await start(s);
      await finish(s, await s.activityTask());
      await start(s, { requestId: "second" });
      await describe(s, { runId: first.runId });
      await s.call("PollActivityExecution", { ...of(s), runId: first.runId });
      await describe(s);
      await cancel(s, "c", { runId: first.runId });
    }),
    story("standalone-conflict-attach", "a start that uses the existing run may attach links", async (s) => {
      await start(s);
      const links = [{ batchJob: { jobId: "job" } }];
      const useExisting = { requestId: "other", idConflictPolicy: Conflict.USE_EXISTING, links };
      await s.attempt(
        "StartActivityExecution",
        startRequest(s, { ...useExisting, onConflictOptions: { attachLinks: true, attachRequestId: true } }),
      );
      await describe(s);
      await s.attempt("StartActivityExecution", startRequest(s, useExisting));
    }),
  ];
}

function lists(): Story[] {
  /** Lists of the reference server lag behind. */
  const counted = async (s: Play, query: string, wanted: number) => {
    for (let tries = 0; tries < 100; tries++) {
      const { count } = await s.unrecorded("CountActivityExecutions", { namespace: "default", query });
      if (count === wanted) break;
      await pause(100);
    }
  };
  return [
    story("standalone-list", "activities are listed and counted by their attributes", async (s) => {
      await start(s, { activityId: `${s.name}-2`, activityType: { name: "Other" }, requestId: "2" });
      const task = await s.activityTask();
      // It is to have taken longer than nothing, and to have started before the next.
      await pause(20);
      await finish(s, task);
      await start(s);
      await s.start();
      await counted(s, `TaskQueue = '${s.name}' and ExecutionStatus = 'Completed'`, 1);
      await counted(s, `TaskQueue = '${s.name}'`, 2);
      const queries = [
        `TaskQueue = '${s.name}'`,
        `ActivityId = '${s.name}'`,
        `ActivityId starts_with '${s.name}' and ExecutionStatus = 'Running'`,
        `ActivityType = 'Other' and TaskQueue = '${s.name}'`,
        `TaskQueue = '${s.name}' and CloseTime is null`,
        `TaskQueue = '${s.name}' and StartTime > '2020-01-01T00:00:00Z'`,
        `TaskQueue = '${s.name}' and ExecutionDuration > '0s'`,
        `WorkflowId = '${s.name}'`,
        `WorkflowType = 'Story' and TaskQueue = '${s.name}'`,
        `ActivityStatus = 'Running'`,
        `ScheduleTime > '2020-01-01T00:00:00Z' and TaskQueue = '${s.name}'`,
        `RunId = '${otherRun}'`,
        `ExecutionStatus = 'ContinuedAsNew' and TaskQueue = '${s.name}'`,
        `ExecutionStatus = 'Nonsense'`,
        `ExecutionStatus = 1 and TaskQueue = '${s.name}'`,
        `ParentWorkflowId = 'x'`,
        `HistoryLength > 1`,
        `Nonsense = 1`,
        `ActivityId`,
        `ActivityId = 1`,
        `TaskQueue = '${s.name}' ORDER BY StartTime`,
        `TaskQueue = '${s.name}' GROUP BY ExecutionStatus`,
        `TaskQueue = '${s.name}' GROUP BY ActivityType`,
      ];
      for (const query of queries) {
        s.note("query", query);
        await s.attempt("ListActivityExecutions", { namespace: "default", query });
        await s.attempt("CountActivityExecutions", { namespace: "default", query });
      }
      const query = `TaskQueue = '${s.name}'`;
      const first = await s.call("ListActivityExecutions", { namespace: "default", query, pageSize: 1 });
      await s.call("ListActivityExecutions", {
        namespace: "default",
        query,
        pageSize: 2,
        nextPageToken: first.nextPageToken,
      });
      await s.attempt("ListActivityExecutions", {
        namespace: "default",
        query,
        nextPageToken: Buffer.from("nonsense"),
      });
      const { count } = await s.unrecorded("CountWorkflowExecutions", { namespace: "default", query });
      s.note("workflows", count);
    }),
  ];
}

type Row<N extends MethodName> = readonly [rule: string, fields: Extra<N>];

/** Every row changes some fields of a request that would be accepted. */
function refused<N extends MethodName>(method: N, accepted: (s: Play) => Extra<N>, rows: readonly Row<N>[]): Story {
  return story(
    `bad-standalone-${method.toLowerCase()}`,
    `${method} refuses what the reference server refuses`,
    async (s) => {
      await start(s);
      for (const [rule, fields] of rows) {
        s.note("rule", rule);
        await s.attempt(method, Object.assign({}, accepted(s), fields) as Extra<N>, { timeoutMs: 3_000 });
      }
    },
  );
}

const idRows = [
  ["no namespace", { namespace: "" }],
  ["unknown namespace", { namespace: "nowhere" }],
  ["no activity id", { activityId: "" }],
  ["a long activity id", { activityId: long }],
  ["a run id that is none", { runId: "not-a-uuid" }],
] as const;
const callerRows = [...idRows, ["a long identity", { identity: long }]] as const;
const askerRows = [...callerRows, ["a long request id", { requestId: long }]] as const;

function startRefusals(): Story[] {
  return [
    refused("StartActivityExecution", (s) => startRequest(s, { requestId: "second", activityId: `${s.name}-2` }), [
      ["no namespace", { namespace: "" }],
      ["unknown namespace", { namespace: "nowhere" }],
      ["no activity id", { activityId: "" }],
      ["a long activity id", { activityId: long }],
      ["no type", { activityType: undefined }],
      ["an empty type", { activityType: { name: "" } }],
      ["a long type", { activityType: { name: long } }],
      ["no task queue", { taskQueue: undefined }],
      ["an empty task queue", { taskQueue: { name: "" } }],
      ["a long task queue", { taskQueue: { name: long } }],
      ["a task queue of the system", { taskQueue: { name: "/_sys/queue/1" } }],
      ["the internal task queue", { taskQueue: { name: "temporal-sys-per-ns-tq" } }],
      ["a sticky task queue", { taskQueue: { name: "q", kind: enums.TaskQueueKind.STICKY } }],
      ["a long request id", { requestId: long }],
      ["a long identity", { identity: long }],
      ["no timeout", { startToCloseTimeout: undefined }],
      ["a negative start to close", { startToCloseTimeout: negative }],
      ["a negative schedule to close", { scheduleToCloseTimeout: negative }],
      ["a negative schedule to start", { scheduleToStartTimeout: negative }],
      ["a negative heartbeat timeout", { heartbeatTimeout: negative }],
      ["a negative start delay", { startDelay: negative }],
      ["a negative interval", { retryPolicy: { initialInterval: negative } }],
      ["a small coefficient", { retryPolicy: { initialInterval: seconds(1), backoffCoefficient: 0.5 } }],
      ["a small maximum interval", { retryPolicy: { initialInterval: seconds(2), maximumInterval: seconds(1) } }],
      ["negative attempts", { retryPolicy: { maximumAttempts: -1 } }],
      ["a negative priority", { priority: { priorityKey: -1 } }],
      ["a long fairness key", { priority: { fairnessKey: "x".repeat(65) } }],
      ["an unknown reuse policy", { idReusePolicy: 9 as never }],
      ["an unknown conflict policy", { idConflictPolicy: 9 as never }],
      ["an unknown search attribute", { searchAttributes: { indexedFields: { Nonsense: payload("x") } } }],
      ["a system search attribute", { searchAttributes: { indexedFields: { WorkflowId: payload("x") } } }],
      ["an attribute of activities", { searchAttributes: { indexedFields: { ActivityType: payload("x") } } }],
      ["a large input", { input: text("x".repeat(2_100_000)) }],
      ["a large summary", { userMetadata: { summary: payload("x".repeat(500)) } }],
      ["an empty link", { links: [{}] }],
      ["a callback", { completionCallbacks: [{ nexus: { url: "nonsense" } }] }],
      ["callbacks to attach without the request id", { onConflictOptions: { attachCompletionCallbacks: true } }],
      ["a request id to attach with nothing", { onConflictOptions: { attachRequestId: true } }],
    ]),
  ];
}

function laterRefusals(): Story[] {
  return [
    refused("DescribeActivityExecution", of, [
      ...idRows,
      ["a token without a run id", { longPollToken: Buffer.from("x") }],
    ]),
    refused("PollActivityExecution", of, idRows),
    refused("RequestCancelActivityExecution", client, [
      ...askerRows,
      ["a long reason", { reason: "x".repeat(2_100_000) }],
    ]),
    refused("TerminateActivityExecution", client, [...askerRows, ["a long reason", { reason: "x".repeat(2_100_000) }]]),
    refused("DeleteActivityExecution", of, idRows),
    refused("PauseActivityExecution", client, [...askerRows, ["a long reason", { reason: "x".repeat(2_100_000) }]]),
    refused("UnpauseActivityExecution", client, [...askerRows, ["a negative jitter", { jitter: negative }]]),
    refused("ResetActivityExecution", client, [...askerRows, ["a negative jitter", { jitter: negative }]]),
    refused(
      "UpdateActivityExecutionOptions",
      (s) => ({
        ...client(s),
        activityOptions: { startToCloseTimeout: seconds(5) },
        updateMask: { paths: ["start_to_close_timeout"] },
      }),
      [
        ...askerRows,
        ["no options", { activityOptions: undefined }],
        ["no mask", { updateMask: undefined }],
        ["an empty mask", { updateMask: { paths: [] } }],
        ["an unknown path", { updateMask: { paths: ["nonsense"] } }],
        ["a mask and the original", { restoreOriginal: true }],
        ["a negative timeout", { activityOptions: { startToCloseTimeout: negative } }],
        ["no timeout left", { activityOptions: {} }],
        [
          "negative attempts",
          {
            activityOptions: { retryPolicy: { maximumAttempts: -1 } },
            updateMask: { paths: ["retry_policy.maximum_attempts"] },
          },
        ],
        ["no queue", { activityOptions: { taskQueue: { name: "" } }, updateMask: { paths: ["task_queue.name"] } }],
      ],
    ),
  ];
}
