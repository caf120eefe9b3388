/** Every way in which a worker's command can be wrong: what its workflow task fails of, or its run is ended for, and what the worker is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type common, enums, type Init, type protocol, toDuration, update, workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import {
  applicationFailure,
  CachedWorkflow,
  type CommandInit,
  commands,
  ScriptedWorkflow,
} from "../workflow/scripted-workflow.ts";

const { CommandType, WorkflowTaskFailedCause: Cause } = enums;
type CauseName = keyof typeof Cause;
/** The commands, the cause of the failure, and how what the worker is told begins or what it contains. */
type Row = readonly [readonly CommandInit[], CauseName, RegExp];

const long = "x".repeat(limits.idBytesMax + 1);
const reserved = "temporal-sys-per-ns-tq";
const negative = toDuration(-1);
const huge: common.Payload = { metadata: {}, data: new Uint8Array(limits.blobBytesMax + 1), externalPayloads: [] };
const hugeInput = { payloads: [huge] };
const runId = "11111111-1111-4111-8111-111111111111";

const withoutAttributes = (type: keyof typeof CommandType): CommandInit => ({ commandType: CommandType[type] });

function child(more: Init<NonNullable<CommandInit["startChildWorkflowExecutionCommandAttributes"]>> = {}): CommandInit {
  return {
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      workflowId: "child",
      workflowType: { name: "Child" },
      taskQueue: { name: "queue" },
      ...more,
    },
  };
}

function signal(
  more: Init<NonNullable<CommandInit["signalExternalWorkflowExecutionCommandAttributes"]>> = {},
): CommandInit {
  return {
    commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    signalExternalWorkflowExecutionCommandAttributes: {
      execution: { workflowId: "other" },
      signalName: "s",
      ...more,
    },
  };
}

function cancel(
  more: Init<NonNullable<CommandInit["requestCancelExternalWorkflowExecutionCommandAttributes"]>> = {},
): CommandInit {
  return {
    commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
    requestCancelExternalWorkflowExecutionCommandAttributes: { workflowId: "other", ...more },
  };
}

function upsert(
  searchAttributes?: Init<
    NonNullable<NonNullable<CommandInit["upsertWorkflowSearchAttributesCommandAttributes"]>["searchAttributes"]>
  >,
): CommandInit {
  return {
    commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    upsertWorkflowSearchAttributesCommandAttributes: searchAttributes ? { searchAttributes } : {},
  };
}

const memo = (fields: Record<string, common.Payload>): CommandInit => ({
  commandType: CommandType.MODIFY_WORKFLOW_PROPERTIES,
  modifyWorkflowPropertiesCommandAttributes: { upsertedMemo: { fields } },
});

const pointer = (messageId: string): CommandInit => ({
  commandType: CommandType.PROTOCOL_MESSAGE,
  protocolMessageCommandAttributes: { messageId },
});

/** So many of them, each of which alone is right. */
const many = (count: number, make: (index: number) => CommandInit): CommandInit[] =>
  Array.from({ length: count }, (_, index) => make(index));

const activity: CauseName = "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES";
const cancelActivity: CauseName = "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES";
const startChild: CauseName = "BAD_START_CHILD_EXECUTION_ATTRIBUTES";
const signalOther: CauseName = "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES";
const cancelOther: CauseName = "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES";
const goOn: CauseName = "BAD_CONTINUE_AS_NEW_ATTRIBUTES";
const operation: CauseName = "BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES";
const updateMessage: CauseName = "BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE";

const rows: readonly Row[] = [
  [[withoutAttributes("SCHEDULE_ACTIVITY_TASK")], activity, /ScheduleActivityTaskCommandAttributes is not set/],
  [[commands.activity("")], activity, /activityId is not set/],
  [[commands.activity("a", { activityType: { name: "" } })], activity, /activityType is not set/],
  [[commands.activity(long)], activity, /activityId exceeds length limit\. Length=1001 Limit=1000/],
  [[commands.activity("a", { activityType: { name: long } })], activity, /activityType exceeds length limit/],
  [[commands.activity("a", { taskQueue: { name: "" } })], activity, /taskQueue is not set/],
  [[commands.activity("a", { taskQueue: { name: long } })], activity, /taskQueue length exceeds limit/],
  [[commands.activity("a", { taskQueue: { name: "/_sys/q" } })], activity, /cannot start with reserved prefix/],
  [[commands.activity("a", { taskQueue: { name: reserved } })], activity, /internal per-namespace task queue/],
  [[commands.activity("a", { priority: { priorityKey: -1 } })], activity, /priority key can't be negative/],
  [[commands.activity("a", { scheduleToCloseTimeout: negative })], activity, /invalid ScheduleToCloseTimeout/],
  [[commands.activity("a", { scheduleToStartTimeout: negative })], activity, /invalid ScheduleToStartTimeout/],
  [[commands.activity("a", { startToCloseTimeout: negative })], activity, /invalid StartToCloseTimeout/],
  [[commands.activity("a", { heartbeatTimeout: negative })], activity, /invalid HeartbeatTimeout/],
  [[commands.activity("a", { startToCloseTimeout: toDuration(0) })], activity, /a valid StartToCloseTimeout or/],
  [[commands.activity("a", { retryPolicy: { initialInterval: negative } })], activity, /invalid InitialInterval/],
  [[commands.activity("a", { retryPolicy: { backoffCoefficient: 0.5 } })], activity, /BackoffCoefficient cannot be/],
  [[commands.activity("a", { retryPolicy: { maximumInterval: negative } })], activity, /invalid MaximumInterval/],
  [
    [commands.activity("a", { retryPolicy: { initialInterval: toDuration(2), maximumInterval: toDuration(1) } })],
    activity,
    /MaximumInterval cannot be less than InitialInterval/,
  ],
  [[commands.activity("a", { retryPolicy: { maximumAttempts: -1 } })], activity, /MaximumAttempts cannot be negative/],
  [
    [commands.activity("a", { retryPolicy: { nonRetryableErrorTypes: ["TemporalTimeout:Never"] } })],
    activity,
    /Invalid timeout type value: Never/,
  ],
  [[commands.activity("a", { input: hugeInput })], activity, /ScheduleActivityTaskCommandAttributes\.Input exceeds/],
  [[commands.activity("a"), commands.activity("a")], "SCHEDULE_ACTIVITY_DUPLICATE_ID", /ActivityID: a/],
  [
    many(limits.pendingActivitiesMax + 1, (index) => commands.activity(`a${index}`)),
    "PENDING_ACTIVITIES_LIMIT_EXCEEDED",
    /the number of pending activities, 2000, has reached/,
  ],
  [[withoutAttributes("REQUEST_CANCEL_ACTIVITY_TASK")], cancelActivity, /CommandAttributes is not set/],
  [[commands.cancelActivity(0)], cancelActivity, /ScheduledEventId is not set/],
  [[withoutAttributes("START_TIMER")], "BAD_START_TIMER_ATTRIBUTES", /StartTimerCommandAttributes is not set/],
  [[commands.timer("", 1)], "BAD_START_TIMER_ATTRIBUTES", /TimerId is not set on StartTimerCommand/],
  [[commands.timer(long, 1)], "BAD_START_TIMER_ATTRIBUTES", /TimerId on StartTimerCommand exceeds length limit/],
  [[commands.timer("t", -1)], "BAD_START_TIMER_ATTRIBUTES", /negative duration\. TimerId=t/],
  [[commands.timer("t", 1), commands.timer("t", 1)], "START_TIMER_DUPLICATE_ID", /TimerID: t/],
  [[withoutAttributes("CANCEL_TIMER")], "BAD_CANCEL_TIMER_ATTRIBUTES", /CancelTimerCommandAttributes is not set/],
  [[commands.cancelTimer("")], "BAD_CANCEL_TIMER_ATTRIBUTES", /TimerId is not set on CancelTimerCommand/],
  [[commands.cancelTimer(long)], "BAD_CANCEL_TIMER_ATTRIBUTES", /TimerId on CancelTimerCommand exceeds/],
  [[commands.cancelTimer("t")], "BAD_CANCEL_TIMER_ATTRIBUTES", /TimerID: t/],
  [[withoutAttributes("RECORD_MARKER")], "BAD_RECORD_MARKER_ATTRIBUTES", /RecordMarkerCommandAttributes is not set/],
  [[commands.marker("")], "BAD_RECORD_MARKER_ATTRIBUTES", /MarkerName is not set/],
  [[commands.marker(long)], "BAD_RECORD_MARKER_ATTRIBUTES", /MarkerName on RecordMarkerCommand exceeds/],
  [
    [
      {
        ...withoutAttributes("RECORD_MARKER"),
        recordMarkerCommandAttributes: { markerName: "m", details: { d: hugeInput } },
      },
    ],
    "BAD_RECORD_MARKER_ATTRIBUTES",
    /RecordMarkerCommandAttributes\.Details exceeds size limit/,
  ],
  [
    [withoutAttributes("COMPLETE_WORKFLOW_EXECUTION")],
    "BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES",
    /CompleteWorkflowExecutionCommandAttributes is not set/,
  ],
  [[commands.completeWorkflow(hugeInput)], activity, /CompleteWorkflowExecutionCommandAttributes\.Result exceeds/],
  [
    [withoutAttributes("FAIL_WORKFLOW_EXECUTION")],
    "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
    /FailWorkflowExecutionCommandAttributes is not set/,
  ],
  [
    [{ ...withoutAttributes("FAIL_WORKFLOW_EXECUTION"), failWorkflowExecutionCommandAttributes: {} }],
    "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
    /Failure is not set/,
  ],
  [
    [withoutAttributes("CANCEL_WORKFLOW_EXECUTION")],
    "BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES",
    /CancelWorkflowExecutionCommandAttributes is not set/,
  ],
  [[withoutAttributes("CONTINUE_AS_NEW_WORKFLOW_EXECUTION")], goOn, /CommandAttributes is not set/],
  [[commands.continueAsNew({ workflowType: { name: long } })], goOn, /WorkflowType on .* exceeds length limit/],
  [[commands.continueAsNew({ taskQueue: { name: long } })], goOn, /taskQueue length exceeds limit/],
  [[commands.continueAsNew({ taskQueue: { name: reserved } })], goOn, /TaskQueue: .*internal per-namespace task queue/],
  [[commands.continueAsNew({ retryPolicy: { maximumAttempts: -1 } })], goOn, /invalid WorkflowRetryPolicy/],
  [[commands.continueAsNew({ workflowRunTimeout: negative })], goOn, /Invalid WorkflowRunTimeout/],
  [[commands.continueAsNew({ workflowTaskTimeout: negative })], goOn, /Invalid WorkflowTaskTimeout/],
  [[commands.continueAsNew({ backoffStartInterval: negative })], goOn, /Invalid BackoffStartInterval/],
  [[commands.continueAsNew({ input: hugeInput })], goOn, /ContinueAsNewWorkflowExecutionCommandAttributes\. Input/],
  [[withoutAttributes("START_CHILD_WORKFLOW_EXECUTION")], startChild, /CommandAttributes is not set/],
  [[child({ namespace: "elsewhere" })], startChild, /cross namespace calls are not allowed/],
  [[child({ workflowId: "" })], startChild, /Required field WorkflowId is not set/],
  [[child({ workflowType: { name: "" } })], startChild, /Required field WorkflowType is not set/],
  [[child({ workflowId: long })], startChild, /WorkflowId on .* exceeds length limit/],
  [[child({ workflowType: { name: long } })], startChild, /WorkflowType on .* exceeds length limit/],
  [[child({ workflowExecutionTimeout: negative })], startChild, /Invalid WorkflowExecutionTimeout/],
  [[child({ workflowRunTimeout: negative })], startChild, /Invalid WorkflowRunTimeout/],
  [[child({ workflowTaskTimeout: negative })], startChild, /Invalid WorkflowTaskTimeout/],
  [[child({ retryPolicy: { maximumAttempts: -1 } })], startChild, /invalid WorkflowRetryPolicy/],
  [[child({ cronSchedule: "now and then" })], startChild, /invalid CronSchedule/],
  [[child({ taskQueue: { name: long } })], startChild, /invalid TaskQueue/],
  [[child({ taskQueue: { name: reserved } })], startChild, /TaskQueue .*internal per-namespace task queue/],
  [[child({ input: hugeInput })], startChild, /StartChildWorkflowExecutionCommandAttributes\. Input exceeds/],
  [[child({ memo: { fields: { m: huge } } })], startChild, /StartChildWorkflowExecutionCommandAttributes\.Memo/],
  [
    many(limits.pendingChildrenMax + 1, (index) => child({ workflowId: `c${index}` })),
    "PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED",
    /child workflow executions/,
  ],
  [[withoutAttributes("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")], signalOther, /CommandAttributes is not set/],
  [[signal({ namespace: "elsewhere" })], signalOther, /cross namespace calls are not allowed/],
  [
    [
      {
        ...withoutAttributes("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION"),
        signalExternalWorkflowExecutionCommandAttributes: { signalName: "s" },
      },
    ],
    signalOther,
    /Execution is not set/,
  ],
  [[signal({ execution: { workflowId: "" } })], signalOther, /WorkflowId is not set/],
  [[signal({ execution: { workflowId: long } })], signalOther, /WorkflowId on .* exceeds length limit/],
  [[signal({ execution: { workflowId: "w", runId: "r" } })], signalOther, /Invalid RunId set/],
  [[signal({ signalName: "" })], signalOther, /SignalName is not set/],
  [[signal({ input: hugeInput })], signalOther, /SignalExternalWorkflowExecutionCommandAttributes\.Input exceeds/],
  [
    many(limits.pendingSignalsMax + 1, () => signal()),
    "PENDING_SIGNALS_LIMIT_EXCEEDED",
    /signals to external workflows/,
  ],
  [[withoutAttributes("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION")], cancelOther, /CommandAttributes is not set/],
  [[cancel({ namespace: "elsewhere" })], cancelOther, /cross namespace calls are not allowed/],
  [[cancel({ workflowId: "" })], cancelOther, /WorkflowId is not set/],
  [[cancel({ workflowId: long })], cancelOther, /WorkflowId on .* exceeds length limit/],
  [[cancel({ runId: "r" })], cancelOther, /Invalid RunId set/],
  [[child(), cancel({ workflowId: "child", runId })], cancelOther, /Start and RequestCancel for child workflow/],
  [
    many(limits.pendingCancelRequestsMax + 1, () => cancel()),
    "PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED",
    /requests to cancel external workflows/,
  ],
  [[withoutAttributes("SCHEDULE_NEXUS_OPERATION")], operation, /empty ScheduleNexusOperationCommandAttributes/],
  [[commands.nexus({ endpoint: "none" })], operation, /endpoint "none" not found/],
  [[commands.nexus({ service: long })], operation, /Service exceeds length limit/],
  [[commands.nexus({ operation: long })], operation, /Operation exceeds length limit/],
  [[commands.nexus({ scheduleToCloseTimeout: negative })], operation, /ScheduleToCloseTimeout is invalid/],
  [[commands.nexus({ input: huge })], operation, /ScheduleNexusOperationCommandAttributes\.Input exceeds size limit/],
  [[commands.nexus({ nexusHeader: { "Request-Timeout": "1s" } })], operation, /disallowed header key/],
  [[commands.nexus({ nexusHeader: { h: "x".repeat(limits.nexusHeaderBytesMax) } })], operation, /NexusHeader exceeds/],
  [
    many(limits.pendingNexusOperationsMax + 1, () => commands.nexus()),
    "PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED",
    /pending nexus operation limit of 30/,
  ],
  [
    [withoutAttributes("REQUEST_CANCEL_NEXUS_OPERATION")],
    "BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES",
    /empty CancelNexusOperationCommandAttributes/,
  ],
  [
    [commands.nexus(), commands.cancelNexus(5), commands.cancelNexus(5)],
    "BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES",
    /cancelation was already requested/,
  ],
  [[withoutAttributes("PROTOCOL_MESSAGE")], updateMessage, /ProtocolMessageCommandAttributes is not set/],
  [[pointer("")], updateMessage, /MessageID is not set/],
  [[pointer("m")], updateMessage, /referenced absent message ID m/],
  [[withoutAttributes("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")], "BAD_SEARCH_ATTRIBUTES", /CommandAttributes is not set/],
  [[upsert()], "BAD_SEARCH_ATTRIBUTES", /SearchAttributes is not set/],
  [[upsert({ indexedFields: {} })], "BAD_SEARCH_ATTRIBUTES", /IndexedFields is not set/],
  [[withoutAttributes("MODIFY_WORKFLOW_PROPERTIES")], "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES", /is not set/],
  [[memo({ m: huge })], "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES", /exceeds size limit/],
];

/** What the worker is told, the cause that history tells, and whether the run goes on. */
function refusal(workflow: ScriptedWorkflow, more: Init<workflowservice.RespondWorkflowTaskCompletedRequest>) {
  const reply = workflow.complete(workflow.pollTask(), [], more);
  const rejection = reply instanceof Rejection ? reply : reply.refused;
  assert(rejection, "the task is completed");
  const failed = workflow.events().findLast((event) => event.workflowTaskFailedEventAttributes);
  const cause = failed?.workflowTaskFailedEventAttributes?.cause;
  return { rejection, cause, isOpen: workflow.run().status.type === "open" };
}

for (const [asked, cause, told] of rows)
  test(`a workflow task fails as ${cause}: ${told.source}`, () => {
    const workflow = new ScriptedWorkflow();
    workflow.start();
    const { rejection, cause: recorded, isOpen } = refusal(workflow, { commands: asked });
    assert.equal(rejection.code, "INVALID_ARGUMENT");
    assert.match(rejection.message, told);
    assert.equal(recorded, Cause[cause]);
    // What is too large would be sent again and again: it ends the run.
    assert.equal(isOpen, !/exceeds size limit/.test(rejection.message) || /NexusHeader/.test(rejection.message));
  });

const request = { acceptedRequestMessageId: "u/request", acceptedRequestSequencingEventId: 5 };
const body = (typeName: string, value: Uint8Array) => ({ type_url: `type.googleapis.com/${typeName}`, value });
const accepts = (more: Init<update.Acceptance> = {}) =>
  body(update.Acceptance.typeName, update.Acceptance.encode({ ...request, ...more }));
const answers = (more: Init<update.Response> = { outcome: { success: { payloads: [] } } }) =>
  body(update.Response.typeName, update.Response.encode(more));
const rejects = body(
  update.Rejection.typeName,
  update.Rejection.encode({ rejectedRequestMessageId: "u/request", failure: applicationFailure("no") }),
);

/** What is said of which update, and what the worker is told. */
const messageRows: readonly (readonly [readonly (readonly [string, protocol.Message["body"]])[], RegExp])[] = [
  [[["u", undefined]], /nil message body/],
  [[["u", { type_url: "", value: new Uint8Array(0) }]], /no message name specified/],
  [[["u", body(update.Acceptance.typeName, new Uint8Array([0xff]))]], /cannot parse invalid wire-format data/],
  [[["u", body(update.Input.typeName, new Uint8Array(0))]], /Message type \*update\.Input not supported/],
  [[["u", body("temporal.api.common.v1.Payload", new Uint8Array(0))]], /unsupported protocol type temporal\.api/],
  [[["u", body("nothing", new Uint8Array(0))]], /unsupported protocol type $/],
  [[["u", accepts({ acceptedRequestSequencingEventId: 0 })]], /accepted_request_sequencing_event_id is not set/],
  [[["u", accepts({ acceptedRequestMessageId: "" })]], /accepted_request_message_id is not set/],
  [[["never asked", accepts()]], /update never asked wasn't found on the server/],
  [[["never asked", answers()]], /update never asked wasn't found on the server/],
  [[["u", answers()]], /received \*update\.Response message while in state Sent/],
  [
    [
      ["u", accepts()],
      ["u", accepts()],
    ],
    /received \*update\.Acceptance message while in state ProvisionallyAccepted/,
  ],
  [
    [
      ["u", accepts()],
      ["u", rejects],
    ],
    /received \*update\.Rejection message while in state ProvisionallyAccepted/,
  ],
  [
    [
      ["u", accepts()],
      ["u", answers({})],
    ],
    /invalid \*update\.Response: outcome is not set/,
  ],
  [
    [
      ["u", accepts()],
      ["u", answers()],
      ["u", answers()],
    ],
    /\*update\.Response message while in state ProvisionallyCompleted/,
  ],
];

for (const [said, told] of messageRows)
  test(`a workflow task fails of what its worker says of updates: ${told.source}`, () => {
    const workflow = new CachedWorkflow();
    workflow.start();
    workflow.complete(workflow.pollTask());
    const codec = workflowservice.UpdateWorkflowExecutionRequest;
    const asked = codec.decode(codec.encode({ request: { meta: { updateId: "u" }, input: { name: "change" } } }));
    workflow.do({ type: "update", request: asked });
    const messages = said.map(([protocolInstanceId, body], index) => ({ id: `m${index}`, protocolInstanceId, body }));
    const { rejection, cause } = refusal(workflow, { messages });
    assert.match(rejection.message, told);
    assert.equal(cause, Cause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE);
  });
