/**
 * Workflows on behalf of an execution of another kind, as a schedule has them: it has them started and ended, and hears how each chain ends
 * (`announceEnd`).
 */
import { workflowservice } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import type { Delivery, Follower, Message } from "../state/message.ts";
import { isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import { requestCancel, terminate } from "../workflow/close.ts";
import { currentRun, startWorkflow } from "../workflow/start.ts";

/**
 * The same rules as for a client's start; then the sender follows what it has started, or what it was given instead. Answers with the first run
 * of the chain. A message that comes again finds its follower, which every run of the chain has.
 */
export function receiveStart(
  workflow: Workflow,
  step: Step,
  { request, follower }: Extract<Message, { type: "startWorkflow" }>,
): Delivery {
  const current = currentRun(workflow);
  if (current?.followers.some((known) => isSame(known, follower)))
    return { type: "taken", runId: current.start.firstRunId };
  const reply = startWorkflow(workflow, step, {
    type: "startWorkflow",
    request: workflowservice.StartWorkflowExecutionRequest.decode(request),
  });
  if (reply instanceof Rejection) return { type: "refused", rejection: reply };
  const run = workflow.runs.get(reply.runId);
  if (run) {
    run.followers = [...run.followers, follower];
    run.changes.core = true;
  }
  return { type: "taken", runId: reply.firstRunId };
}

function isSame(one: Follower, other: Follower): boolean {
  return one.requestId === other.requestId && one.kind === other.kind && one.businessId === other.businessId;
}

/** Ends the chain that the sender started, whichever of its runs is the current one. A chain that has ended already is no news. */
export function receiveEnd(run: Run, step: Step, message: Extract<Message, { type: "endWorkflow" }>): Delivery {
  const { how, reason, identity, requestId } = message;
  if (isOpen(run) && run.start.firstRunId === message.firstRunId) {
    if (how === "terminate") terminate(run, step, { reason, details: undefined, identity });
    else requestCancel(run, step, { reason, identity, requestId, links: [] });
  }
  return { type: "taken", runId: run.runId };
}
