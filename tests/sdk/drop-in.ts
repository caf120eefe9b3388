/**
 * The compat program of the official TypeScript SDK, moved to this one as its users would move theirs: by the names of the modules, and by nothing else.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, type Program, repository, run } from "../rig/toolchain.ts";

const official = join(repository, "tests/compat/typescript");
const moved = /(["'])@temporalio\/(workflow|activity|client|worker|common|nexus)\1/g;

/** They write messages of the API themselves, with nulls and the enums of the official package: not what moves by the names of modules. */
const rawFiles: ReadonlySet<string> = new Set(["controlling.ts"]);

export interface MovedProgram extends AsyncDisposable {
  readonly program: Program;
  /** Checks its types against this SDK. Throws with the compiler's errors. */
  check(): Promise<void>;
}

export async function movedProgram(): Promise<MovedProgram> {
  await mkdir(cacheFolder, { recursive: true });
  // Inside the repository, where the imports are found.
  const folder = await mkdtemp(join(cacheFolder, "drop-in-"));
  await cp(official, folder, { recursive: true, filter: (source) => !source.includes("node_modules") });
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith(".ts")) continue;
    const path = join(folder, name);
    const text = (await readFile(path, "utf8")).replaceAll(moved, "$1@pawl/sdk/$2$1");
    await writeFile(path, rawFiles.has(name) ? `// @ts-nocheck\n${text}` : text);
  }
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { lib: ["ESNext"] },
    include: ["**/*.ts"],
    exclude: [],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  return {
    program: { command: process.execPath, args: [join(folder, "main.ts")] },
    async check() {
      await run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder]);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
