/** Updates as their callers see them: sent, and waited for up to a stage. The answer says how far the update has come; its caller asks again. */
import { detail, type ExecutionKey, Rejection, type UpdateProgress, workflowClosing, workflowKey } from "@pawl/engine";
import { enums, errordetails, type RequestOf, type update } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import type { AwaitedVerdict } from "../../shard/verdicts.ts";
import { blobProblem, executionProblem, headerProblem, invalid, lengthProblem, runIdProblem } from "../field-rules.ts";
import type { Call, Handlers } from "../handler.ts";
import { isFollowed } from "../history/followed-event.ts";
import { readClosingEvent } from "../history/history-page.ts";
import { Wait } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import { updateLink } from "./response-link.ts";

const { UpdateWorkflowExecutionLifecycleStage: Stage } = enums;

export function updateHandlers(parts: Parts) {
  const { namespaces, ring, random } = parts;
  return {
    UpdateWorkflowExecution: async (given, call) => {
      const namespace = namespaces.byName(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = updateProblem(given);
      if (problem) return problem;
      const { workflowId } = given.workflowExecution!;
      const meta = { ...given.request!.meta!, updateId: given.request!.meta!.updateId || random.uuid() };
      const request = { ...given, request: { ...given.request!, meta } };
      const key = workflowKey(namespace.id, workflowId);
      using verdict = ring.awaitVerdict(key, meta.updateId);
      const admitted = await ring.submit(key, { type: "update", request });
      if (admitted instanceof Rejection) return admitted;
      const progress = await waitForStage(parts, {
        key,
        progress: admitted,
        stage: wantedStage(given.waitPolicy?.lifecycleStage),
        verdict,
        call,
      });
      return progress instanceof Rejection ? progress : updateResponse(request, progress);
    },

    PollWorkflowExecutionUpdate: async ({ namespace: name, updateRef, waitPolicy }, call) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = updateRefProblem(updateRef);
      if (problem) return problem;
      const { workflowId, runId } = updateRef!.workflowExecution!;
      const key = workflowKey(namespace.id, workflowId);
      using verdict = ring.awaitVerdict(key, updateRef!.updateId);
      const found = await ring.submit(key, { type: "pollUpdate", runId, updateId: updateRef!.updateId });
      if (found instanceof Rejection) return found;
      // Without a stage the answer is how far it is now.
      const stage = waitPolicy?.lifecycleStage ?? Stage.UNSPECIFIED;
      const progress = await waitForStage(parts, { key, progress: found, stage, verdict, call });
      return progress instanceof Rejection ? progress : progressResponse(workflowId, progress);
    },
  } satisfies Handlers;
}

/** An update id that nobody can have is only unknown, as in the reference server. */
function updateRefProblem(updateRef: update.UpdateRef | undefined): Rejection | undefined {
  if (!updateRef) return invalid("UpdateRef is not set on request.");
  const { workflowId = "", runId = "" } = updateRef.workflowExecution ?? {};
  if (workflowId === "") return invalid("Can't load workflow execution.  WorkflowId not set.");
  if (runIdProblem(runId)) return invalid("RunId is not valid UUID.");
  return lengthProblem("WorkflowId", workflowId);
}

/** A caller that names no stage wants the outcome. */
export function wantedStage(stage: enums.UpdateWorkflowExecutionLifecycleStage | undefined) {
  return stage || Stage.COMPLETED;
}

function progressResponse(workflowId: string, { runId, updateId, stage, outcome }: UpdateProgress) {
  return { updateRef: { workflowExecution: { workflowId, runId }, updateId }, stage, outcome };
}

/** `request`: whose namespace and workflow id are set. */
export function updateResponse(request: RequestOf<"UpdateWorkflowExecution">, progress: UpdateProgress) {
  const { workflowId } = request.workflowExecution!;
  const run = { namespace: request.namespace, workflowId, runId: progress.runId };
  const link = updateLink(run, progress, request.request!.requestId);
  return { ...progressResponse(workflowId, progress), link };
}

interface Waiting {
  readonly key: ExecutionKey<"workflow">;
  readonly progress: UpdateProgress;
  readonly stage: enums.UpdateWorkflowExecutionLifecycleStage;
  /** Awaited since before the update was asked for. */
  readonly verdict: AwaitedVerdict;
  readonly call: Call;
}

/**
 * Waits until the stage is reached, or as long as such a call may be held open; then the stage that was reached is the answer. A caller with less time
 * waits until it is over: told how far its update is a moment before, a client would ask again at once, and again.
 */
export async function waitForStage(
  { ring, clock, store }: Pick<Parts, "ring" | "clock" | "store">,
  { key, progress: first, stage, verdict, call }: Waiting,
): Promise<UpdateProgress | Rejection> {
  const { runId, updateId } = first;
  let progress = first;
  using wait = new Wait(call.signal, clock, clock.nowMs() + limits.historyPollMsMax);
  while (progress.stage < stage && !wait.isOver) {
    const changed = ring.changed(runId, wait.signal);
    const now = await ring.submit(key, { type: "pollUpdate", runId, updateId });
    // Asked for again since then, one of the same id may be known; what this caller waits for is the one before.
    const ended = verdict.of(runId, first.admission);
    if (ended instanceof Rejection) return ended;
    if (ended) return { runId, updateId, stage: Stage.COMPLETED, outcome: ended };
    if (now instanceof Rejection) return lost({ ring, store }, key, runId);
    progress = now;
    if (progress.stage < stage) await changed;
  }
  return progress;
}

/** It was admitted, was not rejected, and is not known any more: its workflow closed without seeing it, or memory was lost. */
async function lost(
  { ring, store }: Pick<Parts, "ring" | "store">,
  key: ExecutionKey<"workflow">,
  runId: string,
): Promise<Rejection> {
  const located = await ring.submit(key, { type: "locate", runId });
  if (located instanceof Rejection) return located;
  if (located.open) return new Rejection("UNAVAILABLE", "workflow update was aborted");
  const closing = await readClosingEvent(store, located);
  if (closing && isFollowed(closing)) return workflowClosing;
  return abortedByClosing;
}

/** The update was admitted, and its workflow closed before it accepted it. */
export const abortedByClosing = new Rejection("NOT_FOUND", "workflow update was aborted by closing workflow");

export function updateProblem({
  workflowExecution,
  request,
  waitPolicy,
  firstExecutionRunId,
}: RequestOf<"UpdateWorkflowExecution">): Rejection | undefined {
  const problem = executionProblem(workflowExecution) ?? lengthProblem("FirstExecutionRunId", firstExecutionRunId);
  if (problem) return problem;
  if (!request?.meta) return invalid("Update meta is not set on request.");
  if (!request.input) return invalid("Update input is not set on request.");
  if (request.input.name === "") return invalid("Update name is not set on request.");
  if (waitPolicy?.lifecycleStage === Stage.ADMITTED) {
    return new Rejection(
      "PERMISSION_DENIED",
      "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported.",
      detail(errordetails.PermissionDeniedFailure, {}),
    );
  }
  return (
    lengthProblem("UpdateId", request.meta.updateId) ??
    lengthProblem("Identity", request.meta.identity) ??
    lengthProblem("Input.Name", request.input.name) ??
    headerProblem(request.input.header) ??
    blobProblem(request.input.args)
  );
}
