/** Commands of workers that are refused, one row a rule: the refusal, and the failed workflow task in history. */
import { enums } from "@pawl/protocol";
import { goOn } from "./going-on.ts";
import {
  activity,
  type Command,
  cancelActivity,
  cancelExternal,
  cancelTimer,
  child,
  complete,
  continueAsNew,
  fail,
  marker,
  payload,
  seconds,
  signalExternal,
  text,
  timer,
  upsertMemo,
  upsertSearchAttributes,
} from "./requests.ts";
import { type Story, story } from "./story.ts";

const Type = enums.CommandType;
const long = "x".repeat(1_001);
const large = text("x".repeat(2_100_000));
const negative = { seconds: -1, nanos: 0 };
const badPolicy = { initialInterval: seconds(2), maximumInterval: seconds(1) };

type Row = readonly [rule: string, ...commands: Command[]];

export const badCommandStories: readonly Story[] = [
  refused("schedule-activity", [
    ["no attributes", { commandType: Type.SCHEDULE_ACTIVITY_TASK }],
    ["no activity id", activity("q", { activityId: "" })],
    ["a long activity id", activity("q", { activityId: long })],
    ["no type", activity("q", { activityType: undefined })],
    ["an empty type", activity("q", { activityType: { name: "" } })],
    ["a long type", activity("q", { activityType: { name: long } })],
    ["no task queue", activity("q", { taskQueue: undefined })],
    ["a long task queue", activity(long)],
    ["a task queue of the system", activity("/_sys/q/1")],
    ["no timeout", activity("q", { startToCloseTimeout: undefined })],
    ["a negative start-to-close timeout", activity("q", { startToCloseTimeout: negative })],
    ["a negative schedule-to-close timeout", activity("q", { scheduleToCloseTimeout: negative })],
    ["a negative schedule-to-start timeout", activity("q", { scheduleToStartTimeout: negative })],
    ["a negative heartbeat timeout", activity("q", { heartbeatTimeout: negative })],
    ["a bad retry policy", activity("q", { retryPolicy: badPolicy })],
    ["negative attempts", activity("q", { retryPolicy: { maximumAttempts: -1 } })],
    ["a bad priority", activity("q", { priority: { priorityKey: -1 } })],
    ["an id twice", activity("q"), activity("q")],
    ["a large input", activity("q", { input: large })],
  ]),
  refused("cancel-activity", [
    ["no attributes", { commandType: Type.REQUEST_CANCEL_ACTIVITY_TASK }],
    ["no event", cancelActivity(0)],
    ["an unknown event", cancelActivity(3)],
    ["an event to come", cancelActivity(100)],
    ["an event to come beside one to be scheduled", activity("q"), cancelActivity(100)],
    ["the very event", activity("q"), cancelActivity(5)],
  ]),
  refused("timer", [
    ["no attributes", { commandType: Type.START_TIMER }],
    ["no id", timer("")],
    ["a long id", timer(long)],
    ["a negative time", { ...timer(), startTimerCommandAttributes: { timerId: "t", startToFireTimeout: negative } }],
    ["an id twice", timer(), timer()],
    ["cancelling without attributes", { commandType: Type.CANCEL_TIMER }],
    ["cancelling without an id", cancelTimer("")],
    ["cancelling a long id", cancelTimer(long)],
    ["cancelling an unknown one", cancelTimer("unknown")],
  ]),
  refused("marker", [
    ["no attributes", { commandType: Type.RECORD_MARKER }],
    ["no name", marker({ markerName: "" })],
    ["a long name", marker({ markerName: long })],
    ["large details", marker({ details: { d: large } })],
  ]),
  refused("close", [
    ["completing without attributes", { commandType: Type.COMPLETE_WORKFLOW_EXECUTION }],
    ["a large result", { ...complete(), completeWorkflowExecutionCommandAttributes: { result: large } }],
    ["failing without attributes", { commandType: Type.FAIL_WORKFLOW_EXECUTION }],
    [
      "failing without a failure",
      { commandType: Type.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: {} },
    ],
    ["cancelling without attributes", { commandType: Type.CANCEL_WORKFLOW_EXECUTION }],
    ["a command after the end", fail(), timer()],
  ]),
  refused("continue-as-new", [
    ["no attributes", { commandType: Type.CONTINUE_AS_NEW_WORKFLOW_EXECUTION }],
    ["a long type", continueAsNew({ workflowType: { name: long } })],
    ["a long task queue", continueAsNew({ taskQueue: { name: long } })],
    ["a negative run timeout", continueAsNew({ workflowRunTimeout: negative })],
    ["a negative task timeout", continueAsNew({ workflowTaskTimeout: negative })],
    ["a negative backoff", continueAsNew({ backoffStartInterval: negative })],
    ["a bad retry policy", continueAsNew({ retryPolicy: badPolicy })],
    ["an unknown search attribute", continueAsNew({ searchAttributes: { indexedFields: { Nonsense: payload(1) } } })],
    ["a large input", continueAsNew({ input: large })],
  ]),
  refused("child", [
    ["no workflow id", child("")],
    ["a long workflow id", child(long, { taskQueue: { name: "q" } })],
    ["no type", child("c", { workflowType: undefined })],
    ["a long type", child("c", { workflowType: { name: long } })],
    ["a long task queue", child("c", { taskQueue: { name: long } })],
    ["a negative execution timeout", child("c", { workflowExecutionTimeout: negative })],
    ["a negative run timeout", child("c", { workflowRunTimeout: negative })],
    ["a negative task timeout", child("c", { workflowTaskTimeout: negative })],
    ["a bad retry policy", child("c", { retryPolicy: badPolicy })],
    ["a bad cron schedule", child("c", { cronSchedule: "sometimes" })],
    ["an unknown search attribute", child("c", { searchAttributes: { indexedFields: { Nonsense: payload(1) } } })],
    ["a large input", child("c", { input: large })],
  ]),
  refused("external", [
    ["signalling without attributes", { commandType: Type.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION }],
    ["signalling nobody", signalExternal("")],
    ["signalling no execution", signalExternal("x", { execution: undefined })],
    ["signalling a run id that is none", signalExternal("x", { execution: { workflowId: "x", runId: "y" } })],
    ["signalling without a name", signalExternal("x", { signalName: "" })],
    ["signalling with a long name", signalExternal("x", { signalName: long })],
    ["signalling a long id", signalExternal(long)],
    ["a large input", signalExternal("x", { input: large })],
    ["cancelling without attributes", { commandType: Type.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION }],
    ["cancelling nobody", cancelExternal("")],
    ["cancelling a long id", cancelExternal(long)],
    ["cancelling a run id that is none", cancelExternal("x", { runId: "y" })],
  ]),
  refused("namespace", [
    ["another namespace", child("c", { namespace: "nowhere" })],
    ["signalling another namespace", signalExternal("x", { namespace: "nowhere" })],
    ["cancelling in another namespace", cancelExternal("x", { namespace: "nowhere" })],
  ]),
  refused("properties", [
    ["search attributes without attributes", { commandType: Type.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES }],
    ["no search attributes", upsertSearchAttributes({})],
    ["an unknown search attribute", upsertSearchAttributes({ Nonsense: payload(1) })],
    ["a system search attribute", upsertSearchAttributes({ RunId: payload("x") })],
    ["a search attribute of the wrong type", upsertSearchAttributes({ TemporalSchedulePaused: payload("x") })],
    ["memo without attributes", { commandType: Type.MODIFY_WORKFLOW_PROPERTIES }],
    ["no memo", upsertMemo({})],
    ["a large memo", upsertMemo({ m: payload("x".repeat(2_100_000)) })],
    ["an update without attributes", { commandType: Type.PROTOCOL_MESSAGE }],
    [
      "an update message that is not there",
      { commandType: Type.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId: "m" } },
    ],
    ["an unknown command", { commandType: 99 as never }],
    ["a command of no type", {}],
  ]),
];

function refused(name: string, rows: readonly Row[]): Story {
  return story(`bad-command-${name}`, `commands that are refused: ${name}`, async (s) => {
    for (const [index, [rule, ...commands]] of rows.entries()) {
      s.note("rule", rule);
      const workflowId = `${s.name}-${index}`;
      await s.start({ workflowId, taskQueue: { name: workflowId } });
      const task = await s.workflowTask(workflowId);
      const accepted = await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, commands));
      if (!accepted) await goOn(s, workflowId, task);
    }
  });
}
