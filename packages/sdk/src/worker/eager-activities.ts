/** Activities that the server hands over with its answer to a workflow task, instead of by a poll: a slot is set aside for each that is asked for. */
import type { workflowservice } from "@pawl/protocol";
import type { WireCommand } from "../replay/wire-command.ts";
import type { ActivityRunner } from "./activity-runner.ts";
import type { Slots } from "./slots.ts";

/** Like the reference SDK: more at once would keep other workers of the queue from their share. */
const perTaskMax = 3;

export class EagerActivities {
  readonly #runner: ActivityRunner;
  readonly #slots: Slots;
  readonly #stopping: AbortSignal;
  readonly #underway = new Set<Promise<void>>();

  constructor(runner: ActivityRunner, slots: Slots, stopping: AbortSignal) {
    this.#runner = runner;
    this.#slots = slots;
    this.#stopping = stopping;
  }

  /** Leaves the request for eagerness in those commands alone for which there is a slot. Returns how many slots were set aside. */
  reserve(commands: readonly WireCommand[]): number {
    let reserved = 0;
    for (const { scheduleActivityTaskCommandAttributes: asked } of commands) {
      if (!asked?.requestEagerExecution) continue;
      const isPossible = reserved < perTaskMax && !this.#stopping.aborted && this.#runner.hasActivities;
      if (isPossible && this.#slots.tryTake()) reserved++;
      else asked.requestEagerExecution = false;
    }
    return reserved;
  }

  /** Runs what came, and gives back the slots of what did not. */
  start(tasks: readonly workflowservice.PollActivityTaskQueueResponse[], reserved: number): void {
    for (let i = tasks.length; i < reserved; i++) this.#slots.give();
    for (const task of tasks) {
      const done = this.#runner.run(task).finally(() => {
        this.#slots.give();
        this.#underway.delete(done);
      });
      this.#underway.add(done);
    }
  }

  async idle(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
  }
}
