/** Batch operations as the API shows them. */
import { type Startable, withEncoded } from "../codec/encode.ts";
import { ask } from "./ask.ts";
import { type Execution, identity } from "./workflows.ts";

export interface BatchInfo {
  readonly jobId: string;
  readonly state?: string;
  readonly operationType?: string;
  readonly startTime?: string;
  readonly closeTime?: string;
}

export interface BatchDescription extends BatchInfo {
  readonly totalOperationCount?: string;
  readonly completeOperationCount?: string;
  readonly failureOperationCount?: string;
  readonly identity?: string;
  readonly reason?: string;
  readonly query?: string;
  readonly executions?: readonly Execution[];
}

export function listBatches(namespace: string, after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ operationInfo?: readonly BatchInfo[]; nextPageToken?: string }>(
    ["namespaces", namespace, "batch-operations"],
    { query, signal },
  );
}

export interface BatchAddress {
  readonly namespace: string;
  readonly jobId: string;
}

export function describeBatch({ namespace, jobId }: BatchAddress, signal: AbortSignal) {
  return ask<BatchDescription>(["namespaces", namespace, "batch-operations", jobId], { signal });
}

export function stopBatch({ namespace, jobId }: BatchAddress, reason: string) {
  return ask(["namespaces", namespace, "batch-operations", jobId, "stop"], { body: { reason, identity } });
}

/** `body`: what is done to which workflows; see StartBatchOperation. */
export async function startBatch({ namespace, jobId }: BatchAddress, body: BatchBody) {
  const { signalOperation: signal } = body;
  const encoded = { ...body, ...(signal && { signalOperation: await withEncoded(namespace, signal) }) };
  return ask(["namespaces", namespace, "batch-operations", jobId], { body: encoded });
}

/** As much of it as is read here. */
export interface BatchBody {
  readonly [field: string]: unknown;
  readonly signalOperation?: Startable;
}
