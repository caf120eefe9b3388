/** Who may import whom: the arrows between folders, the doors of packages, and the libraries that stand behind one of our own interfaces. */
import { posix } from "node:path";
import { type CodeFile, type Finding, isCode, isGenerated, type Repository, type Rule, unitOf } from "./repository.ts";
import { lineAt, type Reference } from "./source-text.ts";

/**
 * Arrows point down only. An entry covers the folders below it; `types:` allows type imports alone; a unit may always import itself.
 * `server/root` is what lies beside main.ts: the clock, the limits, the configuration, which everything in the server may use.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  engine: ["protocol"],
  store: ["protocol"],
  "server/root": ["protocol"],
  "server/matching": ["server/root", "store", "protocol"],
  "server/shard": ["server/root", "engine", "store", "protocol"],
  "server/frontend": ["server/root", "server/shard", "server/matching", "engine", "store", "protocol"],
  "server/nexus": ["server/root", "server/frontend", "server/shard", "engine", "store", "protocol"],
  "server/doctor": ["server/root", "server/shard", "engine", "store", "protocol"],
  "server/transfer": ["server/root", "server/shard", "server/frontend", "engine", "store", "protocol"],
  "server/rpc": ["server/root", "server/frontend", "protocol"],
  "server/access": ["server/root", "server/rpc", "server/frontend", "store", "protocol"],
  "server/cluster": [
    ...["server/root", "server/rpc", "server/frontend", "server/matching", "server/shard"],
    ...["engine", "store", "protocol"],
  ],
  "server/http": ["server/root", "server/access", "server/rpc", "server/frontend", "server/nexus", "protocol"],
  "server/main": ["server", "engine", "store", "protocol"],
  "sdk/value": ["protocol"],
  "sdk/workflow": ["sdk/value"],
  "sdk/activity": ["sdk/value", "types:sdk/client", "protocol"],
  "sdk/codec": ["sdk/value", "protocol"],
  "sdk/transport": ["protocol"],
  "sdk/telemetry": ["sdk/value", "sdk/transport"],
  "sdk/client": ["sdk/value", "sdk/codec", "sdk/connection", "sdk/transport", "protocol"],
  "sdk/connection": ["sdk/value", "sdk/telemetry", "sdk/transport", "protocol"],
  "sdk/nexus": ["sdk/value", "sdk/client", "protocol"],
  "sdk/opentelemetry": [...["sdk/value", "sdk/client", "sdk/worker", "sdk/workflow", "sdk/activity"]],
  "sdk/envconfig": ["sdk/value", "sdk/connection", "sdk/transport"],
  "sdk/proto": ["protocol"],
  "sdk/replay": ["sdk/value", "protocol"],
  "sdk/worker": [
    ...[
      "sdk/replay",
      "sdk/activity",
      "sdk/nexus",
      "sdk/client",
      "sdk/connection",
      "sdk/transport",
      "sdk/codec",
      "sdk/telemetry",
      "sdk/value",
    ],
    ...["types:sdk/workflow", "protocol"],
  ],
  testing: ["sdk", "server", "protocol"],
  cli: ["sdk", "server", "ui"],
  ui: [],
  tests: ["protocol", "engine", "store", "server", "sdk", "testing", "cli", "ui", "tools", "examples"],
  examples: ["sdk", "testing", "cli"],
  tools: ["protocol", "engine", "store", "server", "sdk", "testing", "cli", "ui"],
};

/** Folders that must run without Node, and the modules that may not be named there. */
export const nodeFree: Readonly<Record<string, { readonly modules: RegExp; readonly instead: string }>> = {
  engine: {
    modules: /^node:/,
    instead: "the engine is pure: pass what it needs in the command, return the rest as effects",
  },
  protocol: {
    modules:
      /^node:(child_process|cluster|dgram|dns|fs|http2?|https|inspector|net|os|process|readline|repl|sqlite|timers|tls|tty|vm|worker_threads)\b/,
    instead: "what is said on the wire needs no I/O: take bytes as arguments",
  },
  "sdk/value": { modules: /^node:/, instead: "both sides of the sandbox load this: write it in plain JavaScript" },
  "sdk/workflow": {
    modules: /^node:/,
    instead: "workflow code has no Node: ask the runtime through an activator call",
  },
  "sdk/replay": { modules: /^node:/, instead: "the replay core has no I/O: take history and commands as arguments" },
};

/** Libraries that stand behind one of our own interfaces, and the files behind it. */
export const libraryHomes: readonly { readonly library: RegExp; readonly home: RegExp; readonly instead: string }[] = [
  {
    library: /^node:sqlite$/,
    home: /^packages\/store\/src\/sqlite\//,
    instead: "go through Store; only sqlite/ knows this driver",
  },
  {
    library: /^pg(-[a-z]+)?$/,
    home: /^packages\/store\/src\/postgres\//,
    instead: "go through Store; only postgres/ knows this driver",
  },
  { library: /^node:timers/, home: /^packages\/server\/src\/clock|^(?!packages\/server\/)/, instead: "take a Clock" },
];

/** Tests start the server as its user does, by this file and no other. */
const processEntries = new Set(["packages/cli/src/main.ts"]);

export function importFindings(file: CodeFile, repository: Repository): Finding[] {
  const found = file.unit === "tests" || file.unit === "examples" ? deepPathFindings(file) : [];
  return found.concat(
    file.references.flatMap((reference) => {
      const at = (rule: Rule, message: string): Finding => ({ path: file.path, line: reference.line, rule, message });
      if (reference.specifier.startsWith(".")) return relativeFindings(file, reference, repository, at);
      if (reference.kind === "file") return [];
      return packageFindings(file, reference, repository, at);
    }),
  );
}

/** A path to a source file, written as a plain string to start it, reaches past a door as an import does. */
function deepPathFindings({ path, text }: CodeFile): Finding[] {
  const named = [...text.matchAll(/\bpackages\/[\w-]+\/src\/[\w./-]+\.ts\b/g)].filter(
    ([target]) => !processEntries.has(target),
  );
  return named.map((match) => ({
    path,
    line: lineAt(text, match.index),
    rule: "doors",
    message: `"${match[0]}" is no door; start ${[...processEntries].join(" or ")}, or import the package by its name`,
  }));
}

type At = (rule: Rule, message: string) => Finding;

function relativeFindings(file: CodeFile, { specifier, kind }: Reference, { paths }: Repository, at: At): Finding[] {
  const target = posix.join(posix.dirname(file.path), specifier);
  const folder = (path: string) =>
    path.startsWith("packages/") ? path.split("/", 2).join("/") : path.split("/", 1).join();
  if (folder(target) !== folder(file.path) && target.startsWith("packages/")) {
    if (file.unit === "tools" || (kind === "file" && processEntries.has(target))) return [];
    return [
      at(
        "doors",
        `"${specifier}" reaches into ${folder(target)}; import the package by its name, through a door of its package.json#exports`,
      ),
    ];
  }
  if (kind === "file" && !isCode(target)) return [];
  if (kind === "file") return arrowFindings(file, unitOf(target), kind, specifier, at);
  const plainJs = /\.(cjs|mjs|js|json)$/.test(specifier) && (isGenerated(target) || paths.has(target));
  if (!specifier.endsWith(".ts") && !specifier.endsWith(".tsx") && !plainJs)
    return [at("suffix", `"${specifier}" must name its file: write "${specifier.replace(/\.js$/, "")}.ts"`)];
  return arrowFindings(file, unitOf(target), kind, specifier, at);
}

function packageFindings(file: CodeFile, { specifier, kind }: Reference, repository: Repository, at: At): Finding[] {
  const found: Finding[] = [];
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  const ours = repository.packages.get(name);
  if (!file.isTest) {
    const free = nodeFree[file.unit];
    if (free?.modules.test(specifier)) found.push(at("node-free", `"${specifier}" in ${file.unit}; ${free.instead}`));
    const home = kind === "typeImport" ? undefined : libraryHomes.find(({ library }) => library.test(specifier));
    if (home && !home.home.test(file.path))
      found.push(at("driver", `"${specifier}" outside its place; ${home.instead}`));
  }
  if (ours) {
    const door = ours.doors.get(`.${specifier.slice(name.length)}`);
    if (door === undefined)
      found.push(
        at("doors", `"${specifier}" is no door of ${name}; import one of ${[...ours.doors.keys()].join(", ")}`),
      );
    else found.push(...arrowFindings(file, unitOf(door), kind, specifier, at));
  }
  if (!specifier.startsWith("node:") && !isDeclared(name, file, repository)) {
    const manifest = `${nearestManifest(file.path, repository)}/package.json`.replace(/^\//, "");
    found.push(at("declared", `"${name}" is not declared; add it to the dependencies of ${manifest}`));
  }
  return found;
}

/** By the nearest package.json; outside packages/, and for tests inside, the root's counts too, and our own packages are always at hand. */
function isDeclared(name: string, file: CodeFile, repository: Repository): boolean {
  const nearest = nearestManifest(file.path, repository);
  if (repository.declared.get(nearest)?.has(name)) return true;
  const inPackage = file.path.startsWith("packages/");
  if (inPackage && !file.isTest) return false;
  return repository.declared.get("")?.has(name) === true || (!inPackage && repository.packages.has(name));
}

/** The folder of the package.json that Node would find for this file; "" is the root. */
function nearestManifest(path: string, { declared }: Repository): string {
  let folder = posix.dirname(path);
  while (folder !== "." && !declared.has(folder)) folder = posix.dirname(folder);
  return folder === "." ? "" : folder;
}

function arrowFindings(file: CodeFile, target: string, kind: Reference["kind"], specifier: string, at: At): Finding[] {
  const covers = (allowed: string) => target === allowed || target.startsWith(`${allowed}/`);
  if (covers(file.unit)) return [];
  const samePackage = target.split("/", 1)[0] === file.unit.split("/", 1)[0];
  if (file.isTest && samePackage) return [];
  const allowed = mayImport[file.unit] ?? [];
  if (allowed.some((entry) => covers(entry) || (kind === "typeImport" && covers(entry.replace(/^types:/, "")))))
    return [];
  const instead = allowed.length === 0 ? "it may import nothing of ours" : `it may import ${allowed.join(", ")}`;
  return [
    at(
      "arrows",
      `${file.unit} must not import ${target} ("${specifier}"); ${instead}, or take a function as an argument`,
    ),
  ];
}

/** Every package lists its doors, and each opens on a file. */
export function doorFindings({ packages, paths }: Repository): Finding[] {
  return [...packages].flatMap(([name, { path, doors, folder }]) => {
    const at = (message: string): Finding => ({ path, line: 1, rule: "doors", message });
    if (doors.size === 0) return [at(`${name} has no door; list its public modules under "exports"`)];
    const hasSources = [...paths].some((file) => file.startsWith(`${folder}/src/`));
    if (!hasSources) return [];
    return [...doors]
      .filter(([, file]) => !paths.has(file) && !isGenerated(file))
      .map(([door, file]) => at(`the door "${door}" opens on ${file}, which is not there`));
  });
}
