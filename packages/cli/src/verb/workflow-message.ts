/** Messages to a running workflow: signals, queries and updates. */
import { enums } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, list, required, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Json } from "../output/json.ts";
import { inputFlags, payloadMap, payloadsOf } from "../payload.ts";
import type { Session } from "../session.ts";
import { execution, oneOrAll, workflowFlags, workflowsFlags } from "./target.ts";
import { failureText } from "./workflow-result.ts";
import { enumValue } from "./workflow-start.ts";

const headers = list("KEY=JSON", "a header for the workflow's interceptors");

export function headerOf(texts: readonly string[]) {
  const fields = payloadMap(texts, "--headers");
  return fields && { fields };
}

const signal = define({
  path: "workflow signal",
  summary: "Send a signal to a workflow",
  flags: { ...workflowsFlags, name: required("name", "the signal", { aliases: ["type"] }), ...inputFlags, headers },
  argument: "workflowId",
  examples: [`workflow signal -w order-1 --name approve --input '{"by": "me"}'`],
  async run(session, flags) {
    const { namespace, identity } = session;
    const [input, header] = [payloadsOf(flags), headerOf(flags.headers)];
    await oneOrAll(session, flags, {
      one: async (workflowExecution) => {
        const request = { namespace, identity, workflowExecution, input, header, requestId: session.requestId() };
        await session.call("SignalWorkflowExecution", { ...request, signalName: flags.name });
        session.output.say(`Signaled ${workflowExecution.workflowId}`);
      },
      all: { signalOperation: { signal: flags.name, input, header, identity } },
    });
  },
});

const queryFlags = {
  ...workflowFlags,
  ...inputFlags,
  rejectCondition: choice(["not_open", "not_completed_cleanly"], "refuse the query when the workflow is so"),
  headers,
};

async function ask(session: Session, name: string, flags: Omit<Values<typeof queryFlags>, "name">): Promise<Json> {
  const rejectCondition = flags.rejectCondition?.toUpperCase();
  const answer = await session.call("QueryWorkflow", {
    namespace: session.namespace,
    execution: execution(flags),
    query: { queryType: name, queryArgs: payloadsOf(flags), header: headerOf(flags.headers) },
    queryRejectCondition: rejectCondition
      ? enums.QueryRejectCondition[rejectCondition as "NOT_OPEN" | "NOT_COMPLETED_CLEANLY"]
      : enums.QueryRejectCondition.UNSPECIFIED,
  });
  if (answer.queryRejected) {
    const status = Object.entries(enums.WorkflowExecutionStatus).find(([, id]) => id === answer.queryRejected!.status);
    throw new Failure(
      "environment",
      `the query was rejected: the workflow is ${status?.[0].toLowerCase() ?? "closed"}`,
    );
  }
  return session.json("QueryWorkflow", answer);
}

const query = define({
  path: "workflow query",
  summary: "Ask a workflow for its state",
  flags: { ...queryFlags, name: required("name", "the query", { aliases: ["type"] }) },
  argument: "workflowId",
  examples: ["workflow query -w order-1 --name status"],
  async run(session, flags) {
    const answer = await ask(session, flags.name, flags);
    session.output.json(answer);
    for (const each of payloadList(answer.queryResult)) session.output.say(JSON.stringify(each, undefined, 2));
  },
});

const stack = define({
  path: "workflow stack",
  summary: "Ask a workflow's worker where it stands in the code",
  flags: { ...workflowFlags, rejectCondition: queryFlags.rejectCondition },
  argument: "workflowId",
  async run(session, flags) {
    const none = { input: [], inputFile: [], inputMeta: [], inputBase64: false, headers: [] };
    const answer = await ask(session, "__stack_trace", { ...none, ...flags });
    session.output.json(answer);
    for (const each of payloadList(answer.queryResult)) session.output.say(String(each));
  },
});

const metadata = define({
  path: "workflow metadata",
  summary: "Ask a workflow's worker which signals, queries and updates it takes, and what it says of itself",
  flags: { ...workflowFlags, rejectCondition: queryFlags.rejectCondition, headers },
  argument: "workflowId",
  async run(session, flags) {
    const none = { input: [], inputFile: [], inputMeta: [], inputBase64: false };
    const answer = await ask(session, "__temporal_workflow_metadata", { ...none, ...flags });
    session.output.json(answer);
    for (const each of payloadList(answer.queryResult)) session.output.say(JSON.stringify(each, undefined, 2));
  },
});

/** Payloads in short are a list of values; in full they are a message. */
function payloadList(payloads: Json): readonly Json[] {
  if (Array.isArray(payloads)) return payloads;
  return payloads?.payloads ?? [];
}

const updateFlags = {
  ...workflowFlags,
  name: required("name", "the update", { aliases: ["type"] }),
  updateId: text("id", "its id, by which it is made only once; default: a new one"),
  firstExecutionRunId: text("id", "only if the chain of runs began with this one"),
  ...inputFlags,
  headers,
};

const updateRef = { ...workflowFlags, updateId: required("id", "the update's id") };
const stages = enums.UpdateWorkflowExecutionLifecycleStage;

async function update(
  session: Session,
  flags: Values<typeof updateFlags>,
  stage: "Accepted" | "Completed",
): Promise<void> {
  const { namespace, identity } = session;
  const wanted = enumValue(stages, stage);
  const updateId = flags.updateId ?? crypto.randomUUID();
  const request = {
    meta: { updateId, identity },
    input: { name: flags.name, args: payloadsOf(flags), header: headerOf(flags.headers) },
  };
  let answer = await session.wait("UpdateWorkflowExecution", {
    ...{ namespace, workflowExecution: execution(flags), request },
    firstExecutionRunId: flags.firstExecutionRunId ?? "",
    waitPolicy: { lifecycleStage: wanted },
  });
  // The server answers before its own patience ends, and has to be asked on.
  while (answer.stage < wanted && answer.outcome === undefined) {
    const updateRef = { updateId, workflowExecution: execution(flags) };
    const polled = await session.wait("PollWorkflowExecutionUpdate", {
      ...{ namespace, identity, updateRef, waitPolicy: { lifecycleStage: wanted } },
    });
    answer = { ...answer, ...polled };
  }
  showUpdate(session, updateId, flags.name, await session.json("UpdateWorkflowExecution", answer));
}

export function showUpdate(session: Session, updateId: string, name: string | undefined, answer: Json): void {
  const { output } = session;
  const { outcome, stage } = answer;
  const failure = outcome?.failure;
  const result = payloadList(outcome?.success)[0];
  output.thing(
    [
      { heading: "Name", path: "name" },
      { heading: "UpdateId", path: "updateId" },
      { heading: "Stage", path: "stage", prefix: "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_" },
      { heading: "Result", path: "result", kind: "json" },
    ],
    {
      ...(name !== undefined && { name }),
      ...{ updateId, stage },
      ...(outcome?.success !== undefined && { result: result ?? null }),
      ...(failure && { failure }),
    },
  );
  if (failure) throw new Failure("environment", `the update failed: ${failureText(failure)}`);
}

async function poll(session: Session, flags: Values<typeof updateRef>, isPatient: boolean) {
  const { namespace, identity } = session;
  const workflowExecution = execution(flags);
  const request = {
    ...{ namespace, identity, updateRef: { workflowExecution, updateId: flags.updateId } },
    waitPolicy: { lifecycleStage: isPatient ? stages.COMPLETED : stages.UNSPECIFIED },
  };
  for (;;) {
    const answer = await session.wait("PollWorkflowExecutionUpdate", request);
    if (isPatient && answer.outcome === undefined) continue;
    return showUpdate(session, flags.updateId, undefined, await session.json("PollWorkflowExecutionUpdate", answer));
  }
}

const updateCommands = [
  define({
    path: "workflow update start",
    summary: "Send an update, and wait until the workflow has accepted or rejected it",
    flags: {
      ...updateFlags,
      waitForStage: choice(
        ["accepted"],
        "how far to wait; there is but one choice, which the official command line asks for",
      ),
    },
    argument: "workflowId",
    run: (session, flags) => update(session, flags, "Accepted"),
  }),
  define({
    path: "workflow update execute",
    summary: "Send an update, and wait for its outcome",
    flags: updateFlags,
    argument: "workflowId",
    examples: [`workflow update execute -w cart-1 --name addItem --input '"chair"'`],
    run: (session, flags) => update(session, flags, "Completed"),
  }),
  define({
    path: "workflow update describe",
    summary: "Show how far an update is",
    flags: updateRef,
    argument: "workflowId",
    run: (session, flags) => poll(session, flags, false),
  }),
  define({
    path: "workflow update result",
    summary: "Wait for an update's outcome",
    flags: updateRef,
    argument: "workflowId",
    run: (session, flags) => poll(session, flags, true),
  }),
] as const;

export const messageCommands: readonly Definition[] = [signal, query, stack, metadata, ...updateCommands];
