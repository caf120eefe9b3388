/** What the tidy rules see of the repository: its sources, the modules each one names, and the doors of its packages. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { type Reference, readText, referencesIn } from "./source-text.ts";

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export type Rule =
  | "arrows"
  | "circles"
  | "clock"
  | "declared"
  | "docstrings"
  | "documents"
  | "doors"
  | "driver"
  | "length"
  | "machine-path"
  | "named-exports"
  | "names"
  | "node-free"
  | "pure-engine"
  | "pure-replay"
  | "random"
  | "registry-host"
  | "suffix"
  | "unfinished"
  | "whole-suite";

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: Rule;
  /** What stands there, and what to write instead. */
  readonly message: string;
}

export interface CodeFile extends Source {
  /** The text without comments and strings. */
  readonly code: string;
  readonly comments: string;
  readonly references: readonly Reference[];
  readonly unit: string;
  /** A test, or a file that only tests import: these may wait, read the clock and use what they like of their own package. */
  readonly isTest: boolean;
}

export interface Package {
  readonly folder: string;
  readonly path: string;
  /** Specifier suffix (`.`, `./workflow`) to the file behind that door, from the root of the repository. */
  readonly doors: ReadonlyMap<string, string>;
}

export interface Repository {
  readonly paths: ReadonlySet<string>;
  readonly code: readonly CodeFile[];
  readonly packages: ReadonlyMap<string, Package>;
  /** What each package.json declares, by its folder; the root's is "". */
  readonly declared: ReadonlyMap<string, ReadonlySet<string>>;
}

export function readRepository(sources: readonly Source[]): Repository {
  const files = sources
    .filter(({ path }) => isCode(path) && !isGenerated(path))
    .map(({ path, text }): CodeFile => {
      const { code, comments } = readText(text);
      const isTest = /\.test\.tsx?$/.test(path) || path.startsWith("tests/");
      return { path, text, code, comments, references: referencesIn(text, code), unit: unitOf(path), isTest };
    });
  const packages = new Map<string, Package>();
  const declared = new Map<string, ReadonlySet<string>>();
  for (const { path, text } of sources) {
    if (posix.basename(path) !== "package.json") continue;
    declared.set(posix.dirname(path).replace(/^\.$/, ""), dependenciesOf(JSON.parse(text)));
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) continue;
    const manifest = JSON.parse(text) as Manifest & { name: string };
    const folder = posix.dirname(path);
    const doors = Object.entries(manifest.exports ?? {}).map(
      ([door, file]) => [door, posix.join(folder, file)] as const,
    );
    packages.set(manifest.name, { folder, path, doors: new Map(doors) });
  }
  const doors = new Set([...packages.values()].flatMap((each) => [...each.doors.values()]));
  const testOnly = testOnlyPaths(files, doors);
  const code = files.map((file) => ({ ...file, isTest: testOnly.has(file.path) }));
  return { paths: new Set(sources.map(({ path }) => path)), code, packages, declared };
}

/** Tests, and whatever is imported by tests and nothing else. */
function testOnlyPaths(files: readonly CodeFile[], doors: ReadonlySet<string>): Set<string> {
  const importers = new Map<string, string[]>();
  for (const { path, references } of files)
    for (const { specifier } of references) {
      if (!specifier.startsWith(".")) continue;
      const target = posix.join(posix.dirname(path), specifier);
      importers.set(target, [...(importers.get(target) ?? []), path]);
    }
  const found = new Set(files.filter(({ isTest }) => isTest).map(({ path }) => path));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [path, by] of importers)
      if (!doors.has(path) && by.every((importer) => found.has(importer))) found.add(path);
  }
  return found;
}

interface Manifest {
  readonly exports?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

/** A package may import itself by its name. */
function dependenciesOf(manifest: Manifest & { readonly name?: string }): Set<string> {
  return new Set(
    Object.keys({
      [manifest.name ?? ""]: "",
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.peerDependencies,
    }),
  );
}

export function isCode(path: string): boolean {
  return /\.([cm]?js|tsx?)$/.test(path);
}

export function isGenerated(path: string): boolean {
  return path.includes("/gen/");
}

/** The first prefix that fits names the unit; anything else is named by its first folder, or its second under packages/. */
const units: readonly (readonly [prefix: string, unit: string])[] = [
  ["packages/server/src/main", "server/main"],
  ["packages/server/src/listeners", "server/main"],
  ["packages/server/src/index.ts", "server/main"],
  ["packages/server/src/doctor/", "server/doctor"],
  ["packages/server/src/transfer/", "server/transfer"],
  ["packages/server/src/nexus/", "server/nexus"],
  ["packages/server/src/access/", "server/access"],
  ["packages/server/src/cluster/", "server/cluster"],
  ["packages/server/src/rpc/", "server/rpc"],
  ["packages/server/src/http/", "server/http"],
  ["packages/server/src/frontend/", "server/frontend"],
  ["packages/server/src/shard/", "server/shard"],
  ["packages/server/src/matching/", "server/matching"],
  ["packages/server/src/", "server/root"],
  ["packages/sdk/src/value/", "sdk/value"],
  ["packages/sdk/src/workflow/", "sdk/workflow"],
  ["packages/sdk/src/activity/", "sdk/activity"],
  ["packages/sdk/src/nexus/", "sdk/nexus"],
  ["packages/sdk/src/connection/", "sdk/connection"],
  ["packages/sdk/src/transport/", "sdk/transport"],
  ["packages/sdk/src/client/", "sdk/client"],
  ["packages/sdk/src/codec/", "sdk/codec"],
  ["packages/sdk/src/telemetry/", "sdk/telemetry"],
  ["packages/sdk/src/envconfig/", "sdk/envconfig"],
  ["packages/sdk/src/opentelemetry/", "sdk/opentelemetry"],
  ["packages/sdk/src/proto/", "sdk/proto"],
  ["packages/sdk/src/replay/", "sdk/replay"],
  ["packages/sdk/src/worker/", "sdk/worker"],
];

export function unitOf(path: string): string {
  const found = units.find(([prefix]) => path.startsWith(prefix));
  if (found) return found[1];
  const [first = "", second = ""] = path.split("/");
  return first === "packages" ? second : first;
}

/** Every text file that git tracks or would track. Throws when this is no git checkout. */
export function sourcesOfCheckout(): Source[] {
  const root = fileURLToPath(new URL("..", import.meta.url));
  // A checkout owned by another user, as a build machine may have it, is still ours to read.
  const git = ["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", git, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "" && existsSync(posix.join(root, path)));
  return paths
    .map((path) => ({ path, text: readFileSync(posix.join(root, path), "utf8") }))
    .filter(({ text }) => !text.includes("\0"));
}
