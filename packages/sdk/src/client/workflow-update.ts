/** Sends updates and waits for them: accepted first, then their outcome, by long polls. */
import { randomUUID } from "node:crypto";
import { enums, type Init, type update, type workflowservice } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { WorkflowExecutionAlreadyStartedError } from "../value/errors.ts";
import { composeInterceptors } from "../value/interceptors.ts";
import { fromPayloadsAtIndex, toPayloads } from "../value/payload-converter.ts";
import { wirePayloads } from "../value/wire.ts";
import type { ResolvedClientOptions } from "./client-options.ts";
import { rethrowCallFailure, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from "./errors.ts";
import type {
  WorkflowExecution,
  WorkflowStartUpdateInput,
  WorkflowStartUpdateOutput,
  WorkflowStartUpdateWithStartInput,
  WorkflowStartUpdateWithStartOutput,
} from "./interceptors.ts";
import { type WorkflowCalls, wireHeader } from "./workflow-calls.ts";
import type { WorkflowUpdateHandle } from "./workflow-handle.ts";

/** The stages that a caller can wait for. */
export const WorkflowUpdateStage = { ADMITTED: "ADMITTED", ACCEPTED: "ACCEPTED", COMPLETED: "COMPLETED" } as const;
export type WorkflowUpdateStage = (typeof WorkflowUpdateStage)[keyof typeof WorkflowUpdateStage];

const longPollMs = 60_000;
const status = { cancelled: 1, deadlineExceeded: 4, alreadyExists: 6 } as const;
const stages = enums.UpdateWorkflowExecutionLifecycleStage;

export class WorkflowUpdates {
  readonly #client: ResolvedClientOptions;
  readonly #calls: WorkflowCalls;

  constructor(client: ResolvedClientOptions, calls: WorkflowCalls) {
    this.#client = client;
    this.#calls = calls;
  }

  /** Resolves once the update was accepted, or has completed. */
  async start(
    input: WorkflowStartUpdateInput,
    waitForStage: "ACCEPTED" | "COMPLETED",
  ): Promise<WorkflowStartUpdateOutput> {
    const { call, namespace } = this.#client;
    const start = composeInterceptors(this.#calls.interceptors, "startUpdate", async (last) => {
      const request = this.#request(last, waitForStage);
      const execution = last.workflowExecution;
      for (;;) {
        // The server answers before the stage is reached when that takes long; the same update id asked again is the same update.
        const response = await call("UpdateWorkflowExecution", request, { timeoutMs: longPollMs, waits: true }).catch(
          (error) => rethrowUpdateFailure(error, namespace, execution),
        );
        if (response.stage < stages.ACCEPTED) continue;
        const workflowRunId = response.updateRef?.workflowExecution?.runId ?? execution.runId;
        return { updateId: request.request.meta.updateId, workflowRunId, outcome: response.outcome };
      }
    });
    return await start(input);
  }

  /**
   * Starts a workflow, or finds the one that runs, and updates it, in one step. `onStart` and `onStartFailure`: what is known of the workflow, which
   * may be known although the update fails.
   */
  async startWithStart(
    input: WorkflowStartUpdateWithStartInput,
    waitForStage: "ACCEPTED" | "COMPLETED",
    { onStart, onStartFailure }: { onStart: (runId: string) => void; onStartFailure: (error: unknown) => void },
  ): Promise<WorkflowStartUpdateWithStartOutput> {
    const start = composeInterceptors(this.#calls.interceptors, "startUpdateWithStart", (last) =>
      this.#startWithStart(last, waitForStage, onStart),
    );
    try {
      return await start(input);
    } catch (error) {
      onStartFailure(error);
      throw error;
    }
  }

  async #startWithStart(
    input: WorkflowStartUpdateWithStartInput,
    waitForStage: "ACCEPTED" | "COMPLETED",
    onStart: (runId: string) => void,
  ): Promise<WorkflowStartUpdateWithStartOutput> {
    const { call, namespace } = this.#client;
    const { workflowType, workflowStartOptions: options, workflowStartHeaders: headers } = input;
    const { workflowId } = options;
    const updateWorkflow = this.#request(
      {
        ...{ workflowExecution: { workflowId }, updateName: input.updateName, args: input.updateArgs },
        ...{ headers: input.updateHeaders, options: input.updateOptions },
      },
      waitForStage,
    );
    const startWorkflow = this.#calls.startRequest({ workflowType, options, headers });
    const request: Init<workflowservice.ExecuteMultiOperationRequest> = {
      namespace,
      operations: [{ startWorkflow }, { updateWorkflow }],
    };
    for (;;) {
      const response = await call("ExecuteMultiOperation", request, { timeoutMs: longPollMs }).catch((error) => {
        if (error instanceof CallFailed && error.code === status.alreadyExists) {
          const message = "Workflow execution already started";
          throw new WorkflowExecutionAlreadyStartedError(message, workflowId, workflowType);
        }
        return rethrowUpdateFailure(error, namespace, { workflowId });
      });
      const [started, updated] = response.responses;
      const runId = started?.startWorkflow?.runId ?? "";
      onStart(runId);
      const update = updated?.updateWorkflow;
      if (!update || update.stage < stages.ACCEPTED) continue;
      const updateId = updateWorkflow.request.meta.updateId;
      return { workflowExecution: { workflowId, runId }, updateId, updateOutcome: update.outcome };
    }
  }

  #request(input: WorkflowStartUpdateInput, waitForStage: "ACCEPTED" | "COMPLETED") {
    const { namespace, identity, payloadConverter } = this.#client;
    const { workflowExecution, firstExecutionRunId, updateName, args, headers, options } = input;
    const written = {
      ...{ name: updateName, args: wirePayloads(toPayloads(payloadConverter, ...args)) },
      header: wireHeader(headers),
    };
    return {
      ...{ namespace, workflowExecution, firstExecutionRunId },
      waitPolicy: { lifecycleStage: stages[waitForStage] },
      request: { meta: { updateId: options.updateId ?? randomUUID(), identity }, input: written },
    };
  }

  /** Throws `WorkflowUpdateFailedError` when the update was rejected or failed. */
  async result<Ret>(workflowId: string, { updateId, workflowRunId, outcome }: WorkflowStartUpdateOutput): Promise<Ret> {
    const { payloadConverter, failureConverter } = this.#client;
    const known = outcome ?? (await this.#pollOutcome(updateId, { workflowId, runId: workflowRunId }));
    if (known.failure) {
      const cause = failureConverter.failureToError(known.failure, payloadConverter);
      throw new WorkflowUpdateFailedError("Workflow Update failed", cause);
    }
    return fromPayloadsAtIndex<Ret>(payloadConverter, 0, known.success?.payloads);
  }

  handle<Ret>(workflowId: string, started: WorkflowStartUpdateOutput): WorkflowUpdateHandle<Ret> {
    return {
      updateId: started.updateId,
      workflowId,
      workflowRunId: started.workflowRunId,
      result: () => this.result<Ret>(workflowId, started),
    };
  }

  async #pollOutcome(updateId: string, workflowExecution: WorkflowExecution): Promise<update.Outcome> {
    const { call, namespace, identity } = this.#client;
    const request = {
      ...{ namespace, identity, updateRef: { workflowExecution, updateId } },
      waitPolicy: { lifecycleStage: stages.COMPLETED },
    };
    for (;;) {
      const response = await call("PollWorkflowExecutionUpdate", request, { timeoutMs: longPollMs, waits: true }).catch(
        (error) => rethrowUpdateFailure(error, namespace, workflowExecution),
      );
      if (response.outcome) return response.outcome;
    }
  }
}

/** A call that was given up says nothing about the update: it may go on. */
function rethrowUpdateFailure(error: unknown, namespace: string, execution: WorkflowExecution): never {
  const isGivenUp =
    error instanceof CallFailed && (error.code === status.cancelled || error.code === status.deadlineExceeded);
  if (isGivenUp) throw new WorkflowUpdateRPCTimeoutOrCancelledError("Update call timeout or cancelled", error);
  return rethrowCallFailure(error, "Workflow Update failed", { namespace, ...execution });
}
