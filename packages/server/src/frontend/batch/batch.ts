/** Batch operations as operators see them: started, stopped, described, listed. */
import { Rejection } from "@pawl/engine";
import { type batch, type Init, toTimestamp, type workflowservice } from "@pawl/protocol";
import type { VisibilityFilter } from "@pawl/store";
import { limits } from "../../limits.ts";
import { invalid, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { type BatchJob, type BatchRequest, jobKey, stateOf } from "./batch-job.ts";
import { namedExecutions, operationOf } from "./batch-operation.ts";
import { batchFilter, startProblem, stopProblem } from "./batch-rules.ts";

export function batchHandlers(parts: Parts) {
  const { namespaces, batchJobs, batches, clock } = parts;
  return {
    StartBatchOperation: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = startProblem(request);
      if (problem) return problem;
      const startedAtMs = clock.nowMs();
      const filter = await batchFilter(parts, namespace, { request, startedAtMs });
      if (filter instanceof Rejection) return filter;
      const total = await totalOf(parts, namespace, request, filter);
      const job: BatchJob = {
        ...{ request, namespaceId: namespace.id, startedAtMs, closed: null },
        ...{ total, complete: 0, failed: 0, after: null, listedCount: 0 },
      };
      const made = await batchJobs.change(jobKey(namespace.id, request.jobId), (before) => {
        if (before) return new Rejection("ALREADY_EXISTS", `batch operation ${request.jobId} exists already`);
        return openCount(parts, namespace) >= limits.openBatchJobsMax ? tooMany() : job;
      });
      if (made instanceof Rejection) return made;
      await forgetOld(parts, namespace);
      batches.begin(job);
      return {};
    },

    StopBatchOperation: async ({ namespace: name, jobId, reason, identity }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = stopProblem(jobId, reason) ?? lengthProblem("Identity", identity);
      if (problem) return problem;
      const stopped = await batchJobs.change(jobKey(namespace.id, jobId), (job) => {
        if (!job || job.closed) return notFound(jobId);
        return { ...job, closed: { atMs: clock.nowMs(), state: "failed", reason, identity } };
      });
      return stopped instanceof Rejection ? stopped : {};
    },

    DescribeBatchOperation: async ({ namespace: name, jobId }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const job = batchJobs.get(jobKey(namespace.id, jobId));
      if (jobId === "") return invalid("JobId is not set on request.");
      return job ? described(job) : notFound(jobId);
    },

    ListBatchOperations: async ({ namespace: name, pageSize, nextPageToken }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const values = parts.tokens.openPage("batch", namespace.id, nextPageToken);
      if (values instanceof Rejection) return values;
      const from = values ? Number(values[0]) : 0;
      const size = pageSize <= 0 || pageSize > limits.batchPageMax ? limits.batchPageMax : pageSize;
      const jobs = jobsOf(parts, namespace);
      const isMore = jobs.length > from + size;
      return {
        operationInfo: jobs.slice(from, from + size).map(summary),
        ...(isMore && { nextPageToken: parts.tokens.sealPage("batch", namespace.id, [from + size]) }),
      };
    },
  } satisfies Handlers;
}

/** How many executions the batch is about. */
async function totalOf(
  { store }: Pick<Parts, "store">,
  { id: namespaceId }: Namespace,
  request: BatchRequest,
  filter: VisibilityFilter,
): Promise<number> {
  if (request.visibilityQuery === "") return namedExecutions(request).length;
  const groups = await store.countVisibility({ kind: operationOf(request)!.kind, namespaceId, filter });
  return groups.reduce((sum, { count }) => sum + count, 0);
}

/** The newest first. */
function jobsOf({ batchJobs }: Pick<Parts, "batchJobs">, { id }: Namespace): BatchJob[] {
  const jobs = [...batchJobs.entries()].map(([, job]) => job).filter(({ namespaceId }) => namespaceId === id);
  return jobs.sort((a, b) => b.startedAtMs - a.startedAtMs || (a.request.jobId < b.request.jobId ? -1 : 1));
}

function openCount(parts: Parts, namespace: Namespace): number {
  return jobsOf(parts, namespace).filter(({ closed }) => closed === null).length;
}

/** Jobs that have ended are remembered, so many of them. */
async function forgetOld(parts: Parts, namespace: Namespace): Promise<void> {
  const ended = jobsOf(parts, namespace).filter(({ closed }) => closed !== null);
  for (const { namespaceId, request } of ended.slice(limits.closedBatchJobsMax))
    await parts.batchJobs.change(jobKey(namespaceId, request.jobId), () => undefined);
}

function tooMany(): Rejection {
  return new Rejection("RESOURCE_EXHAUSTED", "Max concurrent batch operations is reached");
}

function notFound(jobId: string): Rejection {
  return new Rejection("NOT_FOUND", `batch operation not found: ${jobId}`);
}

function summary(job: BatchJob): Init<batch.BatchOperationInfo> {
  const { request, startedAtMs, closed } = job;
  return {
    jobId: request.jobId,
    state: stateOf(job),
    startTime: toTimestamp(startedAtMs),
    closeTime: closed ? toTimestamp(closed.atMs) : undefined,
    operationType: operationOf(request)!.type,
  };
}

function described(job: BatchJob): Init<workflowservice.DescribeBatchOperationResponse> {
  const { request } = job;
  return {
    ...summary(job),
    totalOperationCount: Math.max(job.total, job.complete + job.failed),
    completeOperationCount: job.complete,
    failureOperationCount: job.failed,
    identity: identityOf(request),
    reason: request.reason,
    query: request.visibilityQuery,
    executions: namedExecutions(request),
  };
}

function identityOf(request: BatchRequest): string {
  for (const field of Object.values(request)) {
    const identity = (field as { identity?: unknown } | null | undefined)?.identity;
    if (typeof identity === "string") return identity;
  }
  return "";
}
