/** The official Go SDK, pinned by `go.sum`, built into one program. */
import { join } from "node:path";
import { LanguageMissing, type Prepared, type Program, prepare, repository, run } from "./toolchain.ts";

export interface GoTool {
  /** The compat program of this language. */
  readonly scenarios: Program;
}

export function prepareGo(): Promise<Prepared<GoTool>> {
  const sources = join(repository, "tests/compat/go");
  return prepare({
    name: "go",
    pins: [sources],
    fingerprint: goVersion,
    async prepare(folder) {
      await run("go", ["build", "-buildvcs=false", "-o", program(folder), "."], { cwd: sources });
    },
    use: (folder) => ({ scenarios: { command: program(folder), args: [] } }),
  });
}

function program(folder: string): string {
  return join(folder, process.platform === "win32" ? "compat.exe" : "compat");
}

async function goVersion(): Promise<string> {
  const version = await run("go", ["version"]);
  // Since 1.21 the command gets the version that go.mod asks for by itself.
  const minor = Number(/go1\.(\d+)/.exec(version)?.[1] ?? 0);
  if (minor < 21) throw new LanguageMissing(`the Go SDK needs Go 1.21, and this is "${version}"`);
  return version;
}
