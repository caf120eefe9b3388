/**
 * `npm run bench:charts -- FILE [FOLDER]`: pictures of what a run of the bench has kept (`.cache/bench/*.json`), as SVG; into `docs/charts` unless it is
 * said. The file goes there too, so that each picture can be made again.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { repository } from "../rig/toolchain.ts";
import { type Bar, barChart } from "./bar-chart.ts";
import type { BenchDocument } from "./bench.ts";
import type { Section } from "./comparison.ts";
import type { PeerSample, PeerSection } from "./peers.ts";

export interface Chart {
  /** Of the file, without its end. */
  readonly name: string;
  readonly svg: string;
}

const measures = [
  { name: "rate", title: "workflows per second", of: (sample: PeerSample) => sample.workflowsPerSecond },
  { name: "latency", title: "p50 of one workflow, ms", of: (sample: PeerSample) => sample.p50Ms },
  { name: "cpu", title: "CPU of all processes per workflow, ms", of: (sample: PeerSample) => sample.cpuMsPerWorkflow },
] as const;

export function chartsOf({ machine, at, quick, rounds, peers, sections }: BenchDocument): Chart[] {
  const under = [
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGb} GB, ${machine.platform}`,
    `${at.slice(0, 10)}, ${quick ? "a short look, " : ""}${rounds} ${rounds === 1 ? "round" : "rounds"}; a synced write takes ${machine.syncP50Ms} ms; load average ${machine.loadAverage} before`,
  ];
  const ofPeers = measures.flatMap(({ name, title, of }) => {
    const groups = peers.map((section) => ({ name: section.about, bars: barsOf(section, of) }));
    if (groups.length === 0) return [];
    return [{ name: `peers-${name}`, svg: barChart({ title, under, groups }) }];
  });
  const bars = sections.flatMap(timesBetterOf);
  if (bars.length === 0) return ofPeers;
  const groups = [{ name: "Pawl's rate or time, on a SQLite file each", bars }];
  return [
    ...ofPeers,
    { name: "reference", svg: barChart({ title: "times better than the reference", under, groups }) },
  ];
}

/** By the first number of a scenario, which is what it measures. */
function timesBetterOf({ scenario, rows, against }: Section): Bar[] {
  const first = rows.find(({ timesBetter }) => timesBetter !== null);
  return against === undefined && first ? [{ name: scenario, value: first.timesBetter!, isOurs: true }] : [];
}

function barsOf({ rows }: PeerSection, of: (sample: PeerSample) => number): Bar[] {
  return rows.flatMap(({ system, median }) =>
    median ? [{ name: system, value: of(median), isOurs: system.startsWith("pawl") }] : [],
  );
}

const chartsFolder = join(repository, "docs/charts");

function main([file, folder = chartsFolder]: readonly string[]): void {
  if (!file) throw new Error("usage: npm run bench:charts -- FILE [FOLDER]");
  const text = readFileSync(file, "utf8");
  mkdirSync(folder, { recursive: true });
  for (const { name, svg } of chartsOf(JSON.parse(text) as BenchDocument)) {
    writeFileSync(join(folder, `${name}.svg`), svg);
    console.log(join(folder, `${name}.svg`));
  }
  writeFileSync(join(folder, "bench.json"), text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main(process.argv.slice(2));
