/** Which test files there are, in which order they run, and for how long each may. */
import { globSync } from "node:fs";

export interface TestFile {
  readonly path: string;
  /** Files that start processes run one at a time, each after all that do not. */
  readonly startsProcesses: boolean;
  /** A file that takes longer is killed and has failed. */
  readonly limitMs: number;
}

const unitLimitMs = 180_000;
/** The first run on a machine also fetches and builds what the compat programs need of each language. */
const processLimitMs = 1_800_000;

/** What starts no process comes first, since it tells soonest what is wrong; what takes longest comes last. A folder not named here comes before compat. */
const order = [
  "tools/",
  "packages/",
  "tests/stories/",
  "tests/simulation/",
  "tests/",
  "tests/compat/",
  "tests/torture/",
];

export function testFiles(root: string): TestFile[] {
  const found = globSync(["packages/**/*.test.ts", "tools/**/*.test.ts", "tests/**/*.test.ts"], {
    cwd: root,
    exclude: (path) => /(^|[\\/])(node_modules|dist|\.cache)$/.test(path),
  });
  return inOrder(found.map((path) => path.replaceAll("\\", "/")));
}

export function inOrder(paths: readonly string[]): TestFile[] {
  return paths
    .map((path) => ({ path, stage: stageOf(path) }))
    .sort((a, b) => a.stage - b.stage || (a.path < b.path ? -1 : 1))
    .map(({ path }) => {
      const startsProcesses = path.startsWith("tests/");
      return { path, startsProcesses, limitMs: startsProcesses ? processLimitMs : unitLimitMs };
    });
}

function stageOf(path: string): number {
  const [longest] = order.filter((folder) => path.startsWith(folder)).sort((a, b) => b.length - a.length);
  return order.indexOf(longest ?? "tests/");
}

/** The files whose path contains one of `wanted`; all of them when nothing is wanted. */
export function selected(files: readonly TestFile[], wanted: readonly string[]): TestFile[] {
  return files.filter(
    ({ path }) => wanted.length === 0 || wanted.some((part) => path.includes(part.replace(/^\.\//, ""))),
  );
}
