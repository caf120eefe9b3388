/** A workflow that is to be started: as a form holds it, as the API is asked for it, and as the command line does it. */
import { jsonValue, payloadsOf } from "../api/payload.ts";
import type { Startable } from "../codec/encode.ts";
import { type Flag, pawlCommand } from "../parts/command-line.ts";
import { jsonProblem } from "../parts/json/json-syntax.ts";
import { durationOf, spanOf } from "../parts/span.ts";

export const reusePolicies = {
  AllowDuplicate: "Start another",
  AllowDuplicateFailedOnly: "Start another unless it completed",
  RejectDuplicate: "Refuse",
} as const;

export const conflictPolicies = {
  Fail: "Refuse",
  UseExisting: "Use the one that runs",
  TerminateExisting: "Terminate the one that runs",
} as const;

/** All as typed. */
export interface StartForm {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  /** JSON each. */
  readonly inputs: readonly string[];
  readonly executionTimeout: string;
  readonly runTimeout: string;
  readonly taskTimeout: string;
  readonly startDelay: string;
  readonly cron: string;
  /** JSON objects, or "". */
  readonly memo: string;
  readonly searchAttributes: string;
  readonly summary: string;
  readonly reusePolicy: keyof typeof reusePolicies;
  readonly conflictPolicy: keyof typeof conflictPolicies;
}

export const emptyForm: StartForm = {
  ...{ workflowType: "", workflowId: "", taskQueue: "", inputs: [""], executionTimeout: "", runTimeout: "" },
  ...{ taskTimeout: "", startDelay: "", cron: "", memo: "", searchAttributes: "", summary: "" },
  ...{ reusePolicy: "AllowDuplicate", conflictPolicy: "Fail" },
};

/** The body of StartWorkflowExecution. Throws a sentence that names the field. */
export function startBody(
  form: StartForm,
  { identity, requestId }: Record<"identity" | "requestId", string>,
): Startable {
  const memo = objectOf(form.memo, "Memo");
  const attributes = objectOf(form.searchAttributes, "Search attributes");
  const input = form.inputs.filter((text) => text.trim() !== "").map((text) => jsonOf(text, "Input"));
  return {
    workflowType: { name: form.workflowType },
    taskQueue: { name: form.taskQueue },
    ...{ identity, requestId, ...(input.length > 0 && { input }) },
    workflowExecutionTimeout: durationOf(form.executionTimeout, "Execution timeout"),
    workflowRunTimeout: durationOf(form.runTimeout, "Run timeout"),
    workflowTaskTimeout: durationOf(form.taskTimeout, "Task timeout"),
    workflowStartDelay: durationOf(form.startDelay, "Start delay"),
    ...(form.cron.trim() !== "" && { cronSchedule: form.cron.trim() }),
    ...(memo && { memo: { fields: memo } }),
    ...(attributes && { searchAttributes: { indexedFields: attributes } }),
    ...(form.summary !== "" && { userMetadata: { summary: form.summary } }),
    workflowIdReusePolicy: `WORKFLOW_ID_REUSE_POLICY_${screaming(form.reusePolicy)}`,
    workflowIdConflictPolicy: `WORKFLOW_ID_CONFLICT_POLICY_${screaming(form.conflictPolicy)}`,
  };
}

export function startCommand(namespace: string, form: StartForm): string {
  const flags: Record<string, Flag> = {
    ...{ namespace, type: form.workflowType, "task-queue": form.taskQueue, "workflow-id": form.workflowId },
    input: form.inputs.filter((text) => text.trim() !== "").map(compact),
    ...{ "execution-timeout": form.executionTimeout, "run-timeout": form.runTimeout, "task-timeout": form.taskTimeout },
    ...{ "start-delay": form.startDelay, cron: form.cron, memo: pairsOf(form.memo) },
    ...{ "search-attribute": pairsOf(form.searchAttributes), "static-summary": form.summary },
    ...(form.reusePolicy !== emptyForm.reusePolicy && { "id-reuse-policy": form.reusePolicy }),
    ...(form.conflictPolicy !== emptyForm.conflictPolicy && { "id-conflict-policy": form.conflictPolicy }),
  };
  return pawlCommand(["workflow", "start"], flags);
}

/** From the attributes of the event that began a run. The id is left to be another. */
export function formLike(started: Readonly<Record<string, unknown>>): StartForm {
  const inputs = payloadsOf(started["input"]);
  const named = (name: string) => (started[name] as { readonly name?: string } | undefined)?.name ?? "";
  const fields = (name: string, of: string) =>
    shownObject((started[name] as Readonly<Record<string, unknown>> | undefined)?.[of]);
  return {
    ...emptyForm,
    ...{ workflowType: named("workflowType"), taskQueue: named("taskQueue") },
    inputs: inputs.length === 0 ? [""] : inputs.map((value) => JSON.stringify(jsonValue(value), null, 2)),
    executionTimeout: spanOf(started["workflowExecutionTimeout"]),
    runTimeout: spanOf(started["workflowRunTimeout"]),
    cron: typeof started["cronSchedule"] === "string" ? started["cronSchedule"] : "",
    memo: fields("memo", "fields"),
    searchAttributes: fields("searchAttributes", "indexedFields"),
  };
}

function shownObject(fields: unknown): string {
  if (typeof fields !== "object" || fields === null || Object.keys(fields).length === 0) return "";
  const shown = Object.entries(fields).map(([name, value]) => [name, jsonValue(value)]);
  return JSON.stringify(Object.fromEntries(shown), null, 2);
}

function jsonOf(text: string, field: string): unknown {
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Error(`${field}: ${problem}`);
  return JSON.parse(text);
}

function objectOf(text: string, field: string): Readonly<Record<string, unknown>> | undefined {
  if (text.trim() === "") return undefined;
  const value = jsonOf(text, field);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${field}: an object is expected, such as {"key": "value"}.`);
  return value as Readonly<Record<string, unknown>>;
}

function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** `KEY=JSON` each; nothing of what is no object yet. */
function pairsOf(text: string): string[] {
  try {
    return Object.entries(objectOf(text, "") ?? {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  } catch {
    return [];
  }
}

/** `AllowDuplicate` as `ALLOW_DUPLICATE`. */
function screaming(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
