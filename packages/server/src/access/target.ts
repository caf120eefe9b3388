/** What a request is about: the one namespace that decides whether it is allowed, and the ids that the audit log names. */
import { Rejection } from "../frontend/handler.ts";
import type { Parts } from "../frontend/parts.ts";
import type { AccessRow } from "./table.ts";

type TargetParts = Pick<Parts, "namespaces" | "tokens">;

/**
 * The namespace's name; "" when the request names none. One that is named and the token's must be the same: the handler refuses a request that mixes
 * two (`NamespaceRegistry.ofToken`), so what is checked here is what is used there.
 */
export function namespaceOf(
  parts: TargetParts,
  row: Extract<AccessRow, { of: "namespace" }>,
  request: unknown,
): string {
  const { namespace, taskToken, id, namespaceId } = request as Readonly<Record<string, unknown>>;
  if (typeof namespace === "string" && namespace !== "") return namespace;
  if (row.token !== undefined && taskToken instanceof Uint8Array) {
    const token = parts.tokens.open(row.token, taskToken);
    return token instanceof Rejection ? "" : nameOf(parts, token.namespaceId);
  }
  // DescribeNamespace and DeleteNamespace take an id as well.
  const byId = namespaceId ?? id;
  return typeof byId === "string" && byId !== "" ? nameOf(parts, byId) : "";
}

function nameOf({ namespaces }: TargetParts, id: string): string {
  const namespace = namespaces.byId(id);
  return namespace instanceof Rejection ? "" : namespace.name;
}

/** Ids by the fields that they come in; never a value that users choose freely beyond an id. */
const idFields = [
  ...["workflowId", "runId", "activityId", "scheduleId", "jobId", "signalName", "taskQueue", "deploymentName"],
  ...["name", "id", "operationId", "version", "updateId"],
] as const;

/** The ids in a request, at its top and in its execution. */
export function targetOf(request: unknown): Readonly<Record<string, string>> {
  if (typeof request !== "object" || request === null) return {};
  const { execution, workflowExecution, ...top } = request as Readonly<Record<string, unknown>>;
  const inner = (workflowExecution ?? execution ?? {}) as Readonly<Record<string, unknown>>;
  const found: Record<string, string> = {};
  for (const field of idFields) {
    const value = top[field] ?? inner[field];
    if (typeof value === "string" && value !== "") found[field] = value;
  }
  return found;
}
