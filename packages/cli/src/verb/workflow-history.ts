/** `pawl workflow show` and `trace`: what happened in a workflow. */
import { readFileSync, writeFileSync } from "node:fs";
import { history } from "@pawl/sdk/proto";
import { visibleJson } from "@pawl/server/visible-json";
import { type Definition, define } from "../command/definition.ts";
import { integer, onOff, required, text } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Json } from "../output/json.ts";
import { words } from "../output/output.ts";
import type { PayloadForm, Session } from "../session.ts";
import { type HistoryEvent, historyEvents, historyReverse } from "./history-pages.ts";
import { workflowFlags } from "./target.ts";
import { workflowColumns } from "./workflow-view.ts";

const eventColumns = [
  { heading: "ID", path: "eventId" },
  { heading: "Time", path: "eventTime", kind: "time" },
  { heading: "Type", path: "eventType", prefix: "EVENT_TYPE_" },
  { heading: "What", path: "what" },
] as const;

const show = define({
  path: "workflow show",
  summary: "Show a workflow's history",
  details: "With -o json it is one document, as the replayers of all SDKs take it: payloads stand in it in full.",
  flags: {
    ...workflowFlags,
    follow: onOff("go on with what happens, until the run has closed", { short: "f" }),
    detailed: onOff("all that the events say, not one line each"),
    reverse: onOff("the newest first"),
  },
  argument: "workflowId",
  examples: ["workflow show order-1 --follow", "workflow show order-1 -o json > order-1.json"],
  async run(session, flags) {
    const { follow, detailed, reverse } = flags;
    if (follow && reverse) throw new Failure("usage", "--follow and --reverse exclude each other");
    const { output } = session;
    const pages = reverse ? historyReverse(session, flags) : historyEvents(session, flags, { isFollowing: follow });
    if (output.format === "json" && session.flags.fields === undefined) return showDocument(session, pages);
    const items = eventPages(session, pages);
    if (!detailed || output.format !== "text") return output.list(eventColumns, items);
    for await (const page of items) for (const event of page) showDetails(session, event);
  },
});

async function* eventPages(session: Session, pages: AsyncIterable<readonly HistoryEvent[]>, form: PayloadForm = {}) {
  for await (const events of pages) {
    const page: Json[] = [];
    for (const event of events) {
      const json = await eventJson(session, event, form);
      page.push(session.output.format === "text" ? { ...json, what: gist(json) } : json);
    }
    yield page;
  }
}

function eventJson(session: Session, event: HistoryEvent, form: PayloadForm): Promise<Json> {
  return session.messageJson(history.HistoryEvent.typeName, history.HistoryEvent.encode(event), form);
}

/** As the official tools and replayers take it: one object with all events. */
async function showDocument(session: Session, pages: AsyncIterable<readonly HistoryEvent[]>): Promise<void> {
  const events: Json[] = [];
  for await (const page of eventPages(session, pages, { isFull: true })) events.push(...page);
  session.output.json({ events });
}

function attributesOf(event: Json): Json {
  const [, attributes] = Object.entries(event).find(([key]) => key.endsWith("EventAttributes")) ?? [];
  return attributes ?? {};
}

/** What one wants to know of an event at first sight: a name, an id, a failure. */
function gist(event: Json): string {
  const attributes = attributesOf(event);
  const name =
    attributes.activityType?.name ??
    attributes.workflowType?.name ??
    attributes.signalName ??
    attributes.acceptedRequest?.input?.name ??
    attributes.operation;
  const id = attributes.activityId ?? attributes.timerId ?? attributes.workflowExecution?.workflowId;
  const failure = attributes.failure?.message ?? attributes.cause;
  const span = attributes.startToFireTimeout;
  return [name, id !== undefined && `(${id})`, span && `after ${span}`, failure]
    .filter((part) => part !== undefined && part !== false && part !== "")
    .join(" ");
}

function showDetails({ output }: Session, event: Json): void {
  output.title(`${event.eventId}  ${words(event.eventType, "EVENT_TYPE_")}  ${output.time(event.eventTime)}`);
  const attributes = attributesOf(event);
  const columns = Object.keys(attributes).map((key) => ({ heading: `  ${key}`, path: key }));
  output.facts(columns, attributes);
}

const trace = define({
  path: "workflow trace",
  summary: "Show a workflow with its children and their children, and how far each is",
  flags: { ...workflowFlags, depth: integer("count", "how far down; -1, the default, is all the way") },
  argument: "workflowId",
  async run(session, { workflowId, runId, depth = -1 }) {
    const tree = await node(session, { workflowId, runId }, depth);
    session.output.json(tree);
    print(session, tree, "");
  },
});

interface Node {
  readonly info: Json;
  readonly pendingActivities: readonly Json[];
  readonly children: readonly Node[];
}

async function node(
  session: Session,
  run: { workflowId: string; runId?: string | undefined },
  depth: number,
): Promise<Node> {
  const { namespace } = session;
  const execution = { workflowId: run.workflowId, runId: run.runId ?? "" };
  const answer = await session.call("DescribeWorkflowExecution", { namespace, execution });
  const { workflowExecutionInfo: info, pendingActivities = [] } = await session.json(
    "DescribeWorkflowExecution",
    answer,
  );
  const children: Node[] = [];
  if (depth !== 0)
    for (const child of await childrenOf(session, info.execution)) children.push(await node(session, child, depth - 1));
  return { info, pendingActivities, children };
}

async function childrenOf(session: Session, run: { workflowId: string; runId: string }) {
  const children: { workflowId: string; runId: string }[] = [];
  for await (const events of historyEvents(session, run))
    for (const { childWorkflowExecutionStartedEventAttributes: started } of events)
      if (started?.workflowExecution) children.push(started.workflowExecution);
  return children;
}

function print(session: Session, { info, pendingActivities, children }: Node, indent: string): void {
  const { output } = session;
  const status = words(info.status, "WORKFLOW_EXECUTION_STATUS_");
  const style = workflowColumns[0]!.style?.(status);
  output.say(
    `${indent}${output.paint(status, style)} ${output.word(info.type.name, "bold")} ${output.word(info.execution.workflowId)}`,
  );
  for (const { activityType, attempt, state } of pendingActivities)
    output.say(
      `${indent}  activity ${output.word(activityType.name)}: ${words(state, "PENDING_ACTIVITY_STATE_")}, attempt ${attempt}`,
    );
  for (const child of children) print(session, child, `${indent}  `);
}

const fixJson = define({
  path: "workflow fix-history-json",
  summary: "Write a history's JSON anew, as every replayer takes it",
  details: "Names of enums and payloads may be written in any of the ways that are known.",
  flags: {
    source: required("file", "the history", { short: "s" }),
    target: text("file", "where to write; default: to the output", { short: "t" }),
  },
  argument: "source",
  async run(_session, { source, target }) {
    const { JsonProblem, messageFromJson, messageToJson } = await import("@pawl/sdk/proto/json");
    const typeName = history.History.typeName;
    try {
      const bytes = messageFromJson(typeName, JSON.parse(readFileSync(source, "utf8")));
      const json = `${visibleJson(messageToJson(typeName, bytes, { shorthand: false }), 2)}\n`;
      if (target === undefined) process.stdout.write(json);
      else writeFileSync(target, json);
    } catch (error) {
      const isTheirs =
        error instanceof JsonProblem || error instanceof SyntaxError || (error instanceof Error && "code" in error);
      if (!isTheirs) throw error;
      throw new Failure("environment", `${source}: ${error.message}`);
    }
  },
});

export const historyCommands: readonly Definition[] = [show, trace, fixJson];
