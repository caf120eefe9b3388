/** What a run of the bench will do, part by part, and about how long each takes: on two quiet cores, so that nobody waits without knowing for what. */
import { closedLoads, closedScenario } from "./closed.ts";
import { idleScenarios } from "./idle.ts";
import { peerWorkloads } from "./peers.ts";
import { scenarios } from "./scenario.ts";
import { sdkScenarios } from "./sdk-comparison.ts";
import type { System } from "./system.ts";
import { timersScenario } from "./timers.ts";

export interface PlanOptions {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly systems: readonly System[];
  readonly peers: readonly string[];
  readonly openCount: number;
  readonly putInCount: number;
  readonly closedCount: number;
}

export interface PlannedPart {
  /** As `--only` has it. */
  readonly part: string;
  readonly seconds: number;
}

/** Of one scenario on one server: warm-up, window and what is left to drain. */
const windowSeconds = { full: 17, quick: 6 } as const;
/** What takes longer than that, by name. */
const longer: Readonly<Record<string, number>> = { "history-50000": 90, "children-500": 30, "fanout-1000": 25 };
const serverStartSeconds = 3;
/** Of one peer, with what it needs: a database, a server of its own. */
const peerStartSeconds = 8;
const startsPerSecond = { pawl: 800, reference: 35 } as const;
const referenceOpenCount = 1_000;
const timersCount = 100_000;
/** Rest, kill and restart. */
const idleEndSeconds = 45;
const filledPerSecond = 6_000;
const sdkSeconds = 60;

export function planOf({
  only,
  quick,
  rounds,
  systems,
  peers,
  openCount,
  putInCount,
  closedCount,
}: PlanOptions): PlannedPart[] {
  const window = windowSeconds[quick ? "quick" : "full"];
  const parts: PlannedPart[] = [];
  const add = (part: string, seconds: number) => {
    if (only.includes(part)) parts.push({ part, seconds: Math.ceil(seconds) });
  };
  for (const { name } of scenarios)
    add(name, rounds * systems.length * (quick ? window : (longer[name] ?? window)) + serverStartSeconds);
  const started = (system: System, count: number) => (quick ? count / 10 : count) / startsPerSecond[system];
  const counted = (ofPawl: number) => (system: System) =>
    started(system, system === "pawl" ? ofPawl : referenceOpenCount);
  const sum = (of: (system: System) => number) => systems.reduce((seconds, system) => seconds + of(system), 0);
  for (const { name } of idleScenarios)
    add(
      name,
      sum((system) => counted(openCount)(system) + idleEndSeconds) +
        (name === "open-idle" ? putInCount / filledPerSecond : 0),
    );
  add(
    timersScenario.name,
    sum((system) => counted(timersCount)(system) + 30),
  );
  for (const { name } of peerWorkloads)
    add(name, rounds * peers.length * (window + peerStartSeconds / peerWorkloads.length));
  add(
    closedScenario.name,
    closedCount / filledPerSecond + rounds * 2 * (closedLoads.length * window + serverStartSeconds),
  );
  for (const { name } of sdkScenarios) add(name, rounds * (quick ? sdkSeconds / 4 : sdkSeconds));
  return parts;
}

export function printPlan(parts: readonly PlannedPart[], print: (line: string) => void): void {
  const minutes = (seconds: number) => `${(seconds / 60).toFixed(1).padStart(6)} min`;
  for (const { part, seconds } of parts) print(`  ${part.padEnd(18)}${minutes(seconds)}`);
  print(`  ${"in all, about".padEnd(18)}${minutes(parts.reduce((sum, { seconds }) => sum + seconds, 0))}`);
}
