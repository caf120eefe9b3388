/** When everything works again and nobody has anything left to ask: is everything there that was acknowledged, once, and is nothing left undone? */
import type { Run } from "@pawl/engine";
import type { AnswerCheck } from "./answer-check.ts";
import type { Client } from "./clients.ts";
import type { Network } from "./network.ts";
import type { World } from "./world.ts";

export async function checkEnd(
  world: World,
  network: Network,
  check: AnswerCheck,
  clients: readonly Client[],
): Promise<void> {
  const unfinished = world.safety.unfinished();
  if (unfinished.length > 0) {
    return world.violate(`L3: unfinished: ${unfinished.map(waitingOf).join(", ")}`);
  }
  for (const client of clients)
    if (!client.isDone && !world.safety.isStranded(client.workflowId))
      return world.violate(`L1: ${client.workflowId} has ended, and who waits for it does not hear of it`);
  checkAcknowledged(world, check);
  await checkReads(world, network);
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
  for (const [updateId, { runId, outcome }] of check.updates)
    if (outcome === "success" && !world.safety.history(runId)?.updates.has(updateId))
      world.violate(`I19: update ${updateId} succeeded and is not in the history of run ${runId}`);
}

/** I7, I26: what the server says is what is on the disk. */
async function checkReads(world: World, network: Network): Promise<void> {
  for (const { runId, workflowId } of world.safety.runs()) {
    const told = await network.readHistory({ workflowId, runId });
    if (!told) return world.violate(`I1: the history of run ${runId} cannot be read`);
    const kept = Buffer.concat(world.safety.history(runId)!.batches);
    if (!told.equals(kept)) return world.violate(`I7: the history of run ${runId} is not what was written`);
  }
  await checkList(world, network);
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

/** What the run waits for. */
function waitingOf({
  runId,
  workflowId,
  nextEventId,
  workflowTask,
  activities,
  timers,
  children,
  outbox,
}: Run): string {
  const tries = [...activities.values()].map(
    ({ activityId, attempt, status }) => `${activityId} ${status.type} ${attempt}`,
  );
  const waiting = [...tries, ...timers.keys(), ...[...children.values()].map((child) => child.workflowId)];
  const task = `workflow task ${workflowTask.type}`;
  return `${workflowId} ${runId} (${nextEventId - 1} events, ${task}, ${outbox.size} messages, ${waiting.join(", ")})`;
}
