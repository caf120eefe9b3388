/** Where each run of a batch is reset to. */
import { Rejection, workflowKey } from "@pawl/engine";
import { enums, history, type Init, type RequestOf } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";
import type { Parts } from "../parts.ts";
import type { BatchRequest } from "./batch-job.ts";
import { requestIdOf, type Target } from "./batch-operation.ts";

const { EventType, ResetType } = enums;
const knownTypes: readonly number[] = [ResetType.FIRST_WORKFLOW_TASK, ResetType.LAST_WORKFLOW_TASK];

export function resetProblem({ options, resetType }: ResetOperation): Rejection | undefined {
  if (!options)
    return knownTypes.includes(resetType)
      ? undefined
      : invalid(`ResetType ${resetType} is none of those that there are.`);
  const targets = [options.firstWorkflowTask, options.lastWorkflowTask, options.workflowTaskId, options.buildId];
  return targets.some((one) => one !== undefined) ? undefined : invalid("Target of the reset is not set.");
}

/** The call that resets the target. */
export async function resetCall(
  parts: Pick<Parts, "ring" | "store">,
  namespaceId: string,
  request: BatchRequest,
  target: Target,
): Promise<Init<RequestOf<"ResetWorkflowExecution">> | Rejection> {
  const { namespace, reason } = request;
  const { options, resetType, resetReapplyType, postResetOperations } = request.resetOperation!;
  const at = await finishEventId(parts, namespaceId, target, options ?? olderOptions(resetType));
  if (at instanceof Rejection) return at;
  return {
    namespace,
    workflowExecution: { workflowId: target.id, runId: target.runId },
    reason,
    requestId: requestIdOf(request, target),
    workflowTaskFinishEventId: at,
    resetReapplyType: options?.resetReapplyType || resetReapplyType,
    resetReapplyExcludeTypes: options?.resetReapplyExcludeTypes ?? [],
    postResetOperations,
  };
}

type ResetOperation = NonNullable<BatchRequest["resetOperation"]>;
type Options = NonNullable<ResetOperation["options"]>;

function olderOptions(type: enums.ResetType): Pick<Options, "firstWorkflowTask" | "lastWorkflowTask"> {
  return type === ResetType.FIRST_WORKFLOW_TASK ? { firstWorkflowTask: {} } : { lastWorkflowTask: {} };
}

async function finishEventId(
  { ring, store }: Pick<Parts, "ring" | "store">,
  namespaceId: string,
  { id, runId }: Target,
  options: Partial<Options>,
): Promise<number | Rejection> {
  if (options.workflowTaskId !== undefined) return options.workflowTaskId;
  const key = workflowKey(namespaceId, id);
  if (options.buildId !== undefined) {
    const described = await ring.submit(key, { type: "describe", runId });
    if (described instanceof Rejection) return described;
    const points = described.workflowExecutionInfo?.autoResetPoints?.points ?? [];
    const point = points.find((one) => one.buildId === options.buildId && one.resettable);
    return point?.firstWorkflowTaskCompletedId ?? noTask(`that the build ${options.buildId} has completed`);
  }
  const located = await ring.submit(key, { type: "locate", runId });
  if (located instanceof Rejection) return located;
  const isFirst = options.firstWorkflowTask !== undefined;
  const range = { eventCountMax: limits.historyPageEventsMax, bytesMax: limits.pageBytesMax };
  let from = 1;
  let to = located.lastEventId;
  while (from <= to) {
    const page = isFirst
      ? await store.readHistory(located.runId, { ...range, fromEventId: from, toEventId: to })
      : await store.readHistoryReverse(located.runId, { ...range, fromEventId: from, toEventId: to });
    if (page.length === 0) break;
    for (const { events } of page) {
      const decoded = history.History.decode(events).events;
      const found = (isFirst ? decoded : decoded.reverse()).find(
        ({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED,
      );
      if (found) return found.eventId;
    }
    if (isFirst) from = Math.max(...page.map(({ lastEventId }) => lastEventId)) + 1;
    else to = Math.min(...page.map(({ firstEventId }) => firstEventId)) - 1;
  }
  return noTask("that was completed");
}

function noTask(which: string): Rejection {
  return new Rejection("FAILED_PRECONDITION", `the run has no workflow task ${which}`);
}
