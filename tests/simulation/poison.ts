/** A workflow and an activity that kill every worker that takes them, for ever: all others must go on beside them (L5). */
import { text } from "../stories/requests.ts";
import { taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import type { Program } from "./program.ts";
import type { World } from "./world.ts";

/** `task`: of whose workflow tasks workers die; `activity`: of whose activity. */
export const poisonIds = { task: "poison-task", activity: "poison-activity" } as const;

export const isPoison = (workflowId: string) => Object.values<string>(poisonIds).includes(workflowId);

const script = { failures: 0, attemptsMax: 0, workMs: 0, heartbeats: 0, finalFailure: false, kills: true } as const;
const program: Program = { stages: [[{ do: "activity", id: "kill", script }]], end: { type: "complete" } };

export function startPoison(world: World, network: Network): void {
  for (const workflowId of Object.values(poisonIds))
    world.spawn(workflowId, async () => {
      const request = { workflowId, workflowType: { name: "T" }, taskQueue: { name: taskQueue }, input: text(program) };
      await network.insist(
        "StartWorkflowExecution",
        { ...request, requestId: world.chance.uuid() },
        { about: workflowId },
      );
    });
}
