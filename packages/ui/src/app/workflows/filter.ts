/** From what a person types and clicks to a query of the list. */

import { quoted } from "./conditions.ts";

/** Names that the list knows, as it writes them. */
export const statuses = [
  "Running",
  "Completed",
  "Failed",
  "TimedOut",
  "Canceled",
  "Terminated",
  "ContinuedAsNew",
  "Paused",
] as const;

export interface Filter {
  /** A query, or the beginning of an id or type. */
  readonly text: string;
  readonly status: string;
}

export function queryOf({ text, status }: Filter): string {
  const conditions = [queryOfText(text.trim()), status === "" ? "" : `ExecutionStatus = ${quoted(status)}`].filter(
    (each) => each !== "",
  );
  return conditions.length < 2 ? (conditions[0] ?? "") : conditions.map((each) => `(${each})`).join(" AND ");
}

/** A plain word is looked for at the beginning of ids and types; what looks like a query is left as it is. */
export function queryOfText(text: string): string {
  if (text === "" || isQuery(text)) return text;
  const word = quoted(text);
  return `WorkflowId STARTS_WITH ${word} OR WorkflowType STARTS_WITH ${word}`;
}

export function isQuery(text: string): boolean {
  return /[=<>]|\b(IN|BETWEEN|STARTS_WITH|IS)\b|^\(/i.test(text);
}

/** `WORKFLOW_EXECUTION_STATUS_TIMED_OUT` is `TimedOut`. */
export function statusName(status: string): string {
  return status
    .replace(/^(WORKFLOW|ACTIVITY)_EXECUTION_STATUS_/, "")
    .toLowerCase()
    .replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
