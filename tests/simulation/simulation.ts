/** One seed from beginning to end: faults, then healing, then nothing may be left undone. */
import { AnswerCheck } from "./answer-check.ts";
import type { CastName } from "./cast.ts";
import { Client } from "./clients.ts";
import { checkEnd, whoWaits } from "./end-check.ts";
import { exchangeLaws } from "./laws.ts";
import type { Mutant } from "./mutants.ts";
import { Network } from "./network.ts";
import { NexusHandler } from "./nexus-handler.ts";
import { startPoison } from "./poison.ts";
import { ScheduleClient } from "./schedule-client.ts";
import { StandaloneClient } from "./standalone-client.ts";
import { Worker } from "./workers.ts";
import { World } from "./world.ts";

/** Retries of everything are over long before. */
const healsWithinMs = 3_600_000;

export interface Outcome {
  readonly seed: number;
  readonly cast: CastName;
  /** The same for the same seed and the same sources. */
  readonly traceHash: string;
  readonly violation: string | undefined;
  readonly commits: number;
  readonly answers: number;
  readonly runs: number;
  readonly labels: ReadonlyMap<string, number>;
}

export interface SimulationOptions {
  readonly mutant?: Mutant | undefined;
  /** Default: that of the mutant, or all. */
  readonly cast?: CastName | undefined;
  /** Told of everything that happens. */
  readonly log?: ((line: string) => void) | undefined;
}

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const world = new World(seed, options);
  const restore = world.seams.laws && exchangeLaws(world.seams.laws, world);
  try {
    return await play(seed, world);
  } finally {
    restore?.();
  }
}

async function play(seed: number, world: World): Promise<Outcome> {
  const check = new AnswerCheck(world);
  const network = new Network(world, check);
  const startedAtMs = world.clock.nowMs();
  startServers(world);
  new Worker(world, network, { name: "worker-1", isEmbedded: world.cast.embedded }).start();
  new Worker(world, network, { name: "worker-2", isEmbedded: false }).start();
  const clients = startClients(world, network, check);
  if (world.cast.poison) startPoison(world, network);
  setClocks(world);

  await world.run(startedAtMs + world.faults.lastsMs);
  world.heal();
  world.liveness.watch(network);
  const isDone = () =>
    world.process !== undefined && whoWaits(world, clients).length === 0 && world.safety.unfinished().length === 0;
  // What was due before the clock was set back is due that much later.
  await world.run(world.clock.nowMs() + healsWithinMs + world.machine.backMs, isDone);
  if (world.violation === undefined) {
    let isChecked = false;
    world.spawn("the check of the end", async () => {
      await checkEnd(world, network, check, clients);
      isChecked = true;
    });
    await world.run(world.clock.nowMs() + 60_000, () => isChecked);
    let isDrained = false;
    world.spawn("the last drain", async () => {
      await world.drain();
      isDrained = true;
    });
    await world.run(world.clock.nowMs() + 120_000, () => isDrained);
  }
  world.end();
  const { traceHash, violation, safety, labels } = { traceHash: world.traceHash(), ...pick(world) };
  return {
    seed,
    cast: world.castName,
    traceHash,
    violation,
    commits: safety.commits,
    answers: check.answers,
    runs: safety.runs().length,
    labels,
  };
}

function startClients(world: World, network: Network, check: AnswerCheck) {
  const { cast } = world;
  const named = (letter: string, length: number) => Array.from({ length }, (_, index) => `${letter}${index + 1}`);
  const workflowIds = named("w", cast.workflows ?? world.chance.between(2, 5));
  const clients = {
    workflows: workflowIds.map((workflowId) => new Client({ world, network, check, workflowId })),
    activities: named("a", cast.activities).map((id) => new StandaloneClient({ world, network, check, id })),
    schedules: named("s", cast.schedules).map((id) => new ScheduleClient({ world, network, id })),
  };
  for (const client of clients.workflows) client.start(workflowIds);
  for (const client of [...clients.activities, ...clients.schedules]) client.start();
  if (cast.handlers) for (const name of ["handler-1", "handler-2"]) new NexusHandler(world, network, name).start();
  return clients;
}

function pick({ violation, safety, labels }: World) {
  return { violation, safety, labels };
}

/** Keeps a server running: it crashes, or another takes its shards over; then there is another a little later. */
function startServers(world: World): void {
  const { chance } = world;
  world.spawn("servers", async () => {
    await world.prepare();
    await world.startServer();
    while (!world.isOver) {
      const { crashEveryMs, overlaps } = world.faults;
      if (crashEveryMs === 0) {
        await world.sleep(1_000);
        continue;
      }
      await world.sleep(chance.between(1, 2 * crashEveryMs));
      if (world.faults.crashEveryMs === 0) continue;
      if (overlaps && chance.hits(0.5)) {
        world.reached("takeover");
        await world.startServer();
        await world.sleep(chance.skewed(0, 10_000));
        world.killOld();
      } else {
        // No chance is asked where it does not matter: seeds without drains stay what they were.
        if (world.faults.drains && chance.hits(0.5)) await world.drain();
        else world.crash();
        await world.sleep(chance.skewed(1, 30_000));
        await world.startServer();
      }
    }
  });
}

function setClocks(world: World): void {
  world.spawn("clock", async () => {
    while (world.faults.clockJumpEveryMs > 0 && !world.isOver) {
      await world.sleep(world.chance.between(1, 2 * world.faults.clockJumpEveryMs));
      const byMs = world.chance.between(-world.faults.clockJumpMsMax, world.faults.clockJumpMsMax);
      world.note(`clock set by ${byMs} ms`);
      world.reached("clock set");
      world.machine.set(byMs);
    }
  });
}
