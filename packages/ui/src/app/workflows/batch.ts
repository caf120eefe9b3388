/** What can be done to many workflows at once: as the API is asked for it, and as the command line does it. */
import type { BatchBody } from "../api/batches.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { quoted } from "./conditions.ts";

export const batchVerbs = ["cancel", "terminate", "signal", "reset", "delete"] as const;
export type BatchVerb = (typeof batchVerbs)[number];

export const resetPoints = ["FirstWorkflowTask", "LastWorkflowTask"] as const;
export type BatchResetPoint = (typeof resetPoints)[number];

export interface BatchOrder {
  readonly verb: BatchVerb;
  /** Which workflows: a filter of the list. */
  readonly query: string;
  readonly reason: string;
  /** Of a signal. */
  readonly signal: string;
  /** JSON as it was typed, "" for none. */
  readonly input: string;
  readonly resetTo: BatchResetPoint;
}

/** The filter that finds these runs and no others. */
export function queryOfRuns(runIds: readonly string[]): string {
  return `RunId IN (${runIds.map(quoted).join(", ")})`;
}

/** What the order will be applied to: all but deletions and resets pass over workflows that have closed. */
export function affectedQuery({ verb, query }: Pick<BatchOrder, "verb" | "query">): string {
  if (verb === "delete" || verb === "reset") return query;
  return query === "" ? "CloseTime IS NULL" : `(${query}) AND CloseTime IS NULL`;
}

/** A batch needs a filter that says something; this one is true of every workflow. */
const all = "WorkflowId IS NOT NULL";

/** The body of StartBatchOperation. */
export function batchBody({ verb, query, reason, signal, input, resetTo }: BatchOrder, identity: string): BatchBody {
  const about = { visibilityQuery: query || all, reason };
  switch (verb) {
    case "cancel":
      return { ...about, cancellationOperation: { identity } };
    case "terminate":
      return { ...about, terminationOperation: { identity } };
    case "delete":
      return { ...about, deletionOperation: { identity } };
    case "signal":
      return { ...about, signalOperation: { signal, identity, ...(input !== "" && { input: [JSON.parse(input)] }) } };
    case "reset": {
      const options = resetTo === "FirstWorkflowTask" ? { firstWorkflowTask: {} } : { lastWorkflowTask: {} };
      return { ...about, resetOperation: { identity, options } };
    }
    default:
      return verb satisfies never;
  }
}

export function batchCommand(namespace: string, { verb, query, reason, signal, input, resetTo }: BatchOrder): string {
  return pawlCommand(["workflow", verb], {
    ...{ namespace, query: query || all, reason, yes: true },
    ...(verb === "signal" && { name: signal, input }),
    ...(verb === "reset" && { type: resetTo }),
  });
}
