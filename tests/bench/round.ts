/** One round: a fresh server, and each scenario against it in turn. */
import { setTimeout as delay } from "node:timers/promises";
import type { Load } from "./load-program.ts";
import type { ProfileOptions } from "./pawl-stats.ts";
import { cpuBetween, machineBusySeconds, usageOf } from "./process-usage.ts";
import { numberAt, type Sample, type Scenario } from "./scenario.ts";
import { emptyInstance, type Instance, type System } from "./system.ts";

/** After a load the server still closes connections and files; the next scenario should not pay for it. */
const restMs = 500;
const logCharsShown = 2_000;

export interface RoundOptions extends ProfileOptions {
  readonly quick: boolean;
}

type Server = Awaited<ReturnType<Instance["start"]>>;

/** A scenario that could not be measured, with the reason and the end of what the server had said. */
export interface Failure {
  readonly failed: string;
}

/** A scenario that fails is reported and costs the others nothing: they go on with a fresh server. */
export async function runRound(
  system: System,
  chosen: readonly Scenario[],
  load: Load,
  options: RoundOptions,
  say: (line: string) => void,
): Promise<Map<string, Sample | Failure>> {
  const results = new Map<string, Sample | Failure>();
  while (results.size < chosen.length) {
    using instance = await emptyInstance(system, options);
    const server = await instance.start();
    for (const scenario of chosen.slice(results.size)) {
      const result = await measure(instance, server, scenario, load, options, say).catch(
        (error: Error): Failure => ({ failed: `${error.message}\n${server.logs().slice(-logCharsShown)}`.trim() }),
      );
      results.set(scenario.name, result);
      say(`${scenario.name}: ${"failed" in result ? result.failed : headline(scenario, result)}`);
      if ("failed" in result) break;
      await delay(restMs);
    }
    // The profile of a process is written when it stops of itself.
    await (options.profileFolder ? server.stop() : server.kill9());
  }
  return results;
}

async function measure(
  instance: Instance,
  server: Server,
  scenario: Scenario,
  load: Load,
  options: RoundOptions,
  say: (line: string) => void,
): Promise<Sample> {
  const [name, ...args] = scenario.load(options);
  // Ends the count of what came before.
  await instance.stats(server);
  const before = { usage: usageOf(server.pid), busy: machineBusySeconds(), atMs: performance.now() };
  const report = await load(name!, server.address, args, say);
  const usage = usageOf(server.pid);
  const seconds = (performance.now() - before.atMs) / 1e3;
  const cpu = cpuBetween(before.usage, usage);
  const otherCpuSeconds = machineBusySeconds() - before.busy - cpu.seconds - numberAt(report, "clientCpuSeconds");
  return {
    report,
    serverCpuSeconds: cpu.seconds,
    serverThreads: cpu.threads,
    rssBytes: usage.rssBytes,
    otherCpuSeconds: Math.max(0, otherCpuSeconds),
    seconds,
    probe: await instance.stats(server),
  };
}

function headline({ metrics }: Scenario, sample: Sample): string {
  const first = metrics[0]!;
  return `${first.of(sample)?.toFixed(1) ?? "n/a"} ${first.name}${first.unit}`;
}
