/** Links that answers carry, so that a caller can point to what its call brought about. */
import type { UpdateProgress } from "@pawl/engine";
import { common, enums, type Init } from "@pawl/protocol";

export interface LinkedRun {
  /** The namespace's name. */
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

const { EventType, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;

/** Points to the start of the run, or to the event by which a request joined one that was there. */
export function startLink(run: LinkedRun, requestId: string, { attached = false } = {}): common.Link {
  if (!attached) return startedLink(run);
  const requestIdRef = { requestId, eventType: EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED };
  return common.Link.create({ workflowEvent: { ...run, requestIdRef } });
}

function startedLink(run: LinkedRun): common.Link {
  const eventRef = { eventId: 1, eventType: EventType.WORKFLOW_EXECUTION_STARTED };
  return common.Link.create({ workflowEvent: { ...run, eventRef } });
}

/** Points to a signal, which has no event id while it is buffered. */
export function signaledLink(run: LinkedRun, requestId: string): Init<common.Link> {
  const requestIdRef = { requestId, eventType: EventType.WORKFLOW_EXECUTION_SIGNALED };
  return { workflowEvent: { ...run, requestIdRef } };
}

/** Points to the acceptance of an update, or to the run when nothing came of it; undefined while that is open. */
export function updateLink(
  run: LinkedRun,
  { stage, outcome }: UpdateProgress,
  requestId: string,
): Init<common.Link> | undefined {
  if (stage < Stage.ACCEPTED) return undefined;
  if (outcome?.failure) return { workflow: { ...run, reason: "Update rejected" } };
  const requestIdRef = { requestId, eventType: EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED };
  return { workflowEvent: { ...run, requestIdRef } };
}
