import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { InProcess, jsonPayloads, taskQueue } from "../in-process.ts";

const { WorkflowIdConflictPolicy: Conflict, WorkflowIdReusePolicy: Reuse } = enums;

type Start = Init<RequestOf<"StartWorkflowExecution">>;

const tooLong = "x".repeat(limits.idBytesMax + 1);
/** As many bytes as may be, in characters of three bytes each, and one more. */
const longest = "€".repeat(Math.floor(limits.idBytesMax / 3));
const tooLongInBytes = `${longest}€`;
const tooLarge = { payloads: [{ data: new Uint8Array(limits.blobBytesMax + 1) }] };
const negative = { seconds: -1, nanos: 0 };
const second = { seconds: 1, nanos: 0 };
const link = { workflowEvent: { namespace: "n", workflowId: "w", runId: "r" } };

/** What both ways of starting refuse alike. */
const common: readonly (readonly [name: string, change: Start, verdict: string])[] = [
  ["no namespace", { namespace: "" }, "INVALID_ARGUMENT Namespace is empty."],
  ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
  ["no workflow id", { workflowId: "" }, "INVALID_ARGUMENT WorkflowId is not set on request."],
  [
    "a long workflow id",
    { workflowId: tooLong },
    "INVALID_ARGUMENT WorkflowId exceeds maximum allowed length (1001/1000)",
  ],
  [
    "a workflow id of too many bytes",
    { workflowId: tooLongInBytes },
    "INVALID_ARGUMENT WorkflowId exceeds maximum allowed length (1002/1000)",
  ],
  ["the longest workflow id", { workflowId: longest }, "accepted"],
  ["no queue", { taskQueue: undefined }, "INVALID_ARGUMENT taskQueue is not set"],
  ["an unnamed queue", { taskQueue: { name: "" } }, "INVALID_ARGUMENT missing task queue name"],
  ["a long queue", { taskQueue: { name: tooLong } }, "INVALID_ARGUMENT taskQueue length exceeds limit"],
  [
    "a system queue",
    { taskQueue: { name: "/_sys/q/1" } },
    "INVALID_ARGUMENT task queue name cannot start with reserved prefix /_sys/",
  ],
  [
    "the system's queue",
    { taskQueue: { name: "temporal-sys-per-ns-tq" } },
    "INVALID_ARGUMENT cannot use internal per-namespace task queue:temporal-sys-per-ns-tq",
  ],
  [
    "time that is skipped",
    { timeSkippingConfig: { enabled: true } },
    "UNIMPLEMENTED The Time-Skipping feature is not enabled for namespace.",
  ],
  [
    "a negative execution timeout",
    { workflowExecutionTimeout: negative },
    "INVALID_ARGUMENT An invalid WorkflowExecutionTimeoutSeconds is set on request. cause: negative duration",
  ],
  [
    "a negative run timeout",
    { workflowRunTimeout: { seconds: 0, nanos: -1 } },
    "INVALID_ARGUMENT An invalid WorkflowRunTimeoutSeconds is set on request. cause: negative duration",
  ],
  [
    "a negative task timeout",
    { workflowTaskTimeout: negative },
    "INVALID_ARGUMENT An invalid WorkflowTaskTimeoutSeconds is set on request. cause: negative duration",
  ],
  ["an endless execution timeout", { workflowExecutionTimeout: { seconds: 9_000_000_000, nanos: 0 } }, "accepted"],
  [
    "a negative delay",
    { workflowStartDelay: negative },
    "INVALID_ARGUMENT An invalid WorkflowStartDelaySeconds is set on request. cause: negative duration",
  ],
  [
    "a delay and cron",
    { workflowStartDelay: second, cronSchedule: "* * * * *" },
    "INVALID_ARGUMENT CronSchedule and WorkflowStartDelay may not be used together.",
  ],
  [
    "a retry policy that shrinks",
    { retryPolicy: { backoffCoefficient: 0.5 } },
    "INVALID_ARGUMENT BackoffCoefficient cannot be less than 1 on retry policy.",
  ],
  ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
  [
    "an unknown reuse policy",
    { workflowIdReusePolicy: 77 as never },
    "INVALID_ARGUMENT Invalid WorkflowIDReusePolicy: 77.",
  ],
  [
    "an unknown conflict policy",
    { workflowIdConflictPolicy: 77 as never },
    "INVALID_ARGUMENT Invalid WorkflowIDConflictPolicy: 77.",
  ],
  [
    "terminating twice over",
    { workflowIdReusePolicy: Reuse.TERMINATE_IF_RUNNING, workflowIdConflictPolicy: Conflict.USE_EXISTING },
    "INVALID_ARGUMENT Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy",
  ],
  [
    "rejecting and terminating",
    { workflowIdReusePolicy: Reuse.REJECT_DUPLICATE, workflowIdConflictPolicy: Conflict.TERMINATE_EXISTING },
    "INVALID_ARGUMENT Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
  ],
  ["a negative priority", { priority: { priorityKey: -1 } }, "INVALID_ARGUMENT priority key can't be negative"],
  [
    "a long fairness key",
    { priority: { fairnessKey: "k".repeat(65) } },
    "INVALID_ARGUMENT fairness key length exceeds limit",
  ],
  ["a negative fairness weight", { priority: { fairnessWeight: -1 } }, "INVALID_ARGUMENT must be greater than zero"],
  ["an override that says nothing", { versioningOverride: {} }, "INVALID_ARGUMENT override behavior is required"],
  [
    "an override to a version without a behavior",
    { versioningOverride: { pinned: { version: { deploymentName: "d", buildId: "1" } } } },
    "INVALID_ARGUMENT must specify pinned override behavior if override is pinned.",
  ],
  [
    "an override to no version",
    { versioningOverride: { pinned: { behavior: 1 } } },
    "INVALID_ARGUMENT must provide version if override is pinned.",
  ],
  [
    "an override to an unreadable version",
    { versioningOverride: { behavior: 1, pinnedVersion: "d1" } },
    'INVALID_ARGUMENT invalid version string "d1", expected format is "<deployment_name>.<build_id>"',
  ],
  [
    "an override to a version that nobody polls",
    { versioningOverride: { behavior: 1, pinnedVersion: "d.1" } },
    "FAILED_PRECONDITION Pinned version 'd:1' is not present in task queue 'q' of type 'Workflow'",
  ],
  ["an override to upgrade by itself", { versioningOverride: { autoUpgrade: true } }, "accepted"],
  [
    "too many links",
    { links: Array(11).fill(link) },
    "INVALID_ARGUMENT cannot attach more than 10 links per request, got 11",
  ],
  ["as many links as may be", { links: Array(10).fill(link) }, "accepted"],
  [
    "a link to nowhere",
    { links: [{ workflowEvent: { workflowId: "w", runId: "r" } }] },
    "INVALID_ARGUMENT workflow event link must not have an empty namespace field",
  ],
  [
    "a link to no workflow",
    { links: [{ workflowEvent: { namespace: "n", runId: "r" } }] },
    "INVALID_ARGUMENT workflow event link must not have an empty workflow ID field",
  ],
  [
    "a link to no run",
    { links: [{ workflowEvent: { namespace: "n", workflowId: "w" } }] },
    "INVALID_ARGUMENT workflow event link must not have an empty run ID field",
  ],
  [
    "a link to an event of no type",
    { links: [{ workflowEvent: { ...link.workflowEvent, eventRef: { eventId: 5 } } }] },
    "INVALID_ARGUMENT workflow event link ref cannot have an unspecified event type and a non-zero event ID",
  ],
  [
    "a link to no batch",
    { links: [{ batchJob: { jobId: "" } }] },
    "INVALID_ARGUMENT batch job link must not have an empty job ID",
  ],
  ["an empty link", { links: [{}] }, "INVALID_ARGUMENT unsupported link variant"],
  [
    "a large link",
    { links: [{ workflowEvent: { ...link.workflowEvent, workflowId: "w".repeat(4_000) } }] },
    "INVALID_ARGUMENT link exceeds allowed size of 4000, got 4012",
  ],
  ["a long summary", { userMetadata: { summary: { data: new Uint8Array(20_000) } } }, "accepted"],
  [
    "large details",
    { userMetadata: { details: tooLarge.payloads[0]! } },
    "INVALID_ARGUMENT UserMetadata size exceeds limit.",
  ],
  ["a large input", { input: tooLarge }, "INVALID_ARGUMENT Blob data size exceeds limit."],
  ["a large memo", { memo: { fields: { m: tooLarge.payloads[0]! } } }, "INVALID_ARGUMENT Memo size exceeds limit."],
  [
    "a large header",
    { header: { fields: { h: tooLarge.payloads[0]! } } },
    "INVALID_ARGUMENT Header size exceeds limit.",
  ],
  [
    "an unregistered search attribute",
    { searchAttributes: { indexedFields: { Customer: jsonPayloads("x").payloads[0]! } } },
    "INVALID_ARGUMENT Namespace orders has no mapping defined for search attribute Customer",
  ],
];

const starts: typeof common = [
  ["no type", { workflowType: undefined }, "INVALID_ARGUMENT WorkflowType is not set on request."],
  ["an empty type", { workflowType: { name: "" } }, "INVALID_ARGUMENT WorkflowType is not set on request."],
  ["a long type", { workflowType: { name: tooLong } }, "INVALID_ARGUMENT WorkflowType length exceeds limit."],
  ["a long request id", { requestId: tooLong }, "INVALID_ARGUMENT RequestId length exceeds limit."],
  [
    "callbacks without their request id",
    { onConflictOptions: { attachCompletionCallbacks: true } },
    "INVALID_ARGUMENT attaching request ID is required for attaching completion callbacks",
  ],
  [
    "a callback to an address that is not configured",
    { completionCallbacks: [{ nexus: { url: "http://x" } }] },
    "INVALID_ARGUMENT invalid url: url does not match any configured callback address: http://x",
  ],
  ["a large last result", { lastCompletionResult: tooLarge }, "INVALID_ARGUMENT Blob data size exceeds limit."],
  ["conflict policy fail", { workflowIdConflictPolicy: Conflict.FAIL }, "accepted"],
];

type SignalWithStart = Init<RequestOf<"SignalWithStartWorkflowExecution">>;
const signalsWithStart: readonly (readonly [name: string, change: SignalWithStart, verdict: string])[] = [
  ["no type", { workflowType: undefined }, "INVALID_ARGUMENT workflow type not set"],
  [
    "a long type",
    { workflowType: { name: tooLong } },
    "INVALID_ARGUMENT workflow type name exceeds maximum allowed length (1001/1000)",
  ],
  [
    "a long request id",
    { requestId: tooLong },
    "INVALID_ARGUMENT Request ID exceeds maximum allowed length (1001/1000)",
  ],
  ["no signal name", { signalName: "" }, "INVALID_ARGUMENT signal not set"],
  [
    "a long signal name",
    { signalName: tooLong },
    "INVALID_ARGUMENT signal name exceeds maximum allowed length (1001/1000)",
  ],
  ["a large signal", { signalInput: tooLarge }, "INVALID_ARGUMENT Blob data size exceeds limit."],
  [
    "conflict policy fail",
    { workflowIdConflictPolicy: Conflict.FAIL },
    "INVALID_ARGUMENT Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for this operation.",
  ],
];

const valid: Start = { workflowId: "w", workflowType: { name: "T" }, taskQueue };

describe("StartWorkflowExecution", () => {
  for (const [name, change, verdict] of [...common, ...starts])
    test(`with ${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("StartWorkflowExecution", { ...valid, ...change }), verdict);
    });
});

describe("SignalWithStartWorkflowExecution", () => {
  for (const [name, change, verdict] of [...common, ...signalsWithStart])
    test(`with ${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      const request = { ...valid, signalName: "s", ...change } as SignalWithStart;
      assert.equal(await server.verdict("SignalWithStartWorkflowExecution", request), verdict);
    });
});
