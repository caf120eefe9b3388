/** A client with a schedule: it makes it, and most of the time leaves it alone; now and then it pauses, triggers, backfills, changes or removes it. */
import { enums, type Init, type schedule, toTimestamp } from "@pawl/protocol";
import { text } from "../stories/requests.ts";
import { taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import { drawErrand } from "./program.ts";
import type { World } from "./world.ts";

const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = enums.ScheduleOverlapPolicy;

export class ScheduleClient {
  readonly #world: World;
  readonly #network: Network;
  readonly id: string;
  #underWay = 0;
  isDone = false;

  constructor({ world, network, id }: { world: World; network: Network; id: string }) {
    this.#world = world;
    this.#network = network;
    this.id = id;
  }

  start(): void {
    const { chance } = this.#world;
    this.#spawn(async () => {
      await this.#world.sleep(chance.between(0, 20_000));
      await this.#create();
      if (chance.hits(0.5)) return;
      this.#world.safety.schedules.meddle(this.id);
      for (let number = chance.between(1, 4); number > 0; number--) this.#spawn(() => this.#ask());
    });
  }

  #spawn(run: () => Promise<void>): void {
    this.#underWay += 1;
    this.#world.spawn(`client of ${this.id}`, async () => {
      await run();
      this.#underWay -= 1;
      this.isDone = this.#underWay === 0;
    });
  }

  /** Soon over: what it starts in the end must end, too. */
  #draw(): Init<schedule.Schedule> {
    const { chance, machine } = this.#world;
    const seconds = chance.between(4, 30);
    const endTime = toTimestamp(machine.nowMs() + chance.between(1, 8) * seconds * 1_000);
    const limitedActions = chance.hits(0.2);
    return {
      spec: { interval: [{ interval: { seconds, nanos: 0 } }], endTime },
      action: {
        startWorkflow: {
          workflowId: this.id,
          workflowType: { name: "T" },
          taskQueue: { name: taskQueue },
          input: text(drawErrand(chance, `${this.id}e`)),
        },
      },
      policies: {
        overlapPolicy: chance.pick([SKIP, SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL]),
        ...(chance.hits(0.5) && { catchupWindow: { seconds: chance.between(10, 120), nanos: 0 } }),
        pauseOnFailure: chance.hits(0.1),
      },
      state: { limitedActions, remainingActions: limitedActions ? chance.between(1, 4) : 0 },
    };
  }

  async #create(): Promise<void> {
    const given = this.#draw();
    const request = { scheduleId: this.id, schedule: given, requestId: this.#world.chance.uuid(), identity: "client" };
    await this.#network.insist("CreateSchedule", request, { about: this.id });
  }

  async #ask(): Promise<void> {
    const { chance } = this.#world;
    await this.#world.sleep(chance.skewed(0, 60_000));
    const kind = chance.between(0, 9);
    if (kind < 2) await this.#patch({ triggerImmediately: {} });
    else if (kind < 4) await this.#pauseForAWhile();
    else if (kind < 6) await this.#backfill();
    else if (kind < 8) await this.#network.insist("DescribeSchedule", { scheduleId: this.id });
    else if (kind < 9) await this.#network.insist("ListSchedules", {});
    else await this.#remove();
  }

  #patch(patch: Init<schedule.SchedulePatch>) {
    const request = { scheduleId: this.id, patch, identity: "client", requestId: this.#world.chance.uuid() };
    return this.#network.insist("PatchSchedule", request, { about: this.id });
  }

  async #pauseForAWhile(): Promise<void> {
    await this.#patch({ pause: "wait" });
    await this.#world.sleep(this.#world.chance.skewed(0, 40_000));
    await this.#patch({ unpause: "go on" });
  }

  async #backfill(): Promise<void> {
    const { chance, machine } = this.#world;
    const endMs = machine.nowMs() - chance.between(0, 60_000);
    const range = { startTime: toTimestamp(endMs - chance.between(0, 60_000)), endTime: toTimestamp(endMs) };
    await this.#patch({ backfillRequest: [range] });
  }

  /** I1: what is acknowledged is gone. */
  async #remove(): Promise<void> {
    const runId = this.#world.safety.schedule(this.id)?.runId;
    const answer = await this.#network.insist("DeleteSchedule", { scheduleId: this.id });
    if (answer?.type === "ok" && runId !== undefined && this.#world.safety.schedule(this.id)?.runId === runId)
      this.#world.violate(`I1: schedule ${this.id} was deleted and is still there`);
  }
}
