/** Sections and goals as text for a terminal. */
import { figures, type Goal, type Section } from "./comparison.ts";

/** Above this share of the machine, a sample says more about its neighbours than about the servers. */
const disturbanceMax = 0.1;

export function printTable(sections: readonly Section[], goals: readonly Goal[], print: (line: string) => void): void {
  for (const section of sections) {
    print("");
    print(`${section.scenario}: ${section.about}`);
    printSection(section, print);
  }
  print("");
  print("Goals");
  for (const { goal, met, measured } of goals) {
    print(`  ${met === null ? "–  " : met ? "met" : "NOT"}  ${goal.padEnd(44)} ${measured}`);
  }
}

function printSection(
  { rows, pawlThreads, disturbance, failed, against = "reference" }: Section,
  print: (line: string) => void,
): void {
  print(`  ${"".padEnd(28)}${"Pawl".padStart(14)}${against.padStart(14)}${"times better".padStart(15)}`);
  for (const { metric, unit, pawl, reference, timesBetter } of rows) {
    const times = timesBetter === null ? "" : `${figures(timesBetter)} ×`;
    print(
      `  ${metric.padEnd(28)}${cell(pawl, unit).padStart(14)}${cell(reference, unit).padStart(14)}${times.padStart(15)}`,
    );
  }
  const threads = Object.entries(pawlThreads).sort(([, a], [, b]) => b - a);
  if (threads.length > 0) {
    print(`  Pawl's threads, % of a core: ${threads.map(([name, share]) => `${name} ${share.toFixed(0)}`).join(", ")}`);
  }
  for (const [system, count] of Object.entries(failed))
    if (count > 0) print(`  ! failed ${count} × on ${system}, see above`);
  if (disturbance > disturbanceMax) {
    print(
      `  ! other work took up to ${(disturbance * 100).toFixed(0)} % of the machine meanwhile: run it again when it is quiet`,
    );
  }
}

function cell(value: number | null, unit: string): string {
  if (value === null) return "n/a";
  return unit === "" || unit === "/s" ? `${figures(value)}${unit}` : `${figures(value)} ${unit}`;
}
