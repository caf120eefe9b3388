/**
 * The official TypeScript SDK, installed from a lock file of its own into the folder of its programs: it brings native code that the repository
 * itself does without.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Prepared, type Program, prepare, repository, run } from "./toolchain.ts";

const compat = join(repository, "tests/compat/typescript");
const installed = join(compat, "node_modules");

export interface NodeTool {
  /** The compat program of this language. */
  readonly scenarios: Program;
  /** Checks the program's types against the official packages. Throws with the compiler's errors. */
  check(): Promise<void>;
}

export function prepareNode(): Promise<Prepared<NodeTool>> {
  return prepare({
    name: "typescript",
    pins: [join(compat, "package.json"), join(compat, "package-lock.json")],
    fingerprint: async () => process.version,
    isWhole: () => existsSync(installed),
    async prepare() {
      await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: compat });
    },
    use: () => ({
      scenarios: { command: process.execPath, args: [join(compat, "main.ts")] },
      async check() {
        const compiler = join(repository, "node_modules/typescript/bin/tsc");
        await run(process.execPath, [compiler, "-p", join(compat, "tsconfig.json")]);
      },
    }),
  });
}
