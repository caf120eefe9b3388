/** The flags that name one workflow, or select many by a query. */
import { createInterface } from "node:readline/promises";
import type { Init, RequestOf } from "@pawl/sdk/proto";
import { decimal, onOff, required, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Session } from "../session.ts";
import { followBatch } from "./batch-progress.ts";

export const workflowFlags = {
  workflowId: required("id", "its workflow id", { short: "w" }),
  runId: text("id", "the run; default: the current one", { short: "r" }),
};

export const workflowsFlags = {
  workflowId: text("id", "its workflow id; this or --query", { short: "w" }),
  runId: text("id", "the run; default: the current one", { short: "r" }),
  query: text("filter", "all workflows that this filter finds, in the background", { short: "q" }),
  reason: text("words", "why; it is kept with what is done"),
  rps: decimal("rate", "with --query: so many a second"),
  yes: onOff("do not ask first, where that is done", { short: "y" }),
  wait: onOff("with --query: stay until it is done, with a bar in a terminal"),
};

export function execution({ workflowId, runId = "" }: { workflowId: string; runId?: string | undefined }) {
  return { workflowId, runId };
}

type Operation = Omit<Init<RequestOf<"StartBatchOperation">>, "namespace" | "visibilityQuery" | "jobId" | "reason">;

interface Verb {
  one(target: { workflowId: string; runId: string }): Promise<void>;
  readonly all: Operation;
  /** Whether the server keeps a reason of one, too. */
  readonly oneHasReason?: boolean;
  /** Asked before it is done to one. */
  readonly question?: (workflowId: string) => string;
}

/** One workflow at once, or a batch of those that the query finds. */
export async function oneOrAll(
  session: Session,
  flags: Values<typeof workflowsFlags>,
  { one, all, oneHasReason = false, question }: Verb,
): Promise<void> {
  const { workflowId, runId, query } = flags;
  if ((workflowId === undefined) === (query === undefined))
    throw new Failure("usage", "say which: --workflow-id for one, or --query for all that a filter finds");
  if (workflowId !== undefined) {
    refuseRate(flags.rps, "--workflow-id");
    if (flags.reason !== undefined && !oneHasReason)
      throw new Failure("usage", "--reason goes with --query: of one workflow it is not kept");
    if (question !== undefined) await confirm(flags.yes, question(workflowId));
    return one(execution({ workflowId, runId }));
  }
  if (runId !== undefined) throw new Failure("usage", "--run-id goes with --workflow-id, not with --query");
  await startBatch(session, flags, all);
}

/** Throws {@link Failure}: a rate means nothing beside the name of one. */
export function refuseRate(rps: number | undefined, name: string): void {
  if (rps !== undefined) throw new Failure("usage", `--rps goes with --query, not with ${name}`);
}

/** The flags of a verb that also works on all that a filter finds. */
export const batchFlags = {
  query: text("filter", "all that this filter finds, in the background", { short: "q" }),
  rps: workflowsFlags.rps,
  yes: workflowsFlags.yes,
  wait: workflowsFlags.wait,
};

type BatchValues = Values<typeof batchFlags> & { readonly reason?: string | undefined };

/** Of workflows, or of standalone activities. */
export async function startBatch(
  session: Session,
  { query = "", reason, rps, yes, wait }: BatchValues,
  operation: Operation,
  what: "workflow" | "activity" = "workflow",
): Promise<void> {
  const { namespace, output } = session;
  if (!yes) {
    const [method, noun] = counted[what];
    const { count } = await session.call(method, { namespace, query });
    await confirm(yes, `Do this to about ${count} ${noun}?`);
  }
  const jobId = crypto.randomUUID();
  const request = { namespace, visibilityQuery: query, jobId, reason: reason ?? `Requested by ${session.identity}` };
  await session.call("StartBatchOperation", { ...request, ...operation, maxOperationsPerSecond: rps ?? 0 });
  if (wait) return followBatch(session, jobId);
  output.say(`Started batch ${jobId}; "pawl batch describe --job-id ${jobId}" shows how far it is`);
  output.json({ batchJobId: jobId });
}

const counted = {
  workflow: ["CountWorkflowExecutions", "workflow(s)"],
  activity: ["CountActivityExecutions", "activities"],
} as const;

/** Throws {@link Failure} unless it is wanted: `--yes`, or a yes to the question. */
export async function confirm(yes: boolean, question: string): Promise<void> {
  if (!yes && !(await isConfirmed(question))) throw new Failure("environment", "nothing was done");
}

/** Throws {@link Failure} when there is nobody to ask. */
async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Failure("usage", `${question} Nobody is there to ask: --yes says so beforehand`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`${question} y/N `);
  prompt.close();
  return /^y(es)?$/i.test(answer.trim());
}
