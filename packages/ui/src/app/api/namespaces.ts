/** Namespaces as the API shows them. */
import { ask } from "./ask.ts";

export interface Namespace {
  readonly namespaceInfo: {
    readonly name: string;
    readonly id?: string;
    readonly state?: string;
    readonly description?: string;
    readonly ownerEmail?: string;
    readonly data?: Readonly<Record<string, string>>;
  };
  readonly config?: { readonly workflowExecutionRetentionTtl?: string };
}

export function namespacePage(after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ namespaces?: readonly Namespace[]; nextPageToken?: string }>(["namespaces"], { query, signal });
}

export interface NamespaceDraft {
  readonly description: string;
  readonly ownerEmail: string;
  /** Such as `259200s`. */
  readonly retention: string;
}

export function createNamespace(namespace: string, { retention, ...info }: NamespaceDraft) {
  return ask(["namespaces"], { body: { namespace, ...info, workflowExecutionRetentionPeriod: retention } });
}

export function updateNamespace(namespace: string, { retention, ...info }: NamespaceDraft) {
  const body = { updateInfo: info, config: { workflowExecutionRetentionTtl: retention } };
  return ask(["namespaces", namespace, "update"], { body });
}
