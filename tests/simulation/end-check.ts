/** When everything works again and nobody has anything left to ask: is everything there that was acknowledged, once, and is nothing left undone? */
import { enums, type history } from "@pawl/protocol";
import type { AnswerCheck } from "./answer-check.ts";
import type { Client } from "./clients.ts";
import type { Network } from "./network.ts";
import { isPoison } from "./poison.ts";
import type { ScheduleClient } from "./schedule-client.ts";
import type { StandaloneClient } from "./standalone-client.ts";
import type { World } from "./world.ts";

export interface Clients {
  readonly workflows: readonly Client[];
  readonly activities: readonly StandaloneClient[];
  readonly schedules: readonly ScheduleClient[];
}

export async function checkEnd(world: World, network: Network, check: AnswerCheck, clients: Clients): Promise<void> {
  const unfinished = world.safety.unfinished();
  if (unfinished.length > 0) {
    const beside = world.cast.poison ? "L5: beside what kills its workers, " : "L3: ";
    return world.violate(`${beside}unfinished: ${unfinished.join(", ")}`);
  }
  const [waiting] = whoWaits(world, clients);
  if (waiting !== undefined) return world.violate(`L3: ${waiting} has ended, and who waits for it does not hear of it`);
  checkAcknowledged(world, check);
  checkSchedules(world);
  checkOperations(world);
  await checkReads(world, network);
}

/** The ids of what clients still wait for, or ask something of. */
export function whoWaits(world: World, { workflows, activities, schedules }: Clients): string[] {
  const waiting = workflows.filter(({ isDone, workflowId }) => !isDone && !world.safety.isStranded(workflowId));
  const others = [...activities, ...schedules].filter(({ isDone }) => !isDone);
  return [...waiting.map(({ workflowId }) => workflowId), ...others.map(({ id }) => id)];
}

function checkSchedules(world: World): void {
  for (const run of world.safety.allSchedules()) {
    const unaccounted = world.safety.schedules.unaccounted(run);
    if (unaccounted !== undefined) return world.violate(`L2: ${unaccounted}`);
  }
}

const { WorkflowExecutionStatus: Status } = enums;

/** I9: an operation has ended for its caller as what worked on it did. */
function checkOperations(world: World): void {
  for (const { runId } of world.safety.runs()) {
    const tokens = new Map<number, string>();
    for (const event of world.safety.history(runId)!.events) {
      const started = event.nexusOperationStartedEventAttributes;
      if (started) tokens.set(started.scheduledEventId, started.operationToken);
      if (event.nexusOperationTimedOutEventAttributes) world.reached("operation timed out");
      const end = endOf(event);
      if (end) world.reached(`operation ${end.is}`);
      const token = tokens.get(end?.scheduledEventId ?? 0);
      if (!end || token === undefined) continue;
      const status = world.safety.run(world.safety.chain(token).at(-1) ?? "")?.status;
      if (status?.type !== "closed" || !end.after.includes(status.status))
        return world.violate(
          `I9: operation ${token} of run ${runId} has ended otherwise than event ${event.eventId} says`,
        );
    }
  }
}

interface OperationEnd {
  readonly is: string;
  /** How whatever worked on the operation must have ended. */
  readonly after: readonly enums.WorkflowExecutionStatus[];
  readonly scheduledEventId: number;
}

function endOf(event: history.HistoryEvent): OperationEnd | undefined {
  const completed = event.nexusOperationCompletedEventAttributes;
  if (completed) return { is: "completed", after: [Status.COMPLETED], ...completed };
  const failed = event.nexusOperationFailedEventAttributes;
  if (failed) return { is: "failed", after: [Status.FAILED, Status.TERMINATED, Status.TIMED_OUT], ...failed };
  const canceled = event.nexusOperationCanceledEventAttributes;
  return canceled && { is: "canceled", after: [Status.CANCELED], ...canceled };
}

/** I17, I19, I22. */
function checkAcknowledged(world: World, check: AnswerCheck): void {
  const arrived = new Set<string>();
  // What a run had asked for and not heard of when it was reset is asked once more by the run that follows, as at the reference server.
  const mayRepeat = world.safety.runs().some(({ start }) => start.reset) ? /^other / : /^$/;
  for (const { runId } of world.safety.runs()) {
    // A request that is repeated after its run has ended may reach the next one: only a run knows what it has had.
    const inRun = new Set<string>();
    for (const name of world.safety.history(runId)!.signals) {
      if (inRun.has(name) && !mayRepeat.test(name))
        world.violate(`I17: signal "${name}" is in the history of run ${runId} twice`);
      inRun.add(name);
      arrived.add(name);
    }
  }
  for (const name of check.signals.keys())
    if (!arrived.has(name)) world.violate(`I17: signal "${name}" was acknowledged and is in no history`);
  for (const runId of check.terminated)
    if (!world.safety.history(runId)?.closing?.workflowExecutionTerminatedEventAttributes)
      world.violate(`I22: run ${runId} was terminated, and ended otherwise`);
  for (const runId of check.terminatedActivities) {
    const status = world.safety.standalone(runId)?.status;
    if (status && (status.type === "open" || status.status !== enums.ActivityExecutionStatus.TERMINATED))
      world.violate(`I22: activity run ${runId} was terminated, and ended otherwise`);
  }
  for (const [updateId, { runId, outcome }] of check.updates)
    if (outcome === "success" && !world.safety.history(runId)?.updates.has(updateId))
      world.violate(`I19: update ${updateId} succeeded and is not in the history of run ${runId}`);
}

/** I7, I26: what the server says is what is on the disk. */
async function checkReads(world: World, network: Network): Promise<void> {
  for (const { runId, workflowId } of world.safety.runs()) {
    // It goes on and on while it is read.
    if (isPoison(workflowId)) continue;
    const told = await network.readHistory({ workflowId, runId });
    if (!told) return world.violate(`I1: the history of run ${runId} cannot be read`);
    const kept = Buffer.concat(world.safety.history(runId)!.batches);
    if (!told.equals(kept)) return world.violate(`I7: the history of run ${runId} is not what was written`);
  }
  await checkList(world, network);
  const { safety } = world;
  const activities = await network.insist("CountActivityExecutions", {});
  if (activities?.type !== "ok" || activities.response.count !== safety.standalones().length)
    world.violate(`I26: there are ${safety.standalones().length} activities, and another number is counted`);
  const schedules = await network.insist("ListSchedules", { maximumPageSize: 100 });
  if (schedules?.type !== "ok" || schedules.response.schedules.length !== safety.allSchedules().length)
    world.violate(`I26: there are ${safety.allSchedules().length} schedules, and another number is listed`);
}

/** A run may begin while the list is read: then it is read again. */
async function checkList(world: World, network: Network): Promise<void> {
  const runs = world.safety.runs();
  const listed = await network.insist("ListWorkflowExecutions", { pageSize: 1_000 });
  const counted = await network.insist("CountWorkflowExecutions", {});
  if (listed?.type !== "ok" || counted?.type !== "ok") return world.violate("I26: the list cannot be read");
  const ids = new Set(listed.response.executions.map(({ execution }) => execution?.runId ?? ""));
  if (world.safety.runs().length !== runs.length) return checkList(world, network);
  const isWhole = ids.size === runs.length && runs.every(({ runId }) => ids.has(runId));
  if (!isWhole || counted.response.count !== runs.length)
    world.violate(
      `I26: there are ${runs.length} runs, ${ids.size} in the list, and ${counted.response.count} are counted`,
    );
  for (const { execution, status } of listed.response.executions) {
    const run = world.safety.run(execution?.runId ?? "");
    if (run?.status.type === "closed" && run.status.status !== status)
      world.violate(`I26: run ${run.runId} has status ${run.status.status}, the list says ${status}`);
  }
}
