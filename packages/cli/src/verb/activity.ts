/** `pawl activity …`: activities of workflows, and standalone ones, which have no workflow id. */
import { enums } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, decimal, integer, list, required, span, text, type Values } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { inputFlags, payloadMap, payloadsOf, payloadsOfJson } from "../payload.ts";
import type { Session } from "../session.ts";
import { linkCommand } from "./activity-link.ts";
import { operatorCommands, optionsFlags, optionsOf, ownerFlags } from "./activity-operator.ts";
import { showCount } from "./count.ts";
import { pagesOf } from "./pages.ts";
import { batchFlags, confirm, refuseRate, startBatch } from "./target.ts";
import { failureText } from "./workflow-result.ts";
import { enumValue, optionalDuration, userMetadata } from "./workflow-start.ts";

const standaloneFlags = { activityId: ownerFlags.activityId, runId: ownerFlags.runId };

function ids(session: Session, { activityId, workflowId = "", runId = "" }: Values<typeof ownerFlags>) {
  return { namespace: session.namespace, identity: session.identity, activityId, workflowId, runId };
}

/** One standalone activity, or all that a filter finds. */
const endFlags = {
  ...standaloneFlags,
  activityId: text("id", "the activity; this or --query", { short: "a" }),
  reason: text("words", "why; it is kept"),
  ...batchFlags,
};

/** Undefined when a filter names many. Throws {@link Failure}. */
function oneActivity({ activityId, runId, query, rps }: Values<typeof endFlags>): string | undefined {
  if ((activityId === undefined) === (query === undefined))
    throw new Failure("usage", "say which: --activity-id for one, or --query for all that a filter finds");
  if (runId !== undefined && activityId === undefined)
    throw new Failure("usage", "--run-id goes with --activity-id, not with --query");
  if (activityId !== undefined) refuseRate(rps, "--activity-id");
  return activityId;
}

const endings: readonly Definition[] = [
  define({
    path: "activity complete",
    summary: "Complete an activity in place of its worker",
    flags: { ...ownerFlags, result: required("json", "its result, as JSON") },
    argument: "activityId",
    examples: [`activity complete -w order-1 -a approve --result '{"approved": true}'`],
    async run(session, flags) {
      const result = payloadsOfJson(flags.result, "--result");
      await session.call("RespondActivityTaskCompletedById", { ...ids(session, flags), result });
      session.output.say(`Completed activity ${flags.activityId}`);
    },
  }),
  define({
    path: "activity fail",
    summary: "Fail an activity in place of its worker; it is not tried again",
    flags: { ...ownerFlags, reason: text("words", "why"), detail: text("json", "more, as JSON") },
    argument: "activityId",
    async run(session, flags) {
      const details = payloadsOfJson(flags.detail, "--detail");
      const failure = {
        ...{ message: flags.reason ?? "failed from the command line", source: "CLI" },
        applicationFailureInfo: { nonRetryable: true, details },
      };
      await session.call("RespondActivityTaskFailedById", { ...ids(session, flags), failure });
      session.output.say(`Failed activity ${flags.activityId}`);
    },
  }),
  define({
    path: "activity resolve-as-canceled",
    summary: "End an activity that was asked to cancel itself, in place of its worker",
    flags: { ...ownerFlags, detail: text("json", "more, as JSON") },
    argument: "activityId",
    async run(session, flags) {
      const details = payloadsOfJson(flags.detail, "--detail");
      await session.call("RespondActivityTaskCanceledById", { ...ids(session, flags), details });
      session.output.say(`Ended activity ${flags.activityId} as canceled`);
    },
  }),
  define({
    path: "activity cancel",
    summary: "Ask a standalone activity to cancel itself",
    flags: endFlags,
    argument: "activityId",
    async run(session, flags) {
      const { namespace, identity } = session;
      const { runId = "", reason = "" } = flags;
      const activityId = oneActivity(flags);
      if (activityId === undefined)
        return startBatch(session, flags, { cancelActivitiesOperation: { identity, reason } }, "activity");
      const request = { namespace, identity, activityId, runId, reason, requestId: session.requestId() };
      await session.call("RequestCancelActivityExecution", request);
      session.output.say(`Asked activity ${activityId} to cancel itself`);
    },
  }),
  define({
    path: "activity terminate",
    summary: "End a standalone activity at once",
    flags: endFlags,
    argument: "activityId",
    async run(session, flags) {
      const { namespace, identity } = session;
      const { runId = "", reason } = flags;
      const why = reason ?? `Requested from the command line by ${identity}`;
      const activityId = oneActivity(flags);
      if (activityId === undefined)
        return startBatch(session, flags, { terminateActivitiesOperation: { identity, reason: why } }, "activity");
      const request = { namespace, identity, activityId, runId, reason: why, requestId: session.requestId() };
      await session.call("TerminateActivityExecution", request);
      session.output.say(`Terminated activity ${activityId}`);
    },
  }),
  define({
    path: "activity delete",
    summary: "Delete a standalone activity",
    flags: endFlags,
    argument: "activityId",
    async run(session, flags) {
      const { runId = "" } = flags;
      const activityId = oneActivity(flags);
      if (activityId === undefined) return startBatch(session, flags, { deleteActivitiesOperation: {} }, "activity");
      await confirm(flags.yes, `Delete activity ${activityId} and what it returned?`);
      await session.call("DeleteActivityExecution", { namespace: session.namespace, activityId, runId });
      session.output.say(`Deleted activity ${activityId}`);
    },
  }),
];

const startFlags = {
  ...{ activityId: ownerFlags.activityId, type: required("name", "its activity type"), ...optionsFlags },
  taskQueue: required("name", "the task queue of its workers", { short: "t" }),
  ...inputFlags,
  searchAttribute: list("KEY=JSON", "a search attribute"),
  headers: list("KEY=JSON", "a header for the activity's interceptors"),
  startDelay: span("how long it waits before it begins"),
  priorityKey: integer("1-5", "1 goes first; default: 3"),
  fairnessKey: text("key", "tasks of different keys take turns"),
  fairnessWeight: decimal("weight", "how large this key's share is"),
  staticSummary: text("words", "one line for people"),
  staticDetails: text("words", "lines for people"),
  idReusePolicy: choice(
    ["AllowDuplicate", "AllowDuplicateFailedOnly", "RejectDuplicate"],
    "when one of this id is closed",
  ),
  idConflictPolicy: choice(["Fail", "UseExisting"], "when one of this id is open"),
};

async function start(session: Session, flags: Values<typeof startFlags>) {
  const { namespace, identity } = session;
  const { activityId, type, taskQueue, priorityKey = 0, fairnessKey = "", fairnessWeight = 0 } = flags;
  const attributes = payloadMap(flags.searchAttribute, "--search-attribute");
  const fields = payloadMap(flags.headers, "--headers");
  const { runId } = await session.call("StartActivityExecution", {
    ...{ namespace, identity, activityId, activityType: { name: type }, requestId: session.requestId() },
    ...{ ...optionsOf(flags), taskQueue: { name: taskQueue }, input: payloadsOf(flags) },
    ...{ searchAttributes: attributes && { indexedFields: attributes }, header: fields && { fields } },
    startDelay: optionalDuration(flags.startDelay),
    priority: { priorityKey, fairnessKey, fairnessWeight },
    userMetadata: userMetadata(flags),
    idReusePolicy: enumValue(enums.ActivityIdReusePolicy, flags.idReusePolicy),
    idConflictPolicy: enumValue(enums.ActivityIdConflictPolicy, flags.idConflictPolicy),
  });
  return { activityId, runId, type, namespace, taskQueue };
}

const started: readonly Column[] = [
  { heading: "ActivityId", path: "activityId" },
  { heading: "RunId", path: "runId" },
  { heading: "Type", path: "type" },
  { heading: "Namespace", path: "namespace" },
  { heading: "TaskQueue", path: "taskQueue" },
];

async function waitForOutcome(session: Session, activityId: string, runId: string): Promise<void> {
  for (;;) {
    const answer = await session.wait("PollActivityExecution", { namespace: session.namespace, activityId, runId });
    if (answer.outcome === undefined) continue;
    const { outcome } = await session.json("PollActivityExecution", answer);
    const { output } = session;
    const result = Array.isArray(outcome.result) ? outcome.result[0] : outcome.result;
    const ending = outcome.failure ? { failure: outcome.failure } : { result: result ?? null };
    const status = outcome.failure ? "FAILED" : "COMPLETED";
    output.json({ activityId, runId: answer.runId, status, ...ending });
    if (outcome.failure)
      throw new Failure("environment", `activity ${activityId} failed: ${failureText(outcome.failure)}`);
    return output.say(`${output.paint("Result", "cyan")}  ${output.paint(JSON.stringify(result ?? null), undefined)}`);
  }
}

const statusPrefix = "ACTIVITY_EXECUTION_STATUS_";
const listed: readonly Column[] = [
  { heading: "Status", path: "status", prefix: statusPrefix },
  { heading: "ActivityId", path: "activityId" },
  { heading: "Type", path: "activityType.name" },
  { heading: "TaskQueue", path: "taskQueue" },
  { heading: "ScheduleTime", path: "scheduleTime", kind: "time" },
];
const described: readonly Column[] = [
  ...listed.map((column) => ({ ...column, path: `info.${column.path}` })),
  { heading: "RunId", path: "info.runId" },
  { heading: "State", path: "info.runState", prefix: "PENDING_ACTIVITY_STATE_" },
  { heading: "Attempt", path: "info.attempt" },
  { heading: "NextAttempt", path: "info.nextAttemptScheduleTime", kind: "time" },
  { heading: "LastFailure", path: "info.lastFailure.message", style: () => "red" },
  { heading: "CloseTime", path: "info.closeTime", kind: "time" },
  { heading: "Result", path: "outcome.result", kind: "json" },
  { heading: "Failure", path: "outcome.failure.message", style: () => "red" },
];

const query = text("filter", "which ones", { short: "q" });

const standalone: readonly Definition[] = [
  define({
    path: "activity start",
    summary: "Start an activity that belongs to no workflow",
    flags: startFlags,
    examples: [`activity start -a mail-1 --type SendMail -t mail --start-to-close-timeout 1m --input '"hello"'`],
    async run(session, flags) {
      session.output.thing(started, await start(session, flags));
    },
  }),
  define({
    path: "activity execute",
    summary: "Start an activity that belongs to no workflow, and wait for its result",
    flags: startFlags,
    async run(session, flags) {
      const { activityId, runId } = await start(session, flags);
      await waitForOutcome(session, activityId, runId);
    },
  }),
  define({
    path: "activity result",
    summary: "Wait for a standalone activity's result; the exit code is 1 if it fails",
    flags: standaloneFlags,
    argument: "activityId",
    run: (session, { activityId, runId = "" }) => waitForOutcome(session, activityId, runId),
  }),
  define({
    path: "activity describe",
    summary: "Show a standalone activity",
    flags: standaloneFlags,
    argument: "activityId",
    async run(session, { activityId, runId = "" }) {
      const include = {
        includeInput: true,
        includeOutcome: true,
        includeLastFailure: true,
        includeHeartbeatDetails: true,
      };
      const answer = await session.call("DescribeActivityExecution", {
        ...{ namespace: session.namespace, activityId, runId, ...include },
      });
      session.output.thing(described, await session.json("DescribeActivityExecution", answer));
    },
  }),
  define({
    path: "activity list",
    summary: "List standalone activities, the latest first",
    flags: { query, ...limitFlags },
    async run(session, { query = "", ...limits }) {
      const pages = pagesOf(session, limits, {
        method: "ListActivityExecutions",
        items: "executions",
        request: (page) => ({ namespace: session.namespace, query, ...page }),
      });
      await session.output.list(listed, pages);
    },
  }),
  define({
    path: "activity count",
    summary: "Count standalone activities",
    flags: { query },
    run: (session, { query = "" }) => showCount(session, "CountActivityExecutions", query),
  }),
];

export const activityCommands: readonly Definition[] = [...standalone, ...endings, ...operatorCommands, linkCommand];
