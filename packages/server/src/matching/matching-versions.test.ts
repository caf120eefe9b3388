/**
 * Random lives of a queue whose workers are of several versions, while its routing changes: whoever is given a task is of the version that the
 * task belongs to at that moment, and no task waits while a worker of its version does.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DeploymentVersion, Match, QueryTask, Reservation, Routing, Task, TaskVersioning } from "./match.ts";
import { type Asked, namespaceId, Rig, settle } from "./rig.ts";

const v1 = { deploymentName: "d", buildId: "1" };
const v2 = { deploymentName: "d", buildId: "2" };
const versions = [null, v1, v2] as const;

const anyVersion = fc.constantFrom(...versions);
const kind = fc.constantFrom<Task["kind"]>("workflow", "activity");
const pick = fc.nat(1_000);
const versioning = fc.option(fc.record({ pinned: fc.boolean(), version: anyVersion, toRamping: fc.constant(false) }), {
  nil: undefined,
});
const sticky = fc.boolean();
const move = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), kind, versioning, sticky }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("poll" as const), kind, version: anyVersion }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pollSticky" as const), version: anyVersion }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("reserve" as const), kind, versioning, sticky }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deliver" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cancel" as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("giveBack" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("query" as const), versioning }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("route" as const), version: anyVersion }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const), version: fc.constantFrom(v1, v2) }) },
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

/** What all lives have met together: a model that never meets these proves nothing. */
const met = { rerouted: 0, pinned: 0, independent: 0, started: 0, sticky: 0, givenBack: 0, query: 0 };

/** A task or query in matching's hands. */
interface Inside {
  readonly kind: Task["kind"];
  readonly versioning?: TaskVersioning | undefined;
  /** Of one that has been started. */
  startedFor?: DeploymentVersion | null;
}

class Life implements Routing {
  readonly rig = new Rig(this);
  #target: DeploymentVersion | null = null;
  readonly #members = new Set<DeploymentVersion>();
  readonly #polls: {
    asked: Asked;
    kind: Task["kind"];
    version: DeploymentVersion | null;
    sticky: boolean;
    judged: boolean;
  }[] = [];
  readonly #held: Match<string>[] = [];
  readonly #reservations: { task: Task; reservation: Reservation<string> }[] = [];
  readonly #inside = new Map<string, Inside>();
  #made = 0;

  target() {
    return { version: this.#target };
  }

  has(_queue: unknown, { buildId }: DeploymentVersion): boolean {
    return [...this.#members].some((member) => member.buildId === buildId);
  }

  async step(action: Move): Promise<void> {
    this.#do(action);
    await settle();
    this.#judge();
  }

  #do(action: Move): void {
    const { matching } = this.rig;
    switch (action.do) {
      case "offer":
        return this.#offer(this.#task(action));
      case "poll":
        return this.#poll(action.kind, action.version, false);
      case "pollSticky":
        return this.#poll("workflow", action.version, true);
      case "reserve": {
        const task = this.#task(action);
        const reservation = matching.reserve(task);
        if (reservation === null) return this.#offer(task);
        if (!reservation.sticky) assert.deepEqual(reservation.poller.deploymentVersion ?? null, this.#versionOf(task));
        this.#reservations.push({ task, reservation });
        return;
      }
      case "deliver":
        return this.#deliver(take(this.#reservations, action.pick));
      case "release":
        return take(this.#reservations, action.pick)?.reservation.release();
      case "cancel": {
        const open = this.#polls.filter(({ judged }) => !judged);
        return open[action.pick % Math.max(1, open.length)]?.asked.cancel();
      }
      case "giveBack":
        return this.#giveBack(take(this.#held, action.pick));
      case "query": {
        const id = `q${this.#made++}`;
        this.#inside.set(id, { kind: "workflow", versioning: action.versioning });
        return matching.offerQuery({ ...this.rig.query(id), versioning: action.versioning });
      }
      case "route":
        if (this.#inside.size > 0) met.rerouted++;
        this.#target = action.version;
        return matching.reroute(namespaceId, ["orders"]);
      case "join":
        this.#members.add(action.version);
        return matching.reroute(namespaceId, ["orders"]);
    }
  }

  #task({ kind, versioning, sticky }: Pick<Extract<Move, { do: "offer" }>, "kind" | "versioning" | "sticky">): Task {
    const isSticky = sticky && kind === "workflow";
    return this.rig.task(`t${this.#made++}`, { kind, versioning, ...(isSticky && { stickyQueue: "sticky-w" }) });
  }

  #offer(task: Task): void {
    this.#inside.set(task.runId, { kind: task.kind, versioning: task.versioning });
    this.rig.matching.offer(task);
  }

  #deliver(entry: { task: Task; reservation: Reservation<string> } | undefined): void {
    if (entry === undefined) return;
    const { task, reservation } = entry;
    const startedFor = reservation.poller.deploymentVersion ?? null;
    this.#inside.set(task.runId, { kind: task.kind, versioning: task.versioning, startedFor });
    reservation.deliver(task.runId);
  }

  #giveBack(match: Match<string> | undefined): void {
    if (match === undefined) return;
    met.givenBack++;
    const { kind, versioning } = subjectOf(match);
    const started = match.type === "started" ? { startedFor: match.version } : {};
    this.#inside.set(idOf(match), { kind, versioning, ...started });
    this.rig.matching.giveBack(match);
  }

  #poll(kind: Task["kind"], version: DeploymentVersion | null, sticky: boolean): void {
    const poller = { identity: "w", requestId: `p${this.#made++}`, ...(version && { deploymentVersion: version }) };
    const asked = sticky ? this.rig.pollSticky({ poller }) : this.rig.poll({ kind, poller });
    this.#polls.push({ asked, kind, version, sticky, judged: false });
  }

  /** By the rules, where it belongs now. */
  #versionOf({ kind, versioning, startedFor }: Inside): DeploymentVersion | null {
    if (startedFor !== undefined) return startedFor;
    if (!versioning?.pinned || !versioning.version) return this.#target;
    return kind === "activity" && !this.has(undefined, versioning.version) ? this.#target : versioning.version;
  }

  #judge(): void {
    for (const poll of this.#polls) {
      const { answer } = poll.asked;
      if (poll.judged || answer === undefined) continue;
      poll.judged = true;
      if (answer === null) continue;
      const inside = this.#inside.get(idOf(answer));
      assert.ok(inside, `${idOf(answer)} was handed out twice or was not there`);
      // A sticky queue is one worker's own: what waits there was sent to that very worker.
      if (!answer.sticky)
        assert.deepEqual(poll.version, this.#versionOf(inside), `${idOf(answer)} went to another version`);
      this.#inside.delete(idOf(answer));
      this.#count(answer, inside);
      this.#held.push(answer);
    }
    for (const kind of ["workflow", "activity"] as const)
      for (const version of versions) this.#judgeWaiting(kind, version);
  }

  #count(match: Match<string>, { kind, versioning }: Inside): void {
    if (match.sticky) met.sticky++;
    if (match.type === "started") met.started++;
    if (match.type === "query") met.query++;
    if (!versioning?.pinned || !versioning.version) return;
    const isIndependent = kind === "activity" && !this.has(undefined, versioning.version);
    met[isIndependent ? "independent" : "pinned"]++;
  }

  /** Nothing waits for a worker that is there. */
  #judgeWaiting(kind: Task["kind"], version: DeploymentVersion | null): void {
    const waiting = this.#polls.filter(
      (poll) => !poll.judged && !poll.sticky && poll.kind === kind && poll.version === version,
    );
    const reserved = this.#reservations.filter(
      ({ task, reservation }) =>
        !reservation.sticky && task.kind === kind && (reservation.poller.deploymentVersion ?? null) === version,
    );
    if (waiting.length <= reserved.length) return;
    for (const [id, inside] of this.#inside) {
      if (inside.kind !== kind || this.#versionOf(inside) !== version) continue;
      // What a sticky queue holds is its worker's for as long as that one is there.
      const atNormal = this.rig.matching.describe(namespaceId, kind, "orders", version).backlogCount;
      assert.equal(atNormal, 0, `${id} waits while a worker of its version does`);
    }
  }

  async end(): Promise<void> {
    for (const entry of this.#reservations.splice(0)) this.#deliver(entry);
    await settle();
    this.#judge();
    for (const { asked, judged } of this.#polls) if (!judged) asked.cancel();
    this.rig.matching.shutdownWorker({ namespaceId, stickyQueue: "sticky-w" });
    await settle();
    this.#judge();
    for (const kind of ["workflow", "activity"] as const) {
      for (const version of versions) {
        const expected = [...this.#inside.values()].filter(
          (one) => one.kind === kind && this.#versionOf(one) === version,
        );
        for (let count = 0; count < expected.length; count++) this.#poll(kind, version, false);
      }
    }
    await settle();
    this.#judge();
    assert.deepEqual([...this.#inside.keys()], [], "lost");
    for (const match of this.#held) if (match.type === "query") this.rig.matching.withdrawQuery(match.query.id);
    this.rig.clock.advance(3_600_000);
    assert.equal(this.rig.clock.sleeperCount, 0, "empty queues are forgotten");
  }
}

function subjectOf(match: Match<string>): Inside {
  if (match.type !== "query") return match.task;
  assert.equal(match.query.kind, "query");
  return { ...(match.query as QueryTask), kind: "workflow" };
}

function idOf(match: Match<string>): string {
  return match.type === "query" ? match.query.id : match.task.runId;
}

function take<T>(from: T[], pick: number): T | undefined {
  return from.splice(pick % Math.max(1, from.length), 1)[0];
}

test("a task goes to workers of its version and to no others, and waits for none that is there", {
  timeout: 60_000,
}, async () => {
  const lives = fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 60 }), async (moves) => {
    const life = new Life();
    for (const action of moves) await life.step(action);
    await life.end();
  });
  await fc.assert(lives, { numRuns: 300, seed: 5 });
  for (const [what, count] of Object.entries(met)) assert.ok(count > 10, `${what} happened ${count} times`);
});
