/** Sends updates and waits for them: accepted first, then their outcome, by long polls. */
import { randomUUID } from "node:crypto";
import { enums, type update } from "@pawl/protocol";
import type { AnyArgs, UpdateDefinition } from "../value/options.ts";
import { fromPayloadsAtIndex, toPayloads } from "../value/payload-converter.ts";
import { wirePayloads } from "../value/wire.ts";
import type { ResolvedClientOptions } from "./client-options.ts";
import { rethrowCallFailure, WorkflowUpdateFailedError } from "./errors.ts";
import { nameOf, type WorkflowUpdateHandle, type WorkflowUpdateOptions } from "./workflow-handle.ts";

export interface UpdateTarget {
  readonly client: ResolvedClientOptions;
  readonly execution: { readonly workflowId: string; readonly runId: string | undefined };
  readonly firstExecutionRunId: string | undefined;
}

export interface StartedUpdate {
  readonly updateId: string;
  readonly runId: string | undefined;
  readonly outcome: update.Outcome | undefined;
}

const longPollMs = 60_000;
const stages = enums.UpdateWorkflowExecutionLifecycleStage;

export async function startUpdate<Ret, Args extends AnyArgs>(
  { client, execution, firstExecutionRunId }: UpdateTarget,
  def: UpdateDefinition<Ret, Args> | string,
  { args, updateId = randomUUID() }: WorkflowUpdateOptions<Args>,
  waitFor: "ACCEPTED" | "COMPLETED",
): Promise<StartedUpdate> {
  const { call, namespace, identity, payloadConverter } = client;
  const input = { name: nameOf(def), args: wirePayloads(toPayloads(payloadConverter, ...(args ?? []))) };
  const request = {
    ...{ namespace, workflowExecution: execution, firstExecutionRunId },
    waitPolicy: { lifecycleStage: stages[waitFor] },
    request: { meta: { updateId, identity }, input },
  };
  for (;;) {
    // The server answers before the stage is reached when that takes long; the same update id asked again is the same update.
    const response = await call("UpdateWorkflowExecution", request, { timeoutMs: longPollMs }).catch((error) =>
      rethrowCallFailure(error, "Workflow Update failed", { namespace, ...execution }),
    );
    if (response.stage < stages.ACCEPTED) continue;
    const runId = response.updateRef?.workflowExecution?.runId ?? execution.runId;
    return { updateId, runId, outcome: response.outcome };
  }
}

/** Throws `WorkflowUpdateFailedError` when the update was rejected or failed. */
export async function updateResult<Ret>(
  target: UpdateTarget,
  { updateId, runId, outcome }: StartedUpdate,
): Promise<Ret> {
  const { payloadConverter, failureConverter } = target.client;
  const known = outcome ?? (await pollOutcome(target, updateId, runId));
  if (known.failure) {
    const cause = failureConverter.failureToError(known.failure, payloadConverter);
    throw new WorkflowUpdateFailedError("Workflow Update failed", cause);
  }
  return fromPayloadsAtIndex<Ret>(payloadConverter, 0, known.success?.payloads);
}

export function updateHandle<Ret>(target: UpdateTarget, started: StartedUpdate): WorkflowUpdateHandle<Ret> {
  const { workflowId } = target.execution;
  return {
    updateId: started.updateId,
    workflowId,
    workflowRunId: started.runId,
    result: () => updateResult<Ret>(target, started),
  };
}

async function pollOutcome(
  { client: { call, namespace, identity }, execution }: UpdateTarget,
  updateId: string,
  runId: string | undefined,
): Promise<update.Outcome> {
  const workflowExecution = { workflowId: execution.workflowId, runId };
  const request = {
    ...{ namespace, identity, updateRef: { workflowExecution, updateId } },
    waitPolicy: { lifecycleStage: stages.COMPLETED },
  };
  for (;;) {
    const response = await call("PollWorkflowExecutionUpdate", request, { timeoutMs: longPollMs }).catch((error) =>
      rethrowCallFailure(error, "Workflow Update failed", { namespace, ...execution }),
    );
    if (response.outcome) return response.outcome;
  }
}
