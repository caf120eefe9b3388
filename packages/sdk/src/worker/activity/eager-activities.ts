/** Activities that the server hands over with its answer to a workflow task, instead of by a poll: a slot is set aside for each that is asked for. */
import type { workflowservice } from "@pawl/protocol";
import type { WireCommand } from "../../replay/wire-command.ts";
import type { Slot, Slots } from "../slot/slots.ts";
import type { ActivityRunner } from "./activity-runner.ts";

/** Like the reference SDK: more at once would keep other workers of the queue from their share. */
export const eagerPerTaskDefault = 3;

export class EagerActivities {
  readonly #runner: ActivityRunner;
  readonly #slots: Slots;
  readonly #stopping: AbortSignal;
  readonly #perTaskMax: number;
  readonly #underway = new Set<Promise<void>>();

  constructor(runner: ActivityRunner, slots: Slots, stopping: AbortSignal, perTaskMax = eagerPerTaskDefault) {
    this.#runner = runner;
    this.#slots = slots;
    this.#stopping = stopping;
    this.#perTaskMax = perTaskMax;
  }

  /** Leaves the request for eagerness in those commands alone for which there is a slot. Returns the slots that were set aside. */
  reserve(commands: readonly WireCommand[]): Slot[] {
    const reserved: Slot[] = [];
    for (const { scheduleActivityTaskCommandAttributes: asked } of commands) {
      if (!asked?.requestEagerExecution) continue;
      const isPossible = reserved.length < this.#perTaskMax && !this.#stopping.aborted && this.#runner.hasActivities;
      const slot = isPossible ? this.#slots.tryTake() : undefined;
      if (slot) reserved.push(slot);
      else asked.requestEagerExecution = false;
    }
    return reserved;
  }

  /** Runs what came, and gives back the slots of what did not. */
  start(tasks: readonly workflowservice.PollActivityTaskQueueResponse[], reserved: readonly Slot[]): void {
    for (const unused of reserved.slice(tasks.length)) unused.release();
    for (const [i, task] of tasks.entries()) {
      const slot = reserved[i];
      slot?.use({ type: "activity", activityType: task.activityType?.name ?? "" });
      const done = this.#runner.run(task).finally(() => {
        slot?.release();
        this.#underway.delete(done);
      });
      this.#underway.add(done);
    }
  }

  async idle(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
  }
}
