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
  /** Ids of the functions that it called. */
  readonly children?: readonly number[];
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

const functionsShown = 40;
const componentsShown = 30;

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
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const components = new Map<string, number>();
  const functions = new Map<string, number>();
  const charged = new Map<string, number>();
  let busyUs = 0;
  let totalUs = 0;
  for (const [i, id] of samples.entries()) {
    const frame = byId.get(id)!.callFrame;
    const us = timeDeltas[i] ?? 0;
    totalUs += us;
    if (frame.functionName === "(idle)") continue;
    busyUs += us;
    add(components, componentOf(frame), us);
    add(functions, nameOf(frame), us);
    let own: number | undefined = id;
    while (own !== undefined && !isOurs(byId.get(own)!.callFrame)) own = callers.get(own);
    add(charged, own === undefined ? componentOf(frame) : nameOf(byId.get(own)!.callFrame), us);
  }
  print(`  busy ${(busyUs / 1e6).toFixed(2)} s of ${(totalUs / 1e6).toFixed(2)} s`);
  const list = (title: string, shares: ReadonlyMap<string, number>, most: number) => {
    print(`  ${title}, share of the busy time`);
    printShares(shares, busyUs, most, print);
  };
  list("Self time by component", components, componentsShown);
  list("Self time by function", functions, functionsShown);
  list("By function of ours, with what the runtime and libraries did for it", charged, functionsShown);
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

function nameOf({ functionName, url, lineNumber }: ProfileNode["callFrame"]): string {
  return `${functionName || "(anonymous)"}${url === "" ? "" : ` ${relative(url)}:${lineNumber + 1}`}`;
}

function isOurs({ url }: ProfileNode["callFrame"]): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

const relative = (url: string) => url.replace("file://", "").replace(`${repository}/`, "");
