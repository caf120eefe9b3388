/** Every call about a workflow: through the client's interceptors, and then to the server. */
import { randomUUID } from "node:crypto";
import { enums, type Init, type workflowservice } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { WorkflowExecutionAlreadyStartedError } from "../value/errors.ts";
import { composeInterceptors, type Headers } from "../value/interceptors.ts";
import { toPayloads } from "../value/payload-converter.ts";
import { wireFields, wirePayloads } from "../value/wire.ts";
import { linked, linkFields } from "./call-links.ts";
import { type ResolvedClientOptions, targetOf } from "./client-options.ts";
import { QueryNotRegisteredError, QueryRejectedError, rethrowCallFailure } from "./errors.ts";
import type {
  WorkflowCancelInput,
  WorkflowClientInterceptor,
  WorkflowDescribeInput,
  WorkflowQueryInput,
  WorkflowSignalInput,
  WorkflowSignalWithStartInput,
  WorkflowStartInput,
  WorkflowStartOutput,
  WorkflowTerminateInput,
} from "./interceptors.ts";
import { startFields } from "./workflow-options.ts";

const status = { invalidArgument: 3, alreadyExists: 6 } as const;
/** A query waits for a worker; a workflow that is stuck must not hold its caller for ever. */
const queryTimeoutMs = 30_000;

/** What {@link WorkflowCalls.start} knows beyond what interceptors see of it. */
export interface StartedWorkflow extends WorkflowStartOutput {
  readonly firstExecutionRunId?: string | undefined;
}

export class WorkflowCalls {
  readonly #options: ResolvedClientOptions;
  readonly #interceptors: readonly WorkflowClientInterceptor[];

  constructor(options: ResolvedClientOptions, interceptors: readonly WorkflowClientInterceptor[]) {
    this.#options = options;
    this.#interceptors = interceptors.map(withStartDetails);
  }

  /** Throws `WorkflowExecutionAlreadyStartedError`, `NamespaceNotFoundError`, `ServiceError`; `TypeError` or `ValueError` for a bad option. */
  async start(input: WorkflowStartInput): Promise<StartedWorkflow> {
    let firstExecutionRunId: string | undefined;
    const start = composeInterceptors(this.#interceptors, "startWithDetails", async (last) => {
      const { eagerWorkflowTask, ...response } = await this.#start(last);
      // A workflow of this id may have been there already.
      firstExecutionRunId = response.firstExecutionRunId || response.runId;
      return { runId: response.runId, eagerlyStarted: eagerWorkflowTask !== undefined };
    });
    return { ...(await start(input)), firstExecutionRunId };
  }

  async #start(input: WorkflowStartInput): Promise<workflowservice.StartWorkflowExecutionResponse> {
    const { connection, messageCodec, namespace } = this.#options;
    const fields = { ...this.startRequest(input), ...linkFields(input.options) };
    const { requestEagerStart = false, taskQueue } = input.options;
    const offer = requestEagerStart ? connection.eagerStarts.offer(namespace, taskQueue) : undefined;
    const eager = {
      requestEagerExecution: offer !== undefined,
      eagerWorkerDeploymentOptions: offer?.deploymentOptions,
    };
    const { workflowType, options } = input;
    const about = { workflowType, workflowId: options.workflowId };
    try {
      const request = await messageCodec.encode({ ...fields, ...eager }, targetOf(fields, namespace));
      // The eager task goes to its worker as it came: that decodes it by itself.
      const response = await attempt(about, namespace, () => connection.call("StartWorkflowExecution", request));
      offer?.end(response.eagerWorkflowTask);
      linked(input.options, response.link);
      return response;
    } catch (error) {
      offer?.end(undefined);
      throw error;
    }
  }

  /** The fields of a start, with the request's own id. */
  startRequest({
    workflowType,
    options,
    headers,
  }: WorkflowStartInput): Init<workflowservice.StartWorkflowExecutionRequest> {
    const { namespace, identity, payloadConverter } = this.#options;
    const fields = startFields(workflowType, options, payloadConverter);
    return { ...fields, ...{ namespace, identity, requestId: randomUUID() }, header: wireHeader(headers) };
  }

  async signalWithStart(input: WorkflowSignalWithStartInput): Promise<string> {
    const { call, namespace, payloadConverter } = this.#options;
    const signalWithStart = composeInterceptors(this.#interceptors, "signalWithStart", async (last) => {
      const { workflowType, options, signalName, signalArgs, headers } = last;
      const request = {
        ...(this.startRequest(last) as Init<workflowservice.SignalWithStartWorkflowExecutionRequest>),
        ...{ signalName, signalInput: wirePayloads(toPayloads(payloadConverter, ...signalArgs)) },
        header: wireHeader(headers),
        ...linkFields(options),
      };
      const about = { workflowType, workflowId: options.workflowId };
      const response = await attempt(about, namespace, () => call("SignalWithStartWorkflowExecution", request));
      linked(options, response.signalLink);
      return response.runId;
    });
    return await signalWithStart(input);
  }

  async signal(input: WorkflowSignalInput): Promise<void> {
    const { call, namespace, identity, payloadConverter } = this.#options;
    const signal = composeInterceptors(this.#interceptors, "signal", async (last) => {
      const { workflowExecution, signalName, args, headers } = last;
      const request = {
        ...{ namespace, identity, workflowExecution, signalName, requestId: randomUUID() },
        ...{ input: wirePayloads(toPayloads(payloadConverter, ...args)), header: wireHeader(headers) },
        ...linkFields(last),
      };
      const { link } = await call("SignalWorkflowExecution", request).catch(
        this.#rethrow("Failed to signal Workflow", workflowExecution),
      );
      linked(last, link);
    });
    await signal(input);
  }

  async query<R>(input: WorkflowQueryInput): Promise<R> {
    const query = composeInterceptors(this.#interceptors, "query", (last) => this.#query(last));
    return (await query(input)) as R;
  }

  async #query(input: WorkflowQueryInput): Promise<unknown> {
    const { call, namespace, payloadConverter } = this.#options;
    const { workflowExecution: execution, queryType, args, headers, queryRejectCondition = "NONE" } = input;
    const queryArgs = wirePayloads(toPayloads(payloadConverter, ...args));
    const request = {
      ...{ namespace, execution, query: { queryType, queryArgs, header: wireHeader(headers) } },
      queryRejectCondition: enums.QueryRejectCondition[queryRejectCondition],
    };
    try {
      const response = await call("QueryWorkflow", request, { timeoutMs: queryTimeoutMs });
      if (response.queryRejected) throw new QueryRejectedError(response.queryRejected.status);
      const payload = response.queryResult?.payloads[0];
      return payload && payloadConverter.fromPayload(payload);
    } catch (error) {
      if (error instanceof CallFailed && error.code === status.invalidArgument) {
        throw new QueryNotRegisteredError(error.details.replace(/^3 INVALID_ARGUMENT: /, ""), error.code);
      }
      return this.#rethrow("Failed to query Workflow", execution)(error);
    }
  }

  async terminate(input: WorkflowTerminateInput): Promise<workflowservice.TerminateWorkflowExecutionResponse> {
    const { call, namespace, identity, payloadConverter } = this.#options;
    const terminate = composeInterceptors(this.#interceptors, "terminate", async (last) => {
      const { workflowExecution, reason = "", details = [], firstExecutionRunId } = last;
      const request = {
        ...{ namespace, identity, workflowExecution, reason, firstExecutionRunId },
        details: wirePayloads(toPayloads(payloadConverter, ...details)),
      };
      const rethrow = this.#rethrow("Failed to terminate Workflow", workflowExecution);
      return await call("TerminateWorkflowExecution", request).catch(rethrow);
    });
    return await terminate(input);
  }

  async cancel(input: WorkflowCancelInput): Promise<workflowservice.RequestCancelWorkflowExecutionResponse> {
    const { call, namespace, identity } = this.#options;
    const cancel = composeInterceptors(this.#interceptors, "cancel", async (last) => {
      const request = { namespace, identity, requestId: randomUUID(), ...last };
      const rethrow = this.#rethrow("Failed to cancel Workflow", last.workflowExecution);
      return await call("RequestCancelWorkflowExecution", request).catch(rethrow);
    });
    return await cancel(input);
  }

  async describe(input: WorkflowDescribeInput): Promise<workflowservice.DescribeWorkflowExecutionResponse> {
    const { call, namespace } = this.#options;
    const describe = composeInterceptors(this.#interceptors, "describe", async ({ workflowExecution }) => {
      const rethrow = this.#rethrow("Failed to describe Workflow", workflowExecution);
      return await call("DescribeWorkflowExecution", { namespace, execution: workflowExecution }).catch(rethrow);
    });
    return await describe(input);
  }

  get interceptors(): readonly WorkflowClientInterceptor[] {
    return this.#interceptors;
  }

  #rethrow(message: string, execution: { readonly workflowId: string; readonly runId?: string | undefined }) {
    const { namespace } = this.#options;
    return (error: unknown): never => rethrowCallFailure(error, message, { namespace, ...execution });
  }
}

/** A call that starts a workflow, with what its refusals mean. */
async function attempt<R>(
  { workflowId, workflowType }: { readonly workflowId: string; readonly workflowType: string },
  namespace: string,
  call: () => Promise<R>,
): Promise<R> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CallFailed && error.code === status.alreadyExists) {
      throw new WorkflowExecutionAlreadyStartedError("Workflow execution already started", workflowId, workflowType);
    }
    return rethrowCallFailure(error, "Failed to start Workflow", { namespace });
  }
}

export function wireHeader(headers: Headers) {
  return Object.keys(headers).length > 0 ? { fields: wireFields(headers) } : undefined;
}

/** An interceptor that knows `start` alone still sees every start. */
function withStartDetails(interceptor: WorkflowClientInterceptor): WorkflowClientInterceptor {
  const { start } = interceptor;
  if (!start || interceptor.startWithDetails) return interceptor;
  return Object.assign(Object.create(interceptor) as WorkflowClientInterceptor, {
    async startWithDetails(
      input: WorkflowStartInput,
      next: (input: WorkflowStartInput) => Promise<WorkflowStartOutput>,
    ): Promise<WorkflowStartOutput> {
      let eagerlyStarted = false;
      const runId = await start.call(interceptor, input, async (inner) => {
        const output = await next(inner);
        eagerlyStarted = output.eagerlyStarted;
        return output.runId;
      });
      return { runId, eagerlyStarted };
    },
  });
}
