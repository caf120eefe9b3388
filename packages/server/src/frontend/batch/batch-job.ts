/** A batch operation as it is kept: what was asked for, and how far it has come. */
import { enums, workflowservice } from "@pawl/protocol";
import type { Store, VisibilityPosition } from "@pawl/store";
import { StoredMap } from "../stored-map.ts";

export type BatchRequest = workflowservice.StartBatchOperationRequest;

export interface BatchJob {
  readonly request: BatchRequest;
  readonly namespaceId: string;
  readonly startedAtMs: number;
  /** null while it is under way. */
  readonly closed: {
    readonly atMs: number;
    readonly state: "completed" | "failed";
    readonly reason: string;
    readonly identity: string;
  } | null;
  readonly total: number;
  readonly complete: number;
  readonly failed: number;
  /** The last execution that has been dealt with: by its place in the list, or in the request. */
  readonly after: VisibilityPosition | null;
  readonly listedCount: number;
}

export type BatchJobs = StoredMap<BatchJob>;

/** By `namespace id/job id`. */
export function loadBatchJobs(store: Store): Promise<BatchJobs> {
  return StoredMap.load(store, "batch", { encode, decode });
}

export function jobKey(namespaceId: string, jobId: string): string {
  return `${namespaceId}/${jobId}`;
}

export function stateOf({ closed }: BatchJob): enums.BatchOperationState {
  const { RUNNING, COMPLETED, FAILED } = enums.BatchOperationState;
  if (!closed) return RUNNING;
  return closed.state === "completed" ? COMPLETED : FAILED;
}

function encode({ request, ...job }: BatchJob): Uint8Array {
  const bytes = workflowservice.StartBatchOperationRequest.encode(request);
  return new TextEncoder().encode(JSON.stringify({ ...job, request: Buffer.from(bytes).toString("base64") }));
}

function decode(bytes: Uint8Array): BatchJob {
  const { request, ...job } = JSON.parse(new TextDecoder().decode(bytes)) as Omit<BatchJob, "request"> & {
    request: string;
  };
  return { ...job, request: workflowservice.StartBatchOperationRequest.decode(Buffer.from(request, "base64")) };
}
