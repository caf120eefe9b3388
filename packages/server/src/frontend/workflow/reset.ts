/** Resetting a run: reads the histories that the engine folds and takes over, and asks it to do so. */
import {
  BaseReading,
  type EventBatch,
  isTakenOver,
  type LaterRun,
  type Located,
  type ReadBase,
  type RebuildTarget,
  Rejection,
  workflowKey,
} from "@pawl/engine";
import { enums, history, type RequestOf } from "@pawl/protocol";
import { nextTurn } from "../../clock.ts";
import { limits } from "../../limits.ts";
import { Unavailable } from "../../shard/unavailable.ts";
import { executionProblem, idProblem, invalid } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { notePinned, placeProblem } from "./versioning-override.ts";
import { optionsProblem } from "./workflow-options.ts";

type Request = RequestOf<"ResetWorkflowExecution">;
type Key = ReturnType<typeof workflowKey>;

/** How often histories are read again when the workflow was faster. */
const attemptsMax = 5;

export function resetHandlers(parts: Parts) {
  const { namespaces, ring, random, clock, deployments } = parts;
  return {
    ResetWorkflowExecution: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = resetProblem(request);
      if (problem) return problem;
      const { workflowId, runId } = request.workflowExecution!;
      const key = workflowKey(namespace.id, workflowId);
      for (let attempt = 1; attempt <= attemptsMax; attempt++) {
        // The newest run may have been deleted, and older ones be there still.
        const current = await ring.submit(key, { type: "locate", runId: "" });
        const base = runId === "" ? current : await ring.submit(key, { type: "locate", runId });
        if (base instanceof Rejection) return base;
        const overrides = request.postResetOperations.map(overrideIn);
        for (const override of overrides) {
          const { taskQueue } = base;
          const refused = placeProblem(deployments, override, { namespaceId: namespace.id, taskQueue });
          if (refused) return refused;
        }
        const read = {
          currentRunId: current instanceof Rejection ? null : current.runId,
          base: await readBase(parts, base, request.workflowTaskFinishEventId, {
            ...{ namespaceId: namespace.id, namespace: namespace.name, workflowId, requestId: "" },
            runId: random.orderedUuid(clock.nowMs()),
          }),
          later: await readLater(parts, key, base),
        };
        // By its id: which run is the current one may have changed since.
        const pinned = { ...request, workflowExecution: { workflowId, runId: base.runId } };
        const reply = await ring.submit(key, { type: "reset", request: pinned, read });
        if (reply instanceof Rejection) return reply;
        if (reply.type !== "reset") continue;
        for (const override of overrides) await notePinned(parts, namespace, override);
        return { runId: reply.runId };
      }
      throw new Unavailable("busy", "the workflow goes on faster than its history is read; try again");
    },
  } satisfies Handlers;
}

function resetProblem(request: Request): Rejection | undefined {
  return (
    executionProblem(request.workflowExecution) ??
    idProblem("RequestId", request.requestId) ??
    operationsProblem(request)
  );
}

function operationsProblem({ postResetOperations }: Request): Rejection | undefined {
  for (const { signalWorkflow, updateWorkflowOptions } of postResetOperations) {
    if (updateWorkflowOptions) {
      const { workflowExecutionOptions, updateMask } = updateWorkflowOptions;
      const problem = optionsProblem(workflowExecutionOptions, updateMask);
      if (problem) return problem;
      continue;
    }
    return invalid(
      `unsupported post reset operation: ${signalWorkflow ? "*workflow.PostResetOperation_SignalWorkflow_" : "<nil>"}`,
    );
  }
  return undefined;
}

function overrideIn({ updateWorkflowOptions }: Request["postResetOperations"][number]) {
  return updateWorkflowOptions?.workflowExecutionOptions?.versioningOverride;
}

async function readBase(parts: Parts, base: Located, finishEventId: number, target: RebuildTarget): Promise<ReadBase> {
  const reading = new BaseReading(finishEventId, target);
  for await (const batch of batchesOf(parts, base)) for (const _ of reading.take(batch)) await nextTurn();
  return reading.read;
}

/** The whole history of a run as far as it was located. Others have a turn between its pages. */
async function* batchesOf({ store }: Pick<Parts, "store">, run: Located): AsyncGenerator<EventBatch> {
  for (let fromEventId = 1; fromEventId <= run.lastEventId; ) {
    const page = await store.readHistory(run.runId, {
      fromEventId,
      toEventId: run.lastEventId,
      eventCountMax: limits.historyPageEventsMax,
      bytesMax: limits.pageBytesMax,
    });
    // It was deleted between the two looks.
    if (page.length === 0) throw new Unavailable("busy", "the run has just been deleted; try again");
    for (const { events, ...ids } of page) yield { ...ids, bytes: events };
    fromEventId = page.at(-1)!.lastEventId + 1;
    if (fromEventId <= run.lastEventId) await nextTurn();
  }
}

/** The runs that continued `base` as new, with the events that a reset takes over. A run that was deleted ends them. */
async function readLater(parts: Parts, key: Key, base: Located): Promise<LaterRun[]> {
  const later: LaterRun[] = [];
  let run = base;
  while (run.status === enums.WorkflowExecutionStatus.CONTINUED_AS_NEW) {
    const runId = await continuedAs(parts, run);
    const next = await parts.ring.submit(key, { type: "locate", runId });
    if (next instanceof Rejection) break;
    const events: history.HistoryEvent[] = [];
    for await (const { bytes } of batchesOf(parts, next))
      events.push(...history.History.decode(bytes).events.filter(isTakenOver));
    later.push({ runId, lastEventId: next.lastEventId, events });
    run = next;
  }
  return later;
}

async function continuedAs({ store }: Pick<Parts, "store">, { runId, lastEventId }: Located): Promise<string> {
  const range = { fromEventId: lastEventId, toEventId: lastEventId, eventCountMax: 1, bytesMax: limits.pageBytesMax };
  const [batch] = await store.readHistory(runId, range);
  const last = batch && history.History.decode(batch.events).events.at(-1);
  return last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? "";
}
