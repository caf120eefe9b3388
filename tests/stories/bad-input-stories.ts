/** What the servers refuse, one row a rule: status, message and detail must be equal. */
import { enums, type Init, type MethodName, type RequestOf } from "@pawl/protocol";
import { badCommandStories } from "./bad-command-stories.ts";
import { applicationFailure, payload, seconds, text } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const Conflict = enums.WorkflowIdConflictPolicy;
const Reuse = enums.WorkflowIdReusePolicy;
const long = "x".repeat(1_001);
const negative = { seconds: -1, nanos: 0 };
const otherRun = "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001";
const sticky = enums.TaskQueueKind.STICKY;

type Row<N extends MethodName> = readonly [rule: string, fields: Init<RequestOf<N>>];

/** Every row changes some fields of a request that would be accepted. */
function refusals<N extends MethodName>(
  method: N,
  accepted: (s: Play) => Init<RequestOf<N>>,
  rows: readonly Row<N>[],
  otherwise = "",
): Story {
  return story(
    `bad-${method.toLowerCase()}${otherwise && "-otherwise"}`,
    `what ${method} refuses${otherwise}`,
    async (s) => {
      await s.start();
      for (const [rule, fields] of rows) {
        s.note("rule", rule);
        const request: Init<RequestOf<N>> = Object.assign({}, accepted(s), fields);
        await s.attempt(method, request, { timeoutMs: 3_000 });
      }
    },
  );
}

const ofRun = (s: Play) => ({ namespace: "default", workflowExecution: { workflowId: s.name } });
const executionRows = [
  ["no namespace", { namespace: "" }],
  ["unknown namespace", { namespace: "nowhere" }],
  ["no execution", { workflowExecution: undefined }],
  ["no workflow id", { workflowExecution: { workflowId: "" } }],
  ["a long workflow id", { workflowExecution: { workflowId: long } }],
  ["a run id that is none", { workflowExecution: { workflowId: "w", runId: "not-a-uuid" } }],
  ["unknown workflow", { workflowExecution: { workflowId: "nobody" } }],
  ["unknown run", { workflowExecution: { workflowId: "nobody", runId: otherRun } }],
] as const;

const startRows: readonly Row<"StartWorkflowExecution">[] = [
  ["no namespace", { namespace: "" }],
  ["unknown namespace", { namespace: "nowhere" }],
  ["no workflow id", { workflowId: "" }],
  ["a long workflow id", { workflowId: long }],
  ["no type", { workflowType: undefined }],
  ["an empty type", { workflowType: { name: "" } }],
  ["a long type", { workflowType: { name: long } }],
  ["no task queue", { taskQueue: undefined }],
  ["an empty task queue", { taskQueue: { name: "" } }],
  ["a long task queue", { taskQueue: { name: long } }],
  ["a task queue of the system", { taskQueue: { name: "/_sys/queue/1" } }],
  ["the internal task queue", { taskQueue: { name: "temporal-sys-per-ns-tq" } }],
  ["a long request id", { requestId: long }],
  ["a negative execution timeout", { workflowExecutionTimeout: negative }],
  ["a negative run timeout", { workflowRunTimeout: negative }],
  ["a negative task timeout", { workflowTaskTimeout: negative }],
  ["a negative start delay", { workflowStartDelay: negative }],
  ["a start delay with cron", { workflowStartDelay: seconds(1), cronSchedule: "* * * * *" }],
  ["a cron schedule that is none", { cronSchedule: "sometimes" }],
  ["a negative interval", { retryPolicy: { initialInterval: negative } }],
  ["a small coefficient", { retryPolicy: { initialInterval: seconds(1), backoffCoefficient: 0.5 } }],
  ["a negative maximum interval", { retryPolicy: { initialInterval: seconds(1), maximumInterval: negative } }],
  ["a small maximum interval", { retryPolicy: { initialInterval: seconds(2), maximumInterval: seconds(1) } }],
  ["negative attempts", { retryPolicy: { maximumAttempts: -1 } }],
  ["an unknown timeout type", { retryPolicy: { nonRetryableErrorTypes: ["TemporalTimeout:Never"] } }],
  [
    "both policies to terminate",
    { workflowIdReusePolicy: Reuse.TERMINATE_IF_RUNNING, workflowIdConflictPolicy: Conflict.FAIL },
  ],
  [
    "rejecting duplicates and terminating",
    { workflowIdReusePolicy: Reuse.REJECT_DUPLICATE, workflowIdConflictPolicy: Conflict.TERMINATE_EXISTING },
  ],
  ["an unknown search attribute", { searchAttributes: { indexedFields: { Nonsense: payload("x") } } }],
  ["a system search attribute", { searchAttributes: { indexedFields: { WorkflowId: payload("x") } } }],
  [
    "a search attribute of the wrong type",
    { searchAttributes: { indexedFields: { TemporalSchedulePaused: payload("x") } } },
  ],
  ["a large summary", { userMetadata: { summary: payload("x".repeat(500)) } }],
  ["large details", { userMetadata: { details: payload("x".repeat(21_000)) } }],
  ["a large memo", { memo: { fields: { m: payload("x".repeat(2_100_000)) } } }],
  ["a large input", { input: text("x".repeat(2_100_000)) }],
  ["a negative priority", { priority: { priorityKey: -1 } }],
  ["a long fairness key", { priority: { fairnessKey: "x".repeat(65) } }],
  ["an empty link", { links: [{}] }],
];

/** What Pawl refuses in another way; see `known-differences.ts`. */
const otherStartRows: readonly Row<"StartWorkflowExecution">[] = [
  ["a long identity", { identity: long }],
  ["a negative fairness weight", { priority: { fairnessWeight: -1 } }],
  ["a versioning override", { versioningOverride: { behavior: enums.VersioningBehavior.PINNED } }],
  ["a callback", { completionCallbacks: [{ nexus: { url: "nonsense" } }] }],
];

export const badInputStories: readonly Story[] = [
  refusals("StartWorkflowExecution", (s) => s.startRequest({ requestId: "second" }), startRows),
  refusals("StartWorkflowExecution", (s) => s.startRequest({ requestId: "second" }), otherStartRows, " in other ways"),
  refusals(
    "SignalWithStartWorkflowExecution",
    (s) => ({ ...s.startRequest({ workflowId: `${s.name}-new` }), signalName: "s" }),
    [
      ["no signal name", { signalName: "" }],
      ["a long signal name", { signalName: long }],
      ["no workflow id", { workflowId: "" }],
      ["no type", { workflowType: undefined }],
      ["no task queue", { taskQueue: undefined }],
      ["a negative run timeout", { workflowRunTimeout: negative }],
      ["failing on conflict", { workflowIdConflictPolicy: Conflict.FAIL }],
      [
        "both policies to terminate",
        { workflowIdReusePolicy: Reuse.TERMINATE_IF_RUNNING, workflowIdConflictPolicy: Conflict.USE_EXISTING },
      ],
      ["a large signal input", { signalInput: text("x".repeat(2_100_000)) }],
      ["a start delay with cron", { workflowStartDelay: seconds(1), cronSchedule: "* * * * *" }],
    ],
  ),
  refusals("SignalWorkflowExecution", (s) => ({ ...ofRun(s), signalName: "s" }), [
    ...executionRows,
    ["no signal name", { signalName: "" }],
    ["a long signal name", { signalName: long }],
    ["a long request id", { requestId: long }],
    ["a large input", { input: text("x".repeat(2_100_000)) }],
  ]),
  refusals("RequestCancelWorkflowExecution", ofRun, [
    ...executionRows,
    ["another chain", { firstExecutionRunId: otherRun }],
    ["a chain that is none", { firstExecutionRunId: "x" }],
  ]),
  refusals("TerminateWorkflowExecution", ofRun, [
    ...executionRows,
    ["another chain", { firstExecutionRunId: otherRun }],
    ["a chain that is none", { firstExecutionRunId: "x" }],
  ]),
  refusals("DescribeWorkflowExecution", (s) => ({ namespace: "default", execution: { workflowId: s.name } }), [
    ["no namespace", { namespace: "" }],
    ["no execution", { execution: undefined }],
    ["no workflow id", { execution: { workflowId: "" } }],
    ["a run id that is none", { execution: { workflowId: "w", runId: "x" } }],
    ["unknown run", { execution: { workflowId: "w", runId: otherRun } }],
  ]),
  refusals("GetWorkflowExecutionHistory", (s) => ({ namespace: "default", execution: { workflowId: s.name } }), [
    ["no namespace", { namespace: "" }],
    ["no execution", { execution: undefined }],
    ["no workflow id", { execution: { workflowId: "" } }],
    ["a run id that is none", { execution: { workflowId: "w", runId: "x" } }],
    ["a token that is none", { nextPageToken: Buffer.from("nonsense") }],
    ["a negative page size", { maximumPageSize: -1 }],
  ]),
  refusals("GetWorkflowExecutionHistoryReverse", (s) => ({ namespace: "default", execution: { workflowId: s.name } }), [
    ["no execution", { execution: undefined }],
    ["a run id that is none", { execution: { workflowId: "w", runId: "x" } }],
    ["a token that is none", { nextPageToken: Buffer.from("nonsense") }],
  ]),
  refusals(
    "QueryWorkflow",
    (s) => ({ namespace: "default", execution: { workflowId: s.name }, query: { queryType: "q" } }),
    [
      ["no namespace", { namespace: "" }],
      ["no execution", { execution: undefined }],
      ["a run id that is none", { execution: { workflowId: "w", runId: "x" } }],
      ["no query", { query: undefined }],
      ["no query type", { query: { queryType: "" } }],
      ["a large query", { query: { queryType: "q", queryArgs: text("x".repeat(2_100_000)) } }],
    ],
  ),
  refusals("ResetStickyTaskQueue", (s) => ({ namespace: "default", execution: { workflowId: s.name } }), [
    ["no execution", { execution: undefined }],
    ["unknown workflow", { execution: { workflowId: "nobody" } }],
  ]),
  refusals("PollWorkflowTaskQueue", (s) => ({ namespace: "default", taskQueue: { name: `${s.name}-empty` } }), [
    ["no namespace", { namespace: "" }],
    ["unknown namespace", { namespace: "nowhere" }],
    ["no task queue", { taskQueue: undefined }],
    ["an empty task queue", { taskQueue: { name: "" } }],
    ["a long task queue", { taskQueue: { name: long } }],
    ["a long identity", { identity: long }],
    ["a sticky queue without its normal one", { taskQueue: { name: "bad-sticky", kind: sticky } }],
    ["a task queue of the system", { taskQueue: { name: "/_sys/q/9" } }],
  ]),
  refusals("PollActivityTaskQueue", (s) => ({ namespace: "default", taskQueue: { name: `${s.name}-empty` } }), [
    ["no namespace", { namespace: "" }],
    ["no task queue", { taskQueue: undefined }],
    ["an empty task queue", { taskQueue: { name: "" } }],
    ["a long identity", { identity: long }],
    ["a sticky queue", { taskQueue: { name: "bad-sticky", kind: sticky, normalName: "n" } }],
  ]),
  ...tokenStories(),
  story("bad-activity-by-id", "what is refused of an activity named by its ids", async (s) => {
    await s.start();
    const request = { namespace: "default", workflowId: s.name, activityId: "a" };
    const rows = [
      ["no namespace", { namespace: "" }],
      ["no activity id", { activityId: "" }],
      ["a run id that is none", { runId: "x" }],
      ["unknown run", { runId: otherRun }],
      ["unknown workflow", { workflowId: "nobody" }],
      ["unknown activity", {}],
      ["a long identity", { identity: long }],
    ] as const;
    for (const [rule, fields] of rows) {
      s.note("rule", rule);
      await s.attempt("RecordActivityTaskHeartbeatById", { ...request, ...fields });
      await s.attempt("RespondActivityTaskCompletedById", { ...request, ...fields });
      await s.attempt("RespondActivityTaskFailedById", { ...request, ...fields, failure: applicationFailure("x") });
      await s.attempt("RespondActivityTaskCanceledById", { ...request, ...fields });
    }
  }),
  ...badCommandStories,
];

/** Every answer of a worker, with tokens that are empty, cut, made up and of something else. */
function tokenStories(): Story[] {
  const rows = [
    ["no token", new Uint8Array(0)],
    ["a token of one byte", new Uint8Array([1])],
    ["text", Buffer.from("nonsense")],
  ] as const;
  const methods = [
    "RespondWorkflowTaskCompleted",
    "RespondWorkflowTaskFailed",
    "RespondQueryTaskCompleted",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed",
    "RespondActivityTaskCanceled",
    "RecordActivityTaskHeartbeat",
  ] as const;
  return methods.map((method) =>
    story(`bad-token-${method.toLowerCase()}`, `tokens that ${method} refuses`, async (s) => {
      for (const [rule, taskToken] of rows) {
        s.note("rule", rule);
        await s.attempt(method, { namespace: "default", taskToken });
      }
    }),
  );
}
