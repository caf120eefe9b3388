/** Executes entries on the executions in memory: synchronous, and the only caller of the engine's laws in a shard. */
import {
  type Effect,
  noRouting,
  Rejection,
  type Routing,
  type StartedActivityTask,
  type StartedWorkflowTask,
  Step,
  type Task,
} from "@pawl/engine";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import type { Dispatcher, Reservation, Started } from "./dispatcher.ts";
import { type Delivery, type Entry, type Outcome, type Redispatch, releasePollers } from "./entry.ts";
import type { Hosted } from "./hosted.ts";
import type { Stamps } from "./stamps.ts";

export interface ExecutorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dispatcher: Dispatcher;
  /** How long closed runs of a namespace are kept. */
  readonly retentionMs: (namespaceId: string) => number;
  /** How task queues route between versions of workers; absent: there are none. */
  readonly routing?: Routing;
}

export class Executor {
  readonly #parts: ExecutorParts;
  readonly #stamps: Stamps;

  constructor(parts: ExecutorParts, stamps: Stamps) {
    this.#parts = parts;
    this.#stamps = stamps;
  }

  /** One entry of a batch. When it throws (a bug, or `Oversized`), no poller is held for it, and its execution must be forgotten: it has changed. */
  execute(entry: Entry, hosted: Hosted): Outcome {
    if (entry.type === "redispatch") return this.#redispatch(entry, hosted);
    const { key, machine, execution } = hosted;
    const step = this.#step(key.namespaceId);
    const reply = machine.execute(execution, entry.command, step);
    return { entry, reply, notes: step.notes, ...this.#match(hosted, step.effects) };
  }

  #redispatch(entry: Redispatch, hosted: Hosted): Outcome {
    const { machine, execution } = hosted;
    const run = execution.runs.get(entry.runId ?? execution.currentRunId ?? "");
    return {
      entry,
      reply: undefined,
      deliveries: this.#startHeld(hosted, entry.held),
      // Its timer is to be armed, too.
      effects: run ? [...machine.pendingEffects(run), { type: "noticed", runId: run.runId, ended: [] }] : [],
      notes: [],
    };
  }

  /**
   * Match before commit: a task for which a worker already waits is recorded as scheduled and started in one commit. The engine knows nothing of
   * workers; to it this is a second command on the same state.
   */
  #match(hosted: Hosted, effects: readonly Effect[]): Pick<Outcome, "deliveries" | "effects"> {
    const deliveries: Delivery[] = [];
    const rest: Effect[] = [];
    // A start may have effects of its own, which are matched too.
    const all = [...effects];
    for (const effect of all) {
      const reservation = effect.type === "dispatch" ? this.#parts.dispatcher.reserve(effect.task) : null;
      if (effect.type !== "dispatch" || !reservation) {
        rest.push(effect);
        continue;
      }
      try {
        const started = this.#start(hosted, effect.task, reservation, all);
        if (started) deliveries.push({ task: effect.task, reservation, started });
        else {
          reservation.release();
          rest.push(effect);
        }
      } catch (error) {
        reservation.release();
        releasePollers(deliveries);
        throw error;
      }
    }
    return { deliveries, effects: rest };
  }

  /** A start is recognised by its poll: if the commit of unknown outcome did happen, the same poller is given the same task. */
  #startHeld(hosted: Hosted, held: Redispatch["held"]): Delivery[] {
    return held.flatMap(({ task, reservation }) => {
      const started = this.#start(hosted, task, reservation, []);
      if (!started) reservation.release();
      return started ? [{ task, reservation, started }] : [];
    });
  }

  /** Undefined when the task is stale, or its run moves to the worker's version first. What follows from the start is added to `effects`. */
  #start(hosted: Hosted, task: Task, { poller, sticky }: Reservation, effects: Effect[]): Started | undefined {
    const { key, machine, execution } = hosted;
    const { runId, stamp, scheduledEventId } = task;
    const step = this.#step(key.namespaceId);
    const reply = machine.execute(
      execution,
      task.kind === "workflow"
        ? { type: "startWorkflowTask", runId, stamp, poller, sticky }
        : { type: "startActivityTask", runId, scheduledEventId, stamp, poller },
      step,
    );
    effects.push(...step.effects);
    if (reply instanceof Rejection || reply === undefined) return undefined;
    return task.kind === "workflow"
      ? { kind: "workflow", task: reply as StartedWorkflowTask }
      : { kind: "activity", task: reply as StartedActivityTask };
  }

  #step(namespaceId: string): Step {
    const { clock, random, retentionMs, routing = noRouting } = this.#parts;
    const nowMs = clock.nowMs();
    const newId = () => random.orderedUuid(nowMs);
    const newStamp = (after: number) => this.#stamps.next(nowMs, after);
    return new Step({ nowMs, newId, newStamp, retentionMs: retentionMs(namespaceId), routing });
  }
}
