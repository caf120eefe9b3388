/**
 * What must go on once everything works again: tasks find the pollers that wait for them (L1, and beside poison L5), nothing is looked at late (L2), every shard
 * has an owner (L4), a server that is told to go goes (L6), and nobody asks the store more than there is to do (L7). That every run ends (L3) is the business
 * of the check of the end.
 */
import { type HostedRun, machineOf } from "@pawl/engine";
import { shardOf } from "@pawl/server/simulation";
import { namespace } from "./decision.ts";
import type { Network } from "./network.ts";
import type { World } from "./world.ts";

/** What is under way at a store that was slow, or at a server that has just started, takes this long to come to rest. */
const settlesWithinMs = 1_000;
/** Beyond what polls and tasks have to wait for each other, while both are on their way. */
const matchedWithinMs = 5_000;
const lateMsMax = 1_000;
/** In the simulation a shard is taken over at once: there is no lease that has to run out first. */
const ownedWithinMs = 2_000;
/** A server that was away when the faults ended is back before (`startServers`). */
const upWithinMs = 120_000;
const drainedWithinMs = 10_000;
/** Store calls for each request, and for each time that a run was to be looked at. */
const callsPerLoad = 6;
/** What shards ask of the store by themselves, and what was under way when the faults ended. */
const callsAnyway = 500;
const lookEveryMs = 1_000;

interface Poll {
  readonly queue: string;
  readonly sinceMs: number;
  /** Of the process that has it. */
  readonly death: AbortSignal;
}

export class LivenessCheck {
  readonly #world: World;
  readonly #polls = new Set<Poll>();
  /** Since when each task has been seen to wait. */
  #waiting = new Map<string, number>();
  /** By run id, by the world's time: since when it has been due when it is. */
  readonly #dueSetAtMs = new Map<string, number>();
  #disturbedUntilMs = 0;
  #healedAtMs = 0;
  /** When there was a server last, since the faults ended. */
  #upAtMs = 0;
  /** Since the faults ended. */
  #storeCalls = 0;
  #load = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Something does not work as it should, until then. */
  disturb(untilMs: number): void {
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  get isDisturbed(): boolean {
    return this.#world.clock.nowMs() < this.#disturbedUntilMs + settlesWithinMs;
  }

  /** Since when everything has worked, by the world's time; undefined while it does not. */
  get #healthySinceMs(): number | undefined {
    const { isHealed, process, clock } = this.#world;
    const sinceMs = Math.max(this.#healedAtMs, this.#disturbedUntilMs) + settlesWithinMs;
    return isHealed && process && sinceMs <= clock.nowMs() ? sinceMs : undefined;
  }

  /** From the end of the faults on. */
  watch(network: Network): void {
    const world = this.#world;
    this.#healedAtMs = world.clock.nowMs();
    this.#upAtMs = this.#healedAtMs;
    world.spawn("watch of what goes on", async () => {
      while (!world.isOver) {
        await world.sleep(lookEveryMs);
        this.#checkServer();
        this.#checkTasks();
        this.#checkLoad();
      }
    });
    for (let shardId = 0; shardId < world.faults.shardCount; shardId++)
      world.spawn(`probe of shard ${shardId}`, () => this.#probe(shardId, network));
  }

  /** A poll is at the server; call what is returned when it is answered. */
  polls(queue: string, death: AbortSignal): () => void {
    const poll = { queue, sinceMs: this.#world.clock.nowMs(), death };
    this.#polls.add(poll);
    return () => void this.#polls.delete(poll);
  }

  requested(): void {
    if (this.#world.isHealed) this.#load += 1;
  }

  storeCalled(): void {
    if (this.#world.isHealed) this.#storeCalls += 1;
  }

  /** L2: a run is looked at when it is due. `before`: undefined when the run is new. */
  changed(before: HostedRun | undefined, { runId, wakeAtMs }: HostedRun): void {
    const { clock, machine } = this.#world;
    if (before?.wakeAtMs === wakeAtMs) return;
    const setAtMs = this.#dueSetAtMs.get(runId) ?? 0;
    this.#dueSetAtMs.set(runId, clock.nowMs());
    const sinceMs = this.#healthySinceMs;
    if (!before || sinceMs === undefined) return;
    if (machine.nowMs() >= before.wakeAtMs) this.#load += 1;
    // A run that follows another by a reset may have been due before it was.
    const lateMs = Math.min(machine.nowMs() - before.wakeAtMs, clock.nowMs() - Math.max(sinceMs, setAtMs));
    if (lateMs > lateMsMax) this.#world.violate(`L2: run ${runId} was due, and is looked at ${lateMs} ms later`);
  }

  /** L6: a server that was told to go has gone, unless it is its store that kept it. `openCalls`: callers that have had no answer. */
  drained(tookMs: number, openCalls: number): void {
    this.#world.reached("drain");
    if (openCalls > 0) this.#world.violate(`L6: ${openCalls} calls have no answer when their server has gone`);
    else if (tookMs > drainedWithinMs) this.#world.violate(`L6: a server takes ${tookMs} ms to go`);
  }

  /** L4: after faults there is a server again. */
  #checkServer(): void {
    const { process, clock } = this.#world;
    if (process) this.#upAtMs = clock.nowMs();
    else if (clock.nowMs() > this.#upAtMs + upWithinMs) this.#world.violate("L4: no server comes back");
  }

  /** L1: no task waits beside a poller that waits for it. */
  #checkTasks(): void {
    const { clock, process, cast, safety } = this.#world;
    const before = this.#waiting;
    this.#waiting = new Map();
    if (this.#healthySinceMs === undefined) return;
    const longAgoMs = clock.nowMs() - matchedWithinMs;
    const polled = new Set(
      [...this.#polls]
        .filter(({ sinceMs, death }) => death === process?.death.signal && sinceMs < longAgoMs)
        .map(({ queue }) => queue),
    );
    for (const { kind, run } of safety.all()) {
      for (const effect of machineOf(kind).pendingEffects(run)) {
        // What waits for a worker of its own soon waits for any.
        if (effect.type !== "dispatch" || effect.task.stickyQueue !== undefined) continue;
        const { task } = effect;
        const name = `${task.kind} task ${task.scheduledEventId} ${task.stamp} of run ${task.runId}`;
        const sinceMs = before.get(name) ?? clock.nowMs();
        this.#waiting.set(name, sinceMs);
        if (sinceMs >= longAgoMs || !polled.has(`${task.kind} ${task.taskQueue}`)) continue;
        const what = `${name} waits, and so does a poller of its queue`;
        return this.#world.violate(cast.poison ? `L5: beside what kills its workers, ${what}` : `L1: ${what}`);
      }
    }
  }

  /** L7. */
  #checkLoad(): void {
    const minutes = (this.#world.clock.nowMs() - this.#healedAtMs) / 60_000;
    const most = callsPerLoad * this.#load + callsAnyway + 10 * this.#world.faults.shardCount * minutes;
    if (this.#storeCalls > most)
      this.#world.violate(`L7: ${this.#storeCalls} calls of the store, where there were ${this.#load} things to do`);
  }

  /** L4: a question to each shard is answered. */
  async #probe(shardId: number, network: Network): Promise<void> {
    const world = this.#world;
    const workflowId = await this.#idIn(shardId);
    while (!world.isOver) {
      const execution = { workflowId, runId: "" };
      const answer = await network.call("DescribeWorkflowExecution", { execution }, { timeoutMs: 1_000 });
      if (answer.type === "refused" && answer.code === "NOT_FOUND") return;
      const sinceMs = this.#healthySinceMs;
      const forMs = sinceMs === undefined ? 0 : world.clock.nowMs() - sinceMs;
      if (forMs > ownedWithinMs)
        return world.violate(`L4: shard ${shardId} has no owner ${forMs} ms after everything works again`);
      await world.sleep(100);
    }
  }

  /** A workflow id that would be in the shard, and that nobody uses. */
  async #idIn(shardId: number): Promise<string> {
    const world = this.#world;
    while (!world.process && !world.isOver) await world.sleep(100);
    const namespaceId = world.process?.server.parts.namespaces.find(namespace)?.id ?? "";
    for (let number = 0; ; number++) {
      const businessId = `probe-${number}`;
      if (shardOf({ namespaceId, businessId }, world.faults.shardCount) === shardId) return businessId;
    }
  }
}
