/** `pawl workflow start`, `execute` and `signal-with-start`. */
import { enums, toDuration } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, decimal, integer, list, onOff, required, span, text, type Values } from "../command/flag.ts";
import type { Json } from "../output/json.ts";
import { inputFlags, jsonPayload, payloadMap, payloadsOf } from "../payload.ts";
import type { Session } from "../session.ts";
import { waitForResult } from "./workflow-result.ts";

/** What both a start and the action of a schedule say of a workflow. */
export const workflowActionFlags = {
  type: required("name", "its workflow type", { aliases: ["name"] }),
  taskQueue: required("name", "the task queue of its workers", { short: "t" }),
  ...inputFlags,
  executionTimeout: span("how long it may take with all its runs"),
  runTimeout: span("how long one run may take"),
  taskTimeout: span("how long a worker may take for one task; default: 10s"),
  memo: list("KEY=JSON", "kept with it, and shown in lists"),
  searchAttribute: list("KEY=JSON", "a search attribute"),
  headers: list("KEY=JSON", "a header for the workflow's interceptors"),
  priorityKey: integer("1-5", "1 goes first; default: 3"),
  fairnessKey: text("key", "tasks of different keys take turns"),
  fairnessWeight: decimal("weight", "how large this key's share is"),
  staticSummary: text("words", "one line for people"),
  staticDetails: text("words", "lines for people"),
};

export const startFlags = {
  ...workflowActionFlags,
  workflowId: text("id", "its workflow id; default: a new one", { short: "w" }),
  startDelay: span("how long it waits before it begins"),
  cron: text("schedule", "run it again and again by this cron string"),
  idReusePolicy: choice(
    ["AllowDuplicate", "AllowDuplicateFailedOnly", "RejectDuplicate", "TerminateIfRunning"],
    "when a workflow of this id is closed",
  ),
  idConflictPolicy: choice(["Fail", "UseExisting", "TerminateExisting"], "when one is running"),
  failExisting: onOff("fail if a workflow of this id is there already"),
};

const startColumns = [
  { heading: "WorkflowId", path: "workflowId" },
  { heading: "RunId", path: "runId" },
  { heading: "Type", path: "type" },
  { heading: "Namespace", path: "namespace" },
  { heading: "TaskQueue", path: "taskQueue" },
];

/** `ALLOW_DUPLICATE` for `AllowDuplicate`. */
export function enumValue<E extends Record<string, number>>(members: E, word: string | undefined): E[keyof E] {
  const name = word === undefined ? "UNSPECIFIED" : word.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
  return members[name] as E[keyof E];
}

/** The part of a start that a schedule's action has too. */
export function workflowAction(flags: Values<typeof workflowActionFlags>) {
  const { priorityKey = 0, fairnessKey = "", fairnessWeight = 0, staticSummary, staticDetails } = flags;
  const fields = (texts: readonly string[], flag: string) => payloadMap(texts, flag);
  const memo = fields(flags.memo, "--memo");
  const attributes = fields(flags.searchAttribute, "--search-attribute");
  const header = fields(flags.headers, "--headers");
  const hasPriority = priorityKey !== 0 || fairnessKey !== "" || fairnessWeight !== 0;
  return {
    workflowType: { name: flags.type },
    taskQueue: { name: flags.taskQueue },
    input: payloadsOf(flags),
    workflowExecutionTimeout: optionalDuration(flags.executionTimeout),
    workflowRunTimeout: optionalDuration(flags.runTimeout),
    workflowTaskTimeout: optionalDuration(flags.taskTimeout),
    memo: memo && { fields: memo },
    searchAttributes: attributes && { indexedFields: attributes },
    header: header && { fields: header },
    priority: hasPriority ? { priorityKey, fairnessKey, fairnessWeight } : undefined,
    userMetadata: userMetadata({ staticSummary, staticDetails }),
  };
}

export function userMetadata(words: {
  readonly staticSummary: string | undefined;
  readonly staticDetails: string | undefined;
}) {
  const { staticSummary, staticDetails } = words;
  if (staticSummary === undefined && staticDetails === undefined) return undefined;
  const encode = (value: string) => jsonPayload(new TextEncoder().encode(JSON.stringify(value)));
  return {
    summary: staticSummary === undefined ? undefined : encode(staticSummary),
    details: staticDetails === undefined ? undefined : encode(staticDetails),
  };
}

export function optionalDuration(ms: number | undefined) {
  return ms === undefined ? undefined : toDuration(ms);
}

export function startRequest(session: Session, flags: Values<typeof startFlags>) {
  const reuse = flags.failExisting ? "RejectDuplicate" : flags.idReusePolicy;
  return {
    ...workflowAction(flags),
    ...{ namespace: session.namespace, identity: session.identity, requestId: session.requestId() },
    workflowId: flags.workflowId ?? crypto.randomUUID(),
    workflowStartDelay: optionalDuration(flags.startDelay),
    cronSchedule: flags.cron ?? "",
    workflowIdReusePolicy: enumValue(enums.WorkflowIdReusePolicy, reuse),
    workflowIdConflictPolicy: enumValue(
      enums.WorkflowIdConflictPolicy,
      flags.idConflictPolicy ?? (flags.failExisting ? "Fail" : undefined),
    ),
  };
}

async function start(session: Session, flags: Values<typeof startFlags>) {
  const request = startRequest(session, flags);
  const { runId } = await session.call("StartWorkflowExecution", request);
  return started(session, flags, { workflowId: request.workflowId, runId });
}

function started(session: Session, flags: Values<typeof startFlags>, ids: { workflowId: string; runId: string }) {
  const { namespace } = session;
  return { ...ids, type: flags.type, namespace, taskQueue: flags.taskQueue };
}

const signalFlags = {
  ...startFlags,
  signalName: required("name", "the signal"),
  signalInput: list("json", "an argument of the signal, as JSON"),
  signalInputFile: list("file", "a file with an argument of the signal, as JSON"),
  signalInputMeta: list("KEY=VALUE", "metadata of the signal's arguments"),
  signalInputBase64: onOff("the signal's arguments are written in base64"),
};

export const startCommands: readonly Definition[] = [
  define({
    path: "workflow start",
    summary: "Start a workflow",
    flags: startFlags,
    examples: [`workflow start --type Order --task-queue orders -w order-1 --input '{"item": "chair"}'`],
    async run(session, flags) {
      session.output.thing(startColumns, await start(session, flags));
    },
  }),
  define({
    path: "workflow execute",
    summary: "Start a workflow, wait until it has closed, and print its result",
    details: "The exit code is 1 unless it completes.",
    flags: startFlags,
    examples: [`workflow execute --type Order --task-queue orders --input '"chair"' -o json`],
    async run(session, flags) {
      const begunAtMs = Date.now();
      const run: Json = await start(session, flags);
      session.output.facts(startColumns, run);
      await waitForResult(session, run, { more: run, begunAtMs });
    },
  }),
  define({
    path: "workflow signal-with-start",
    summary: "Signal a workflow, and start it first if it does not run",
    flags: signalFlags,
    examples: [`workflow signal-with-start -w cart-1 --type Cart -t carts --signal-name add --signal-input '"chair"'`],
    async run(session, flags) {
      const { requestId: _id, ...request } = startRequest(session, flags);
      const signal = {
        ...{ input: flags.signalInput, inputFile: flags.signalInputFile },
        ...{ inputMeta: flags.signalInputMeta, inputBase64: flags.signalInputBase64 },
      };
      const { runId } = await session.call("SignalWithStartWorkflowExecution", {
        ...request,
        ...{
          signalName: flags.signalName,
          signalInput: payloadsOf(signal, "--signal-input"),
          requestId: session.requestId(),
        },
      });
      session.output.thing(startColumns, started(session, flags, { workflowId: request.workflowId, runId }));
    },
  }),
];
