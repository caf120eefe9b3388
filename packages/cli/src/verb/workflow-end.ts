/** What ends a workflow, stops it for a while, or sends it back to an earlier point. */
import { enums, type Init, type workflow } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, integer, list, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Session } from "../session.ts";
import { completedTaskIds } from "./history-pages.ts";
import { execution, oneOrAll, workflowFlags, workflowsFlags } from "./target.ts";
import { overrideChange, overrideFlags } from "./workflow-options.ts";
import { enumValue } from "./workflow-start.ts";

const cancel = define({
  path: "workflow cancel",
  summary: "Ask a workflow to cancel itself",
  details: "It may clean up first, or go on.",
  flags: workflowsFlags,
  argument: "workflowId",
  examples: ["workflow cancel order-1", `workflow cancel --query 'WorkflowType = "Order"' --yes --wait`],
  run: (session, flags) =>
    oneOrAll(session, flags, {
      one: async (workflowExecution) => {
        const { namespace, identity } = session;
        const reason = flags.reason ?? "";
        const request = { namespace, identity, workflowExecution, reason, requestId: session.requestId() };
        await session.call("RequestCancelWorkflowExecution", request);
        session.output.say(`Asked ${workflowExecution.workflowId} to cancel itself`);
      },
      oneHasReason: true,
      all: { cancellationOperation: { identity: session.identity } },
    }),
});

const terminate = define({
  path: "workflow terminate",
  summary: "End a workflow at once",
  details: "Its code is not told.",
  flags: workflowsFlags,
  argument: "workflowId",
  run: (session, flags) =>
    oneOrAll(session, flags, {
      one: async (workflowExecution) => {
        const { namespace, identity } = session;
        const reason = flags.reason ?? `Requested from the command line by ${identity}`;
        await session.call("TerminateWorkflowExecution", { namespace, identity, workflowExecution, reason });
        session.output.say(`Terminated ${workflowExecution.workflowId}`);
      },
      oneHasReason: true,
      all: { terminationOperation: { identity: session.identity } },
    }),
});

const remove = define({
  path: "workflow delete",
  summary: "Delete a workflow and its history, running or not",
  flags: workflowsFlags,
  argument: "workflowId",
  run: (session, flags) =>
    oneOrAll(session, flags, {
      one: async (workflowExecution) => {
        await session.call("DeleteWorkflowExecution", { namespace: session.namespace, workflowExecution });
        session.output.say(`Deleted ${workflowExecution.workflowId}`);
      },
      question: (workflowId) => `Delete ${workflowId} and its history?`,
      all: { deletionOperation: { identity: session.identity } },
    }),
});

const pauseFlags = { ...workflowFlags, reason: text("words", "why; it is kept") };

const pause = define({
  path: "workflow pause",
  summary: "Hold a workflow back: no tasks until it is unpaused",
  flags: pauseFlags,
  argument: "workflowId",
  async run(session, flags) {
    await session.call("PauseWorkflowExecution", pauseRequest(session, flags));
    session.output.say(`Paused ${flags.workflowId}`);
  },
});

const unpause = define({
  path: "workflow unpause",
  summary: "Let a paused workflow go on",
  flags: pauseFlags,
  argument: "workflowId",
  async run(session, flags) {
    await session.call("UnpauseWorkflowExecution", pauseRequest(session, flags));
    session.output.say(`Unpaused ${flags.workflowId}`);
  },
});

function pauseRequest(session: Session, flags: Values<typeof pauseFlags>) {
  const { namespace, identity } = session;
  const reason = flags.reason ?? `Requested from the command line by ${identity}`;
  return { namespace, identity, reason, ...execution(flags), requestId: session.requestId() };
}

const resetTypes = ["FirstWorkflowTask", "LastWorkflowTask", "BuildId"] as const;
const { runId, query, yes, rps, wait } = workflowsFlags;

const resetFlags = {
  workflowId: text("id", "its workflow id; this or --query", { short: "w" }),
  ...{ runId, query, yes, rps, wait },
  reason: text("words", "why; it is kept. Required"),
  eventId: integer("id", "the WorkflowTaskCompleted, …Failed or …TimedOut event to go back to", { short: "e" }),
  type: choice(resetTypes, "in place of --event-id", { short: "t" }),
  buildId: text("id", "with --type BuildId: back to before the first task that this build completed"),
  reapplyExclude: list("kind", "do not repeat these events after the point: All, Signal, Update"),
};

async function resetAll(
  session: Session,
  flags: Values<typeof resetFlags>,
  postResetOperations: readonly Init<workflow.PostResetOperation>[] = [],
): Promise<void> {
  const { reason, type, buildId, eventId } = flags;
  if (reason === undefined) throw new Failure("usage", "say why with --reason: it is kept in the history");
  if ((type === "BuildId") !== (buildId !== undefined))
    throw new Failure("usage", "--build-id and --type BuildId go together");
  if (type === undefined && (eventId === undefined || flags.query !== undefined))
    throw new Failure("usage", flags.query ? "--query needs --type" : "say where to: --event-id or --type");
  if (type !== undefined && eventId !== undefined)
    throw new Failure("usage", "--event-id and --type exclude each other");
  const resetReapplyExcludeTypes = excluded(flags.reapplyExclude);
  const { identity } = session;
  await oneOrAll(session, flags, {
    one: async (workflowExecution) => {
      const workflowTaskFinishEventId = eventId ?? (await resetPoint(session, workflowExecution, { type, buildId }));
      const answer = await session.call("ResetWorkflowExecution", {
        ...{ namespace: session.namespace, workflowExecution, reason, identity, workflowTaskFinishEventId },
        ...{ resetReapplyExcludeTypes, postResetOperations, requestId: session.requestId() },
      });
      session.output.thing([{ heading: "RunId", path: "runId" }], await session.json("ResetWorkflowExecution", answer));
    },
    oneHasReason: true,
    all: {
      resetOperation: {
        ...{ identity, options: { ...batchTarget(type, buildId), resetReapplyExcludeTypes } },
        postResetOperations,
      },
    },
  });
}

const reset = define({
  path: "workflow reset",
  summary: "Run a workflow again from an earlier point of its history",
  flags: resetFlags,
  argument: "workflowId",
  examples: [`workflow reset order-1 --type LastWorkflowTask --reason "fixed the bug"`],
  run: (session, flags) => resetAll(session, flags),
});

const resetWithOptions = define({
  path: "workflow reset with-workflow-update-options",
  summary: "The same, and the new run belongs to another version of its workers",
  flags: { ...resetFlags, ...overrideFlags },
  argument: "workflowId",
  run: (session, flags) => resetAll(session, flags, [{ updateWorkflowOptions: overrideChange(flags) }]),
});

function batchTarget(type: (typeof resetTypes)[number] | undefined, buildId: string | undefined) {
  if (type === "FirstWorkflowTask") return { firstWorkflowTask: {} };
  return type === "LastWorkflowTask" ? { lastWorkflowTask: {} } : { buildId: buildId ?? "" };
}

const kinds = enums.ResetReapplyExcludeType;

function excluded(words: readonly string[]) {
  return words.flatMap((word) => {
    const name = word.toLowerCase();
    if (name === "all") return [kinds.SIGNAL, kinds.UPDATE, kinds.NEXUS, kinds.CANCEL_REQUEST];
    if (name === "signal" || name === "update") return [enumValue(kinds, name)];
    throw new Failure("usage", `--reapply-exclude is All, Signal or Update, not ${JSON.stringify(word)}`);
  });
}

/** The event that a word means in this run's history. */
async function resetPoint(
  session: Session,
  workflowExecution: { workflowId: string; runId: string },
  { type, buildId }: { type: (typeof resetTypes)[number] | undefined; buildId: string | undefined },
): Promise<number> {
  const { namespace } = session;
  if (type === "BuildId") {
    const described = await session.call("DescribeWorkflowExecution", { namespace, execution: workflowExecution });
    const points = described.workflowExecutionInfo?.autoResetPoints?.points ?? [];
    const point = points.find((each) => each.buildId === buildId && each.resettable);
    if (point) return point.firstWorkflowTaskCompletedId;
    const known = points.map((each) => each.buildId).join(", ");
    throw new Failure(
      "environment",
      `no task of build ${buildId} is there to go back to; there are ${known || "none"}`,
    );
  }
  const ids = await completedTaskIds(session, workflowExecution);
  const id = type === "FirstWorkflowTask" ? ids[0] : ids.at(-1);
  if (id === undefined)
    throw new Failure("environment", "no workflow task has been completed: there is no point to go back to");
  return id;
}

export const endCommands: readonly Definition[] = [cancel, terminate, remove, pause, unpause, reset, resetWithOptions];
