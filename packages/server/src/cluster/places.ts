/**
 * Where calls of the API are done, of those for which it matters: because they wait for something that is in the memory of one node (a poll for its queue, a query
 * for its answer, a long poll for a run's next event), or because one node decides for all. Any other call is done where it comes in, and its commands go to their
 * shards by themselves.
 *
 * A request that says too little to be placed is done where it comes in, which refuses it.
 */
import { Rejection } from "@pawl/engine";
import { enums, type MethodName, type RequestOf } from "@pawl/protocol";
import type { NamespaceRegistry } from "../frontend/namespace/namespace-registry.ts";
import type { Tokens } from "../frontend/tokens.ts";
import { homeOf } from "../frontend/workflow/query-registry.ts";
import { shardOf } from "../shard/ring.ts";
import type { Partitions } from "./partitions.ts";
import type { Place } from "./placement.ts";

export interface PlacesParts {
  readonly namespaces: NamespaceRegistry;
  readonly tokens: Tokens;
  readonly shardCount: number;
  /** Of task queues. */
  readonly queues: Pick<Partitions, "placeOf">;
}

interface Finder {
  /** An execution's shard, by the name of its namespace. */
  execution(namespace: string, businessId: string | undefined): Place | undefined;
  queue(
    namespace: string,
    queue: { readonly name: string; readonly kind: enums.TaskQueueKind; readonly normalName: string } | undefined,
  ): Place | undefined;
  /** By a workflow task's token. */
  task(token: Uint8Array): Place | undefined;
  question(kind: "query" | "nexus", token: Uint8Array): Place | undefined;
}

type PlaceOf<N extends MethodName> = (request: RequestOf<N>, at: Finder) => Place | undefined;

const duty = (name: Extract<Place, { type: "duty" }>["duty"]) => (): Place => ({ type: "duty", duty: name });

const placed: { readonly [N in MethodName]?: PlaceOf<N> } = {
  // Its answer carries a workflow task, and the queries that ride on it.
  StartWorkflowExecution: ({ namespace, workflowId, requestEagerExecution }, at) =>
    requestEagerExecution ? at.execution(namespace, workflowId) : undefined,
  ExecuteMultiOperation: ({ namespace, operations }, at) =>
    at.execution(namespace, operations[0]?.startWorkflow?.workflowId),
  UpdateWorkflowExecution: ({ namespace, workflowExecution: run }, at) => at.execution(namespace, run?.workflowId),
  PollWorkflowExecutionUpdate: ({ namespace, updateRef }, at) =>
    at.execution(namespace, updateRef?.workflowExecution?.workflowId),
  QueryWorkflow: ({ namespace, execution }, at) => at.execution(namespace, execution?.workflowId),
  GetWorkflowExecutionHistory: ({ namespace, execution }, at) => at.execution(namespace, execution?.workflowId),
  DescribeActivityExecution: ({ namespace, activityId }, at) => at.execution(namespace, activityId),
  PollActivityExecution: ({ namespace, activityId }, at) => at.execution(namespace, activityId),

  PollWorkflowTaskQueue: ({ namespace, taskQueue }, at) => at.queue(namespace, taskQueue),
  PollActivityTaskQueue: ({ namespace, taskQueue }, at) => at.queue(namespace, taskQueue),
  PollNexusTaskQueue: ({ namespace, taskQueue }, at) => at.queue(namespace, taskQueue),
  // A normal queue may be on several nodes, which its handler asks.
  DescribeTaskQueue: ({ namespace, taskQueue }, at) =>
    taskQueue?.kind === enums.TaskQueueKind.STICKY ? at.queue(namespace, taskQueue) : undefined,

  RespondWorkflowTaskCompleted: ({ taskToken }, at) => at.task(taskToken),
  RespondWorkflowTaskFailed: ({ taskToken }, at) => at.task(taskToken),
  RespondQueryTaskCompleted: ({ taskToken }, at) => at.question("query", taskToken),
  RespondNexusTaskCompleted: ({ taskToken }, at) => at.question("nexus", taskToken),
  RespondNexusTaskFailed: ({ taskToken }, at) => at.question("nexus", taskToken),

  RegisterNamespace: duty("namespaces"),
  UpdateNamespace: duty("namespaces"),
  DeprecateNamespace: duty("namespaces"),
  DeleteNamespace: duty("namespaces"),
  StartBatchOperation: duty("batches"),
  StopBatchOperation: duty("batches"),
  RecordWorkerHeartbeat: duty("workers"),
  ListWorkers: duty("workers"),
  CountWorkers: duty("workers"),
  DescribeWorker: duty("workers"),
  ShutdownWorker: duty("workers"),
};

/** Where a call is done; undefined = where it comes in. */
export type PlaceOfCall = (request: unknown) => Place | undefined;

export function placesOf(parts: PlacesParts): ReadonlyMap<MethodName, PlaceOfCall> {
  const finder = finderOf(parts);
  return new Map(
    Object.entries(placed).map(([name, placeOf]) => [
      name as MethodName,
      (request) => (placeOf as (request: unknown, at: Finder) => Place | undefined)(request, finder),
    ]),
  );
}

function finderOf({ namespaces, tokens, shardCount, queues }: PlacesParts): Finder {
  const shard = (namespaceId: string, businessId: string): Place => ({
    type: "shard",
    shardId: shardOf({ namespaceId, businessId }, shardCount),
  });
  return {
    execution(namespace, businessId) {
      const id = namespaces.find(namespace)?.id;
      return id && businessId ? shard(id, businessId) : undefined;
    },
    queue(namespace, queue) {
      const id = namespaces.find(namespace)?.id;
      if (!id || !queue?.name) return undefined;
      const { name, kind, normalName } = queue;
      const isSticky = kind === enums.TaskQueueKind.STICKY && normalName !== "";
      return queues.placeOf({
        namespaceId: id,
        ...(isSticky ? { taskQueue: normalName, stickyQueue: name } : { taskQueue: name }),
      });
    },
    task(bytes) {
      const token = tokens.open("workflow", bytes);
      return token instanceof Rejection ? undefined : shard(token.namespaceId, token.workflowId);
    },
    question(kind, bytes) {
      const token = tokens.open(kind, bytes);
      if (token instanceof Rejection) return undefined;
      const nodeId = homeOf(token.kind === "query" ? token.queryId : token.taskId);
      return nodeId === "" ? undefined : { type: "node", nodeId };
    },
  };
}
