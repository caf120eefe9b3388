/** Where a profiled server spent its time: the CPU profiles that V8 wrote, added up by folder of the sources and by function. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../rig/toolchain.ts";

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes, one per sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

const functionsShown = 40;

/** Prints one listing per profile in the folder, i.e. per thread of each profiled process. */
export function printProfile(folder: string, print: (line: string) => void): void {
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith(".cpuprofile"))
    .sort()) {
    const profile = JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile;
    print("");
    print(`Profile ${name}`);
    printThread(profile, print);
  }
}

function printThread({ nodes, samples, timeDeltas }: CpuProfile, print: (line: string) => void): void {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const components = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyUs = 0;
  let totalUs = 0;
  for (const [i, id] of samples.entries()) {
    const frame = byId.get(id)!;
    const us = timeDeltas[i] ?? 0;
    totalUs += us;
    if (frame.functionName === "(idle)") continue;
    busyUs += us;
    add(components, componentOf(frame), us);
    add(functions, `${frame.functionName || "(anonymous)"} ${place(frame)}`, us);
  }
  print(
    `  busy ${(busyUs / 1e6).toFixed(2)} s of ${(totalUs / 1e6).toFixed(2)} s; shares are self time, of the busy time`,
  );
  printShares(components, busyUs, 30, print);
  print("");
  printShares(functions, busyUs, functionsShown, print);
}

function printShares(
  shares: ReadonlyMap<string, number>,
  whole: number,
  most: number,
  print: (line: string) => void,
): void {
  const sorted = [...shares].sort(([, a], [, b]) => b - a).slice(0, most);
  for (const [name, us] of sorted) print(`  ${((us / whole) * 100).toFixed(1).padStart(5)} %  ${name}`);
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us);
}

/** `packages/server/src/shard`, `@grpc/grpc-js`, `node:http2`, or what V8 calls its own work, e.g. `(garbage collector)`. */
function componentOf({ functionName, url }: ProfileNode["callFrame"]): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "built in";
  if (url.startsWith("node:"))
    return url.split("/")[0] === "node:internal" ? url.split("/").slice(0, 2).join("/") : url;
  const path = relative(url);
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  return dependency ? dependency[1]! : path.slice(0, path.lastIndexOf("/"));
}

function place({ url, lineNumber }: ProfileNode["callFrame"]): string {
  return url === "" ? "" : `${relative(url)}:${lineNumber + 1}`;
}

const relative = (url: string) => url.replace("file://", "").replace(`${repository}/`, "");
