/**
 * `npm run sim -- SEED=7` plays one seed, twice, and says everything that happens; `SEEDS=200` plays as many from SEED (default 1) on; `CAST=workflows`
 * leaves schedules, activities of their own and Nexus operations out, `CAST=poison` puts some that kill their workers beside them, `CAST=embedded` a worker into the server's
 * process.
 */
import { castNames } from "./cast.ts";
import { simulate } from "./simulation.ts";

const settings = new Map(process.argv.slice(2).map((argument) => argument.split("=", 2) as [string, string]));
const first = Number(settings.get("SEED") ?? 1);
const count = Number(settings.get("SEEDS") ?? 1);
const isLogged = settings.has("LOG");
const cast = castNames.find((name) => name === settings.get("CAST")) ?? "all";
const startedAtMs = performance.now();
const labels = new Map<string, number>();
let failures = 0;
let commits = 0;
for (let seed = first; seed < first + count; seed++) {
  const outcome = await simulate(seed, { cast, log: isLogged ? (line) => console.log(line) : undefined });
  commits += outcome.commits;
  for (const [label, times] of outcome.labels) labels.set(label, (labels.get(label) ?? 0) + times);
  if (count === 1)
    console.log(
      `seed ${seed}: ${outcome.commits} commits, ${outcome.answers} answers, ${outcome.runs} runs, trace ${outcome.traceHash}`,
    );
  if (outcome.violation === undefined) continue;
  failures += 1;
  console.log(`seed ${seed} FAILED: ${outcome.violation}\n  again: npm run sim -- SEED=${seed} CAST=${cast} LOG=1`);
}
const seconds = (performance.now() - startedAtMs) / 1_000;
console.log(
  `${count} seeds, ${failures} failed, ${commits} commits, ${((count / seconds) * 60).toFixed(0)} seeds a minute`,
);
if (settings.has("LABELS")) for (const [label, times] of [...labels].sort()) console.log(`${times}\t${label}`);
process.exitCode = failures > 0 ? 1 : 0;
