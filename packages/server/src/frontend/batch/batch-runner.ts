/**
 * Batch operations under way, in the background.
 *
 *   B1. A job and its progress are in the store: after a restart it goes on where it was. What was done since the progress was last written is
 *       done again, under the same request ids.
 *   B2. A job does to an execution what its caller could do by a call of the API, by the same rules, in the namespace that the job is in.
 *   B3. An execution that has gone, or has closed meanwhile, is no failure.
 */
import { Rejection } from "@pawl/engine";
import type { VisibilityRow } from "@pawl/store";
import { limits } from "../../limits.ts";
import { pause } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import { type BatchJob, jobKey } from "./batch-job.ts";
import { type BatchCall, type BatchOperation, namedExecutions, operationOf, type Target } from "./batch-operation.ts";
import { resetCall } from "./batch-reset.ts";
import { batchFilter } from "./batch-rules.ts";

/** A call of the API, without a network. */
export type Perform = (call: BatchCall) => Promise<unknown | Rejection>;

type RunnerParts = Pick<
  Parts,
  "ring" | "store" | "clock" | "batchJobs" | "namespaces" | "searchAttributes" | "matching" | "telemetry"
> & {
  /** Whether jobs are this node's to run. Absent: there is only one node. */
  readonly isMine?: () => boolean;
};

export class BatchRunner {
  readonly #parts: RunnerParts;
  #perform: Perform | undefined;
  readonly #closing = new AbortController();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  #isMine(): boolean {
    return this.#parts.isMine?.() ?? true;
  }

  /** From here on calls can be made. */
  open(perform: Perform): void {
    this.#perform = perform;
  }

  /** Goes on with the jobs that another process has not finished (B1). */
  resume(): void {
    for (const [, job] of this.#parts.batchJobs.entries()) if (!job.closed) this.begin(job);
  }

  begin({ namespaceId, request }: BatchJob): void {
    const key = jobKey(namespaceId, request.jobId);
    if (this.#closing.signal.aborted || !this.#isMine() || this.#underWay.has(key)) return;
    const run = this.#run(key).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, run);
  }

  /** Ends and forgets the jobs of a namespace. */
  async forget(namespaceId: string): Promise<void> {
    const { batchJobs } = this.#parts;
    const own = [...batchJobs.entries()].filter(([, job]) => job.namespaceId === namespaceId);
    for (const [key] of own) await batchJobs.change(key, () => undefined);
  }

  /** Leaves the rest for the next process. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay.values());
  }

  async #run(key: string): Promise<void> {
    const { batchJobs, clock, telemetry } = this.#parts;
    while (!this.#closing.signal.aborted && this.#isMine()) {
      try {
        const job = batchJobs.get(key);
        if (!job || job.closed) return;
        if (await this.#step(key, job)) return;
      } catch (error) {
        telemetry.log.error("batch fault", { job: key, error });
        await pause(clock, limits.batchRetryMs, this.#closing.signal);
      }
    }
  }

  /** Deals with the next executions; whether there are none left. */
  async #step(key: string, job: BatchJob): Promise<boolean> {
    const { clock } = this.#parts;
    const beganAtMs = clock.nowMs();
    const operation = operationOf(job.request)!;
    const perSecond = job.request.maxOperationsPerSecond || limits.batchOperationsPerSecondDefault;
    const size = Math.max(1, Math.min(limits.batchStepMax, Math.floor(perSecond)));
    const { targets, after } = await this.#next(job, operation, size);
    const outcomes = await Promise.all(targets.map((target) => this.#apply(job, operation, target)));
    const complete = outcomes.filter((isDone) => isDone).length;
    // Another node may have begun to go on with the job, and have counted the same executions.
    await this.#note(key, (before) =>
      before.listedCount !== job.listedCount
        ? before
        : {
            ...before,
            complete: before.complete + complete,
            failed: before.failed + targets.length - complete,
            after,
            listedCount: before.listedCount + targets.length,
          },
    );
    if (targets.length < size) {
      await this.#close(key, clock.nowMs());
      return true;
    }
    await pause(clock, (targets.length / perSecond) * 1_000 - (clock.nowMs() - beganAtMs), this.#closing.signal);
    return false;
  }

  async #next(
    job: BatchJob,
    operation: BatchOperation,
    limit: number,
  ): Promise<{ targets: readonly Target[]; after: BatchJob["after"] }> {
    const { store } = this.#parts;
    if (job.request.visibilityQuery === "") {
      const named = namedExecutions(job.request).slice(job.listedCount, job.listedCount + limit);
      return { targets: named.map(({ businessId: id, runId }) => ({ id, runId })), after: null };
    }
    const { namespaceId, after } = job;
    const namespace = this.#parts.namespaces.byId(namespaceId);
    const filter = namespace instanceof Rejection ? namespace : await batchFilter(this.#parts, namespace, job);
    // It was accepted once: what it names has gone since.
    if (filter instanceof Rejection) return { targets: [], after };
    const rows = await store.listVisibility({
      kind: operation.kind,
      namespaceId,
      filter,
      limit,
      ...(after && { after }),
    });
    const last = rows.at(-1);
    const runs = await store.loadRuns(rows.map(({ runId }) => runId));
    return {
      targets: rows.map(({ runId }, at) => ({ id: runs[at]?.businessId ?? "", runId })),
      after: last ? positionOf(last) : after,
    };
  }

  /** False when it has failed for good. */
  async #apply(job: BatchJob, operation: BatchOperation, target: Target): Promise<boolean> {
    const { clock } = this.#parts;
    for (let attempt = 1; attempt <= limits.batchAttemptsMax; attempt++) {
      try {
        const call = await this.#callOf(job, operation, target);
        const reply = call instanceof Rejection ? call : await this.#perform!(call);
        if (!(reply instanceof Rejection) || reply.code === "NOT_FOUND") return true; // B3
        if (reply.code !== "RESOURCE_EXHAUSTED") return false;
      } catch (error) {
        if (attempt === limits.batchAttemptsMax)
          this.#parts.telemetry.log.warn("batch target failed", { ...target, error });
      }
      await pause(clock, limits.batchRetryMs, this.#closing.signal);
    }
    return false;
  }

  async #callOf(job: BatchJob, { call }: BatchOperation, target: Target): Promise<BatchCall | Rejection> {
    if (call !== "reset") return call(target);
    const request = await resetCall(this.#parts, job.namespaceId, job.request, target);
    return request instanceof Rejection ? request : { method: "ResetWorkflowExecution", request };
  }

  #close(key: string, atMs: number): Promise<unknown> {
    return this.#note(key, (job) => ({ ...job, closed: { atMs, state: "completed", reason: "", identity: "" } }));
  }

  /** Unless somebody has stopped the job in the meantime. */
  #note(key: string, change: (job: BatchJob) => BatchJob): Promise<unknown> {
    return this.#parts.batchJobs.change(key, (job) => (job && !job.closed ? change(job) : job));
  }
}

function positionOf({ closeTimeMs, startTimeMs, runId }: VisibilityRow) {
  return { closeTimeMs, startTimeMs, runId };
}
