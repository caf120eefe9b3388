/** Starts workflows and speaks with them. */
import { randomUUID } from "node:crypto";
import { history, type Init, type workflowservice } from "@pawl/protocol";
import { WorkflowExecutionAlreadyStartedError } from "../value/errors.ts";
import type { AnyArgs, SignalDefinition, Workflow, WorkflowResultType } from "../value/options.ts";
import { toPayloads } from "../value/payload-converter.ts";
import { wirePayloads } from "../value/wire.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { CallFailed } from "./connection.ts";
import { QueryNotRegisteredError, QueryRejectedError, rethrowCallFailure } from "./errors.ts";
import {
  type CountWorkflowExecution,
  executionDescription,
  executionInfo,
  type WorkflowExecutionInfo,
} from "./execution-info.ts";
import {
  nameOf,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowHandleWithSignaledRunId,
} from "./workflow-handle.ts";
import { startFields, type WorkflowOptions, type WorkflowStartOptions } from "./workflow-options.ts";
import { awaitResult } from "./workflow-result.ts";
import { startUpdate, updateHandle, updateResult } from "./workflow-update.ts";

const status = { invalidArgument: 3, notFound: 5, alreadyExists: 6 } as const;
/** A query waits for a worker; a workflow that is stuck must not hold its caller for ever. */
const queryTimeoutMs = 30_000;

export interface GetWorkflowHandleOptions {
  /** Default: true. */
  followRuns?: boolean;
  firstExecutionRunId?: string;
}

export interface ListOptions {
  query?: string;
  pageSize?: number;
}

export type WorkflowSignalWithStartOptions<W extends Workflow, Args extends AnyArgs> = WorkflowStartOptions<W> & {
  signal: SignalDefinition<Args> | string;
  signalArgs?: Args;
};

interface HandleTarget {
  readonly workflowId: string;
  readonly runId: string | undefined;
  readonly firstExecutionRunId: string | undefined;
  readonly runIdForResult: string | undefined;
  readonly followRuns: boolean;
}

export class WorkflowClient {
  readonly options: ResolvedClientOptions;

  constructor(options?: BaseClientOptions) {
    this.options = resolveClientOptions(options);
  }

  get connection() {
    return this.options.connection;
  }

  /** Throws `WorkflowExecutionAlreadyStartedError`, `NamespaceNotFoundError`, `ServiceError`; `TypeError` or `ValueError` for a bad option. */
  async start<W extends Workflow>(
    workflowTypeOrFunc: string | W,
    options: WorkflowStartOptions<W>,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<W>> {
    const { call, namespace, identity, payloadConverter } = this.options;
    const fields = startFields(workflowTypeOrFunc, options, payloadConverter);
    const request = { ...fields, namespace, identity, requestId: randomUUID() };
    const response = await this.#attempt(fields, () => call("StartWorkflowExecution", request));
    const handle = this.#handle<W>({
      workflowId: options.workflowId,
      runId: undefined,
      firstExecutionRunId: response.firstExecutionRunId || response.runId,
      runIdForResult: response.runId,
      followRuns: options.followRuns ?? true,
    });
    return Object.assign(handle, { firstExecutionRunId: response.runId, eagerlyStarted: false });
  }

  /** Starts it and waits for its result. */
  async execute<W extends Workflow>(
    workflowTypeOrFunc: string | W,
    options: WorkflowStartOptions<W>,
  ): Promise<WorkflowResultType<W>> {
    const handle = await this.start(workflowTypeOrFunc, options);
    return await handle.result();
  }

  /** Signals the running workflow of this id; starts one first when there is none. One step: no signal is lost between. */
  async signalWithStart<W extends Workflow, Args extends AnyArgs = []>(
    workflowTypeOrFunc: string | W,
    options: WorkflowSignalWithStartOptions<W, Args>,
  ): Promise<WorkflowHandleWithSignaledRunId<W>> {
    const { call, namespace, identity, payloadConverter } = this.options;
    const fields = startFields(workflowTypeOrFunc, options as WorkflowOptions, payloadConverter);
    const request = {
      ...(fields as Init<workflowservice.SignalWithStartWorkflowExecutionRequest>),
      ...{ namespace, identity, requestId: randomUUID() },
      signalName: nameOf(options.signal),
      signalInput: wirePayloads(toPayloads(payloadConverter, ...(options.signalArgs ?? []))),
    };
    const response = await this.#attempt(fields, () => call("SignalWithStartWorkflowExecution", request));
    const handle = this.#handle<W>({
      workflowId: options.workflowId,
      runId: undefined,
      firstExecutionRunId: undefined,
      runIdForResult: response.runId,
      followRuns: options.followRuns ?? true,
    });
    return Object.assign(handle, { signaledRunId: response.runId });
  }

  /** A handle for an execution that exists, or may exist: nothing is asked of the server. Without `runId`: whichever run is current. */
  getHandle<W extends Workflow>(
    workflowId: string,
    runId?: string,
    { followRuns = true, firstExecutionRunId }: GetWorkflowHandleOptions = {},
  ): WorkflowHandle<W> {
    return this.#handle<W>({
      workflowId,
      runId,
      firstExecutionRunId,
      runIdForResult: runId ?? firstExecutionRunId,
      followRuns,
    });
  }

  /** Pages are fetched while iterating. Throws `ServiceError` for a query that the server cannot read. */
  async *list({ query = "", pageSize = 1_000 }: ListOptions = {}): AsyncGenerator<WorkflowExecutionInfo> {
    const { call, namespace, payloadConverter } = this.options;
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace, query, pageSize, nextPageToken };
      const response = await call("ListWorkflowExecutions", request).catch((error) =>
        rethrowCallFailure(error, "Failed to list workflows", { namespace }),
      );
      for (const raw of response.executions) yield executionInfo(raw, payloadConverter);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
  }

  async count(query = ""): Promise<CountWorkflowExecution> {
    const { call, namespace, payloadConverter } = this.options;
    const response = await call("CountWorkflowExecutions", { namespace, query }).catch((error) =>
      rethrowCallFailure(error, "Failed to count workflows", { namespace }),
    );
    const groups = response.groups.map(({ count, groupValues }) => ({
      count,
      groupValues: groupValues.map((payload) => payloadConverter.fromPayload(payload)),
    }));
    return { count: response.count, groups };
  }

  async #attempt<R>(fields: ReturnType<typeof startFields>, call: () => Promise<R>): Promise<R> {
    const workflowId = fields.workflowId ?? "";
    const workflowType = fields.workflowType?.name ?? "";
    try {
      return await call();
    } catch (error) {
      if (error instanceof CallFailed && error.code === status.alreadyExists) {
        throw new WorkflowExecutionAlreadyStartedError("Workflow execution already started", workflowId, workflowType);
      }
      return rethrowCallFailure(error, "Failed to start Workflow", { namespace: this.options.namespace });
    }
  }

  #handle<W extends Workflow>(target: HandleTarget): WorkflowHandle<W> {
    const { call, namespace, identity, payloadConverter } = this.options;
    const { workflowId, runId, firstExecutionRunId } = target;
    const execution = { workflowId, runId };
    const rethrow = (message: string) => (error: unknown) =>
      rethrowCallFailure(error, message, { namespace, workflowId, runId });
    const args = (values: readonly unknown[]) => wirePayloads(toPayloads(payloadConverter, ...values));
    const updates = { client: this.options, execution, firstExecutionRunId };
    return {
      workflowId,
      client: this,
      result: () =>
        awaitResult<WorkflowResultType<W>>(
          this.options,
          { workflowId, runId: target.runIdForResult },
          target.followRuns,
        ),
      signal: async (def, ...values) => {
        const request = {
          ...{ namespace, identity, workflowExecution: execution, requestId: randomUUID() },
          ...{ signalName: nameOf(def), input: args(values) },
        };
        await call("SignalWorkflowExecution", request).catch(rethrow("Failed to signal Workflow"));
      },
      query: (def, ...values) => this.#query(execution, nameOf(def), args(values)),
      executeUpdate: async (def, options = {}) =>
        updateResult(updates, await startUpdate(updates, def, options, "COMPLETED")),
      startUpdate: async (def, options = {}) =>
        updateHandle(updates, await startUpdate(updates, def, options, "ACCEPTED")),
      getUpdateHandle: (updateId) => updateHandle(updates, { updateId, runId, outcome: undefined }),
      cancel: () => {
        const request = {
          ...{ namespace, identity, workflowExecution: execution, requestId: randomUUID(), firstExecutionRunId },
        };
        return call("RequestCancelWorkflowExecution", request).catch(rethrow("Failed to cancel Workflow"));
      },
      terminate: (reason = "") => {
        const request = { namespace, identity, workflowExecution: execution, reason, firstExecutionRunId };
        return call("TerminateWorkflowExecution", request).catch(rethrow("Failed to terminate Workflow"));
      },
      describe: async () => {
        const request = { namespace, execution };
        const response = await call("DescribeWorkflowExecution", request).catch(rethrow("Failed to describe Workflow"));
        return executionDescription(response, payloadConverter);
      },
      fetchHistory: () => this.#history(execution).catch(rethrow("Failed to fetch the history")),
    };
  }

  async #query<R>(
    execution: { workflowId: string; runId: string | undefined },
    queryType: string,
    queryArgs: ReturnType<typeof wirePayloads>,
  ): Promise<R> {
    const { call, namespace, payloadConverter } = this.options;
    const request = { namespace, execution, query: { queryType, queryArgs } };
    try {
      const response = await call("QueryWorkflow", request, { timeoutMs: queryTimeoutMs });
      if (response.queryRejected) throw new QueryRejectedError(response.queryRejected.status);
      const payload = response.queryResult?.payloads[0];
      return payload ? payloadConverter.fromPayload<R>(payload) : (undefined as R);
    } catch (error) {
      if (error instanceof CallFailed && error.code === status.invalidArgument) {
        throw new QueryNotRegisteredError(error.details.replace(/^3 INVALID_ARGUMENT: /, ""), error.code);
      }
      return rethrowCallFailure(error, "Failed to query Workflow", { namespace, ...execution });
    }
  }

  async #history(execution: { workflowId: string; runId: string | undefined }): Promise<history.History> {
    const { connection, namespace } = this.options;
    const events: history.HistoryEvent[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const response = await connection.call("GetWorkflowExecutionHistory", { namespace, execution, nextPageToken });
      events.push(...history.History.decode(response.history ?? new Uint8Array(0)).events);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
    return { events };
  }
}
