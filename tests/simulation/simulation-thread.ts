/** Plays the seeds that it is sent, one range after the other. */
import { parentPort } from "node:worker_threads";
import { mutants } from "./mutants.ts";
import { type Outcome, simulate } from "./simulation.ts";
import type { RangeResult, SeedRange } from "./threads.ts";

parentPort!.on("message", async (range: SeedRange) => {
  const result: RangeResult = await play(range).then(
    (outcomes) => ({ outcomes }),
    (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  parentPort!.postMessage(result);
});

async function play({ first, last, mutant: name, cast }: SeedRange): Promise<Outcome[]> {
  const mutant = name === undefined ? undefined : mutants.find((each) => each.name === name);
  if (name !== undefined && !mutant) throw new Error(`there is no mutant "${name}"`);
  const outcomes: Outcome[] = [];
  for (let seed = first; seed <= last; seed++) {
    const outcome = await simulate(seed, { mutant, cast });
    outcomes.push(outcome);
    if (outcome.violation !== undefined) break;
  }
  return outcomes;
}
