/** Showing workflows: lists, counts, and one in all detail. */
import { history } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { onOff, text } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import type { Json } from "../output/json.ts";
import { type Column, words } from "../output/output.ts";
import type { Style } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import { showCount } from "./count.ts";
import { historyReverse } from "./history-pages.ts";
import { pagesOf } from "./pages.ts";
import { workflowFlags } from "./target.ts";
import { failureText } from "./workflow-result.ts";

const statusPrefix = "WORKFLOW_EXECUTION_STATUS_";

const statusStyles: Readonly<Record<string, Style>> = {
  ...{ Running: "blue", Completed: "green", Failed: "red", TimedOut: "red", Terminated: "yellow", Canceled: "yellow" },
  ...{ Paused: "magenta", ContinuedAsNew: "cyan" },
};

export const workflowColumns: readonly Column[] = [
  { heading: "Status", path: "status", prefix: statusPrefix, style: (word) => statusStyles[word] },
  { heading: "WorkflowId", path: "execution.workflowId" },
  { heading: "Type", path: "type.name" },
  { heading: "StartTime", path: "startTime", kind: "time" },
];

const query = text("filter", `which ones, such as 'WorkflowType = "Order" AND ExecutionStatus = "Running"'`, {
  short: "q",
});

const list = define({
  path: "workflow list",
  summary: "List workflows, the latest first",
  details:
    "Further columns for --fields: RunId, TaskQueue, CloseTime, the name of any search attribute, or any path in the JSON such as memo.fields.note.",
  flags: { query, ...limitFlags, archived: onOff("those in the archive, if the server has one") },
  examples: [
    `workflow list -q 'ExecutionStatus = "Running"' --limit 20`,
    "workflow list --fields Status,WorkflowId,CloseTime,Customer -o json",
  ],
  async run(session, { query = "", archived, ...limits }) {
    const pages = pagesOf(session, limits, {
      method: archived ? "ListArchivedWorkflowExecutions" : "ListWorkflowExecutions",
      items: "executions",
      request: (page) => ({ namespace: session.namespace, query, ...page }),
    });
    await session.output.list(listColumns(session), pages);
  },
});

/** All headings are known to `--fields`; some are shown only when asked for. */
function listColumns(session: Session): readonly Column[] {
  const more: readonly Column[] = [
    { heading: "RunId", path: "execution.runId" },
    { heading: "TaskQueue", path: "taskQueue" },
    { heading: "CloseTime", path: "closeTime", kind: "time" },
  ];
  return session.flags.fields === undefined ? workflowColumns : [...workflowColumns, ...more];
}

const count = define({
  path: "workflow count",
  summary: "Count workflows",
  flags: { query },
  examples: [`workflow count -q 'WorkflowType = "Order" GROUP BY ExecutionStatus'`],
  run: (session, { query = "" }) => showCount(session, "CountWorkflowExecutions", query),
});

const facts: readonly Column[] = [
  { heading: "WorkflowId", path: "workflowExecutionInfo.execution.workflowId" },
  { heading: "RunId", path: "workflowExecutionInfo.execution.runId" },
  { heading: "Type", path: "workflowExecutionInfo.type.name" },
  {
    heading: "Status",
    path: "workflowExecutionInfo.status",
    prefix: statusPrefix,
    style: (word) => statusStyles[word],
  },
  { heading: "TaskQueue", path: "workflowExecutionInfo.taskQueue" },
  { heading: "StartTime", path: "workflowExecutionInfo.startTime", kind: "time" },
  { heading: "CloseTime", path: "workflowExecutionInfo.closeTime", kind: "time" },
  { heading: "Duration", path: "workflowExecutionInfo.executionDuration", kind: "duration" },
  { heading: "HistoryEvents", path: "workflowExecutionInfo.historyLength" },
  { heading: "HistoryBytes", path: "workflowExecutionInfo.historySizeBytes" },
  { heading: "Parent", path: "workflowExecutionInfo.parentExecution.workflowId" },
  { heading: "ExecutionTimeout", path: "executionConfig.workflowExecutionTimeout", kind: "duration" },
  { heading: "RunTimeout", path: "executionConfig.workflowRunTimeout", kind: "duration" },
  { heading: "Summary", path: "executionConfig.userMetadata.summary" },
  { heading: "SearchAttributes", path: "workflowExecutionInfo.searchAttributes.indexedFields", kind: "payloads" },
  { heading: "Memo", path: "workflowExecutionInfo.memo.fields", kind: "payloads" },
  { heading: "Paused", path: "workflowExtendedInfo.pauseInfo.reason" },
  { heading: "CancelRequested", path: "workflowExtendedInfo.cancelRequested", kind: "yes" },
  { heading: "WorkflowTask", path: "pendingWorkflowTask.state", prefix: "PENDING_WORKFLOW_TASK_STATE_" },
  { heading: "TaskAttempt", path: "pendingWorkflowTask.attempt" },
];

const activityColumns: readonly Column[] = [
  { heading: "ActivityId", path: "activityId" },
  { heading: "Type", path: "activityType.name" },
  { heading: "State", path: "state", prefix: "PENDING_ACTIVITY_STATE_" },
  { heading: "Attempt", path: "attempt" },
  { heading: "NextAttempt", path: "nextAttemptScheduleTime", kind: "time" },
  { heading: "LastFailure", path: "lastFailure.message", style: () => "red" },
];

const childColumns: readonly Column[] = [
  { heading: "WorkflowId", path: "workflowId" },
  { heading: "RunId", path: "runId" },
  { heading: "Type", path: "workflowTypeName" },
];

const describe = define({
  path: "workflow describe",
  summary: "Show a workflow: its state and what of it is pending",
  flags: {
    ...workflowFlags,
    resetPoints: onOff("only the points to which --type BuildId can reset it"),
    raw: onOff("the server's answer as JSON, as --output json prints it"),
  },
  argument: "workflowId",
  examples: ["workflow describe order-1"],
  async run(session, { workflowId, runId = "", resetPoints, raw }) {
    const { namespace, output } = session;
    const answer = await session.call("DescribeWorkflowExecution", { namespace, execution: { workflowId, runId } });
    const json = await session.json("DescribeWorkflowExecution", answer);
    if (resetPoints) return showResetPoints(session, json);
    const closed = await outcome(session, json);
    if (raw || output.format !== "text" || session.flags.fields !== undefined) {
      if (raw && output.format === "text") return output.say(JSON.stringify(json, undefined, 2));
      return output.thing(facts, { ...json, ...closed });
    }
    output.facts(facts, json);
    const sections = [
      ["Pending activities", activityColumns, json.pendingActivities],
      ["Pending children", childColumns, json.pendingChildren],
    ] as const;
    for (const [title, columns, items = []] of sections) {
      if (items.length === 0) continue;
      output.title(`\n${title}: ${items.length}`);
      output.table(columns, items);
    }
    if (closed?.["result"] !== undefined)
      output.say(`\n${output.paint("Result", "bold")}: ${JSON.stringify(closed["result"])}`);
    if (closed?.["failure"])
      output.say(`\n${output.paint("Failure", "bold")}: ${output.paint(failureText(closed["failure"]), "red")}`);
  },
});

function showResetPoints({ output }: Session, json: Json): void {
  const points: Json[] = json.workflowExecutionInfo.autoResetPoints?.points ?? [];
  output.json(points);
  if (output.format !== "text") return;
  output.table(
    [
      { heading: "EventId", path: "firstWorkflowTaskCompletedId" },
      { heading: "CreateTime", path: "createTime", kind: "time" },
      { heading: "BuildId", path: "buildId" },
      { heading: "RunId", path: "runId" },
    ],
    points,
  );
}

/** What the description leaves out of a run that has closed: how it ended. */
async function outcome(session: Session, json: Json): Promise<Json | undefined> {
  const { status, execution } = json.workflowExecutionInfo;
  if (["Running", "Paused"].includes(words(status, statusPrefix))) return undefined;
  for await (const [event] of historyReverse(session, execution, 1)) {
    const { typeName } = history.HistoryEvent;
    const closeEvent = await session.messageJson(typeName, history.HistoryEvent.encode(event!));
    const completed = closeEvent.workflowExecutionCompletedEventAttributes;
    const failure = closeEvent.workflowExecutionFailedEventAttributes?.failure;
    const result = Array.isArray(completed?.result) ? completed.result[0] : completed?.result;
    return { closeEvent, ...(completed && { result: result ?? null }), ...(failure && { failure }) };
  }
  return undefined;
}

export const viewCommands: readonly Definition[] = [list, count, describe];
