/** Workers: what they say of themselves, who asks for them, and their goodbye. */
import { Rejection } from "@pawl/engine";
import type { Init, RequestOf, worker } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { idProblem, invalid, isLonger, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import { pause } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import { QueryError } from "../visibility/query-lexer.ts";
import { workerPredicate } from "./worker-filter.ts";
import { type Heartbeat, heartbeatBytes, WorkerRegistry } from "./worker-registry.ts";

export function workerHandlers({ namespaces, matching, tokens, clock }: Parts) {
  const workers = new WorkerRegistry(clock);
  const asked = ({ namespace: name, query, includeSystemWorkers }: ListedWorkers) => {
    const namespace = namespaces.byName(name);
    if (namespace instanceof Rejection) return namespace;
    const filter = readFilter(query);
    if (filter instanceof Rejection) return filter;
    const predicate = (heartbeat: Heartbeat) =>
      (includeSystemWorkers || !isSystemWorker(heartbeat)) && filter(heartbeat);
    return { namespaceId: namespace.id, predicate };
  };
  return {
    RecordWorkerHeartbeat: ({ namespace: name, workerHeartbeat }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      for (const heartbeat of workerHeartbeat) {
        const problem = heartbeatProblem(heartbeat);
        if (problem) return problem;
      }
      for (const heartbeat of workerHeartbeat) workers.record(namespace.id, heartbeat);
      return {};
    },

    ListWorkers: (request) => {
      const found = asked(request);
      if (found instanceof Rejection) return found;
      const { namespaceId, predicate } = found;
      const from = tokens.openPage("workers", namespaceId, request.nextPageToken);
      if (from instanceof Rejection) return from;
      const { workerPageMax } = limits;
      const size = request.pageSize <= 0 ? workerPageMax : Math.min(request.pageSize, workerPageMax);
      const page: Heartbeat[] = [];
      let last: Heartbeat | undefined;
      let bytes = 0;
      for (const heartbeat of workers.list(namespaceId, from?.[0] as string | undefined)) {
        if (!predicate(heartbeat)) continue;
        // Each is in the answer twice, as a whole and in short.
        if (page.length === size || 2 * bytes > limits.pageBytesMax) {
          last = page.at(-1);
          break;
        }
        page.push(heartbeat);
        bytes += heartbeatBytes(heartbeat);
      }
      return {
        workersInfo: page.map((workerHeartbeat) => ({ workerHeartbeat })),
        workers: page.map(listInfo),
        ...(last && { nextPageToken: tokens.sealPage("workers", namespaceId, [last.workerInstanceKey]) }),
      };
    },

    CountWorkers: (request) => {
      const found = asked(request);
      if (found instanceof Rejection) return found;
      let count = 0;
      for (const heartbeat of workers.list(found.namespaceId)) if (found.predicate(heartbeat)) count += 1;
      return { count };
    },

    DescribeWorker: ({ namespace: name, workerInstanceKey }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = idProblem("WorkerInstanceKey", workerInstanceKey);
      if (problem) return problem;
      const workerHeartbeat = workers.find(namespace.id, workerInstanceKey);
      if (workerHeartbeat) return { workerInfo: { workerHeartbeat } };
      return new Rejection("NOT_FOUND", `Worker ${workerInstanceKey} not found`);
    },

    ShutdownWorker: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = shutdownProblem(request);
      if (problem) return problem;
      const { stickyTaskQueue: stickyQueue, taskQueue, workerInstanceKey, workerHeartbeat } = request;
      if (workerHeartbeat?.workerInstanceKey) workers.record(namespace.id, workerHeartbeat);
      const worker = { namespaceId: namespace.id, stickyQueue, taskQueue, workerInstanceKey };
      const partsInMs = matching.shutdownWorker(worker);
      if (partsInMs > 0) await pause(clock, partsInMs, call.signal);
      return {};
    },
  } satisfies Handlers;
}

type ListedWorkers = Pick<RequestOf<"CountWorkers">, "namespace" | "query" | "includeSystemWorkers">;

/** One of a reference server's own: Pawl has none, but is told of those that were pointed at it. */
function isSystemWorker({ taskQueue }: Heartbeat): boolean {
  return taskQueue.startsWith("temporal-sys-");
}

function heartbeatProblem(heartbeat: Heartbeat): Rejection | undefined {
  const { workerHeartbeatBytesMax } = limits;
  if (heartbeatBytes(heartbeat) > workerHeartbeatBytesMax)
    return invalid(`WorkerHeartbeat exceeds size limit of ${workerHeartbeatBytesMax} bytes.`);
  return idProblem("WorkerInstanceKey", heartbeat.workerInstanceKey);
}

/** A goodbye always succeeds for a worker that has a namespace: also without a sticky queue, and for an SDK that has no instance key. */
function shutdownProblem(request: RequestOf<"ShutdownWorker">): Rejection | undefined {
  return (
    lengthProblem("StickyTaskQueue", request.stickyTaskQueue) ??
    lengthProblem("WorkerInstanceKey", request.workerInstanceKey) ??
    (request.workerHeartbeat?.workerInstanceKey ? heartbeatProblem(request.workerHeartbeat) : undefined)
  );
}

function readFilter(query: string): ((heartbeat: Heartbeat) => boolean) | Rejection {
  if (isLonger(query, limits.visibilityQueryBytesMax))
    return invalid(`invalid query: malformed SQL query: longer than ${limits.visibilityQueryBytesMax} bytes`);
  try {
    return workerPredicate(query);
  } catch (error) {
    if (error instanceof QueryError) return invalid(`invalid query: ${error.message}`);
    throw error;
  }
}

function listInfo({ hostInfo, ...heartbeat }: Heartbeat): Init<worker.WorkerListInfo> {
  return {
    workerInstanceKey: heartbeat.workerInstanceKey,
    workerIdentity: heartbeat.workerIdentity,
    taskQueue: heartbeat.taskQueue,
    deploymentVersion: heartbeat.deploymentVersion,
    sdkName: heartbeat.sdkName,
    sdkVersion: heartbeat.sdkVersion,
    status: heartbeat.status,
    startTime: heartbeat.startTime,
    hostName: hostInfo?.hostName ?? "",
    workerGroupingKey: hostInfo?.workerGroupingKey ?? "",
    processId: hostInfo?.processId ?? "",
    plugins: heartbeat.plugins,
    drivers: heartbeat.drivers,
  };
}
