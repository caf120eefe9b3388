/** What has an id in a namespace and a life of its own on a shard, and how it is named. */

export type Kind = "workflow" | "schedule" | "activity";

/**
 * What users call an execution: its `businessId` is a workflow id, an activity id, a schedule id. Kinds have ids of their own: a workflow and a
 * schedule of one namespace may share an id, and know nothing of each other.
 */
export interface ExecutionKey<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespaceId: string;
  readonly businessId: string;
}

/** What a shard must know of a run, of any kind. */
export interface HostedRun {
  readonly runId: string;
  readonly status: { readonly type: "open" | "closed" };
  /** When the shard next wakes this run; Infinity = never. */
  readonly wakeAtMs: number;
}

/** All runs of one execution that memory holds, and which of them is meant when no run id is given. */
export interface Execution<R extends HostedRun = HostedRun> {
  currentRunId: string | null;
  readonly runs: Map<string, R>;
}

export function workflowKey(namespaceId: string, workflowId: string): ExecutionKey<"workflow"> {
  return { kind: "workflow", namespaceId, businessId: workflowId };
}

/** Of a standalone activity. */
export function activityKey(namespaceId: string, activityId: string): ExecutionKey<"activity"> {
  return { kind: "activity", namespaceId, businessId: activityId };
}

export function scheduleKey(namespaceId: string, scheduleId: string): ExecutionKey<"schedule"> {
  return { kind: "schedule", namespaceId, businessId: scheduleId };
}

/** How a run is addressed: by run id, or "" for the current run of the workflow id. */
export type RunSelector = string;

/** The run that sent a message. */
export interface Sender extends ExecutionKey {
  readonly runId: string;
}
