/** Everything that clients, workers and operators may ask of a standalone activity, in an order that a seed decides. */
import { test } from "node:test";
import { enums, toDuration } from "@pawl/protocol";
import { activityRules, Draw, operatorCommand } from "../invariant/played-family.ts";
import { Rejection } from "../rejection.ts";
import type { ActivitySelector, StartedActivityTask } from "../vocabulary.ts";
import { applicationFailure, payloads } from "../workflow/scripted-workflow.ts";
import { ScriptedStandalone, tokenOf } from "./scripted-standalone.ts";
import type { StandaloneCommand } from "./standalone-activity.ts";

const seeds = 150;
const steps = 60;

const acts = [
  ...(["start", "start", "poll", "poll", "poll", "complete", "fail", "fail", "fail", "cancel", "heartbeat"] as const),
  ...([
    "requestCancel",
    "terminate",
    "delete",
    "operate",
    "operate",
    "operate",
    "delay",
    "advance",
    "advance",
  ] as const),
] as const;

class Played {
  readonly #draw: Draw;
  readonly #script = new ScriptedStandalone();
  readonly #held: StartedActivityTask[] = [];
  #count = 0;
  readonly told: string[] = [];

  constructor(seed: number) {
    this.#draw = new Draw(seed);
  }

  step(): void {
    const [draw, script] = [this.#draw, this.#script];
    const act = draw.of(acts);
    this.#count += 1;
    if (act === "advance") {
      const ms = draw.below(draw.of([2, 300, 3_000, 20_000]));
      this.told.push(`${ms} ms`);
      return script.advance(ms);
    }
    const command = this.#command(act);
    if (!command) return;
    const reply = script.try(command);
    this.told.push(`${command.type} ${reply instanceof Rejection ? reply.code : "ok"}`);
    if (act === "poll" && reply && !(reply instanceof Rejection)) this.#held.push(reply as StartedActivityTask);
  }

  #command(act: Exclude<(typeof acts)[number], "advance">): StandaloneCommand | undefined {
    const [draw, script] = [this.#draw, this.#script];
    const runId = "";
    const request = { requestId: draw.of(["one", "two", "three"]), reason: "r", identity: "o" };
    switch (act) {
      case "start":
        return this.#start();
      case "poll": {
        const task = draw.of(script.tasks);
        if (!task) return undefined;
        if (!draw.once(8)) script.tasks.splice(script.tasks.indexOf(task), 1);
        return script.startTask(task);
      }
      case "complete":
        return { type: "completeActivity", activity: this.#selector(), result: payloads(1), identity: "w" };
      case "fail":
        return this.#failed();
      case "cancel":
        return { type: "cancelActivity", activity: this.#selector(), details: undefined, identity: "w" };
      case "heartbeat":
        return { type: "heartbeatActivity", activity: this.#selector(), details: payloads(1), identity: "w" };
      case "requestCancel":
        return draw.once(3) ? { type: "requestCancelActivity", runId, ...request } : undefined;
      case "terminate":
        return draw.once(4) ? { type: "terminateActivity", runId, ...request } : undefined;
      case "delete":
        return draw.once(4) ? { type: "delete", runId } : undefined;
      case "operate":
        return {
          runId,
          activityId: "a",
          requestId: draw.of(["", "one", "two"]),
          ...operatorCommand(draw),
        } as StandaloneCommand;
      case "delay": {
        const options = { startDelay: toDuration(draw.below(9_000)) } as never;
        return { type: "updateActivityOptions", runId, options, paths: ["start_delay"], restoreOriginal: false };
      }
      default:
        return act satisfies never;
    }
  }

  #start(): StandaloneCommand {
    const draw = this.#draw;
    return this.#script.start({
      requestId: draw.once(3) ? "same" : `start-${this.#count}`,
      idConflictPolicy: draw.of(Object.values(enums.ActivityIdConflictPolicy)) as enums.ActivityIdConflictPolicy,
      idReusePolicy: draw.of(Object.values(enums.ActivityIdReusePolicy)) as enums.ActivityIdReusePolicy,
      ...(draw.once(3) && { startDelay: toDuration(draw.below(9_000)) }),
      ...(draw.once(3) && { onConflictOptions: { attachRequestId: true, attachLinks: true } }),
      ...activityRules(draw),
    });
  }

  #selector(): ActivitySelector {
    const held = this.#draw.of(this.#held);
    return held && !this.#draw.once(3) ? tokenOf(held) : { by: "id", runId: "", activityId: "a" };
  }

  #failed(): StandaloneCommand {
    const draw = this.#draw;
    const nextRetryDelayMs = draw.once(4) ? draw.below(5_000) : 0;
    const failure = applicationFailure("x", { nonRetryable: draw.once(6), nextRetryDelayMs });
    const lastHeartbeatDetails = draw.once(3) ? payloads(1) : undefined;
    return { type: "failActivity", activity: this.#selector(), failure, lastHeartbeatDetails, identity: "w" };
  }
}

// Each command is followed by the checks of its run (`ScriptedStandalone`).
test("whatever is done to a standalone activity, no check finds anything", () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const played = new Played(seed);
    try {
      for (let step = 1; step <= steps; step++) played.step();
    } catch (error) {
      throw new Error(`seed ${seed}:\n${played.told.join("\n")}`, { cause: error });
    }
  }
});
