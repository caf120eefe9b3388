/** A client with an activity that is an execution of its own: it starts it, meddles with it, and waits for its outcome. */
import { text } from "../stories/requests.ts";
import type { AnswerCheck } from "./answer-check.ts";
import { taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import { drawScript } from "./program.ts";
import { outcomeText } from "./standalone-check.ts";
import type { World } from "./world.ts";

export class StandaloneClient {
  readonly #world: World;
  readonly #network: Network;
  readonly #check: AnswerCheck;
  readonly id: string;
  #underWay = 0;
  isDone = false;

  constructor({ world, network, check, id }: { world: World; network: Network; check: AnswerCheck; id: string }) {
    this.#world = world;
    this.#network = network;
    this.#check = check;
    this.id = id;
  }

  start(): void {
    const { chance } = this.#world;
    this.#spawn(async () => {
      for (let lives = chance.between(1, 3); lives > 0 && !this.#world.isOver; lives--) {
        await this.#world.sleep(chance.between(0, 20_000));
        const runId = await this.#begin();
        if (runId === undefined) return;
        for (let number = chance.between(0, 3); number > 0; number--) this.#spawn(() => this.#ask(runId));
        await this.#awaitOutcome(runId);
        if (chance.hits(0.1)) await this.#delete(runId);
      }
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

  async #begin(): Promise<string | undefined> {
    const { chance } = this.#world;
    const script = drawScript(chance);
    const answer = await this.#network.insist(
      "StartActivityExecution",
      {
        activityId: this.id,
        activityType: { name: "A" },
        taskQueue: { name: taskQueue },
        input: text(script),
        requestId: chance.uuid(),
        identity: "client",
        startToCloseTimeout: { seconds: 20, nanos: 0 },
        heartbeatTimeout: { seconds: script.heartbeats > 0 ? 10 : 0, nanos: 0 },
        scheduleToCloseTimeout: { seconds: chance.hits(0.2) ? chance.between(20, 100) : 0, nanos: 0 },
        startDelay: { seconds: chance.hits(0.2) ? chance.between(1, 20) : 0, nanos: 0 },
        retryPolicy: { initialInterval: { seconds: 1, nanos: 0 }, maximumAttempts: script.attemptsMax },
      },
      { about: this.id },
    );
    return answer?.type === "ok" ? answer.response.runId : undefined;
  }

  async #delete(runId: string): Promise<void> {
    const { safety } = this.#world;
    safety.mayGo(runId);
    const answer = await this.#network.insist("DeleteActivityExecution", { activityId: this.id, runId });
    if (answer?.type === "ok" && safety.standalone(runId))
      this.#world.violate(`I1: activity run ${runId} was deleted and is still there`);
  }

  async #ask(runId: string): Promise<void> {
    const { chance } = this.#world;
    await this.#world.sleep(chance.skewed(0, 40_000));
    const named = { activityId: this.id, runId, identity: "client" };
    const kind = chance.between(0, 9);
    if (kind < 2) {
      const request = { ...named, requestId: chance.uuid(), reason: "enough" };
      await this.#network.insist("RequestCancelActivityExecution", request);
    } else if (kind < 4) await this.#terminate(runId);
    else if (kind < 6) {
      const request = { ...named, requestId: chance.uuid(), reason: "wait" };
      await this.#network.insist("PauseActivityExecution", request);
      await this.#world.sleep(chance.skewed(0, 30_000));
      await this.#network.insist("UnpauseActivityExecution", named);
    } else if (kind < 9) await this.#network.insist("DescribeActivityExecution", { ...named, includeOutcome: true });
    else await this.#network.insist("ListActivityExecutions", {});
  }

  async #terminate(runId: string): Promise<void> {
    const request = { activityId: this.id, runId, requestId: this.#world.chance.uuid(), reason: "enough" };
    const answer = await this.#network.insist("TerminateActivityExecution", request);
    if (answer?.type === "ok") this.#check.terminatedActivities.add(runId);
  }

  /** I14: everybody is told the same, which is what is on the disk. */
  async #awaitOutcome(runId: string): Promise<void> {
    while (!this.#world.isOver) {
      const answer = await this.#network.insist("PollActivityExecution", { activityId: this.id, runId });
      if (answer?.type !== "ok") return;
      const { outcome } = answer.response;
      const kept = this.#world.safety.standalone(runId);
      if (outcome) {
        if (kept && outcomeText(kept) !== outcomeText({ outcome }))
          this.#world.violate(`I14: the outcome of activity ${this.id} is told otherwise than it is`);
        return;
      }
      // A request to pause that was late may have come after the one to go on.
      if (this.#world.isHealed && kept?.attempts.paused)
        await this.#network.insist("UnpauseActivityExecution", { activityId: this.id, runId, identity: "client" });
    }
  }
}
