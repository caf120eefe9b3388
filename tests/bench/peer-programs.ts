/** The programs in `peers/`, with what they need from the registries, in a folder below `.cache/`: nothing of it is a dependency of the repository. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { endWithThisProcess } from "../rig/server.ts";
import { prepare, repository, run } from "../rig/toolchain.ts";
import type { Load, LoopReport } from "./peers/closed-loop.ts";

export interface PeerPrograms {
  readonly restateServer: string;
  /** Files of the programs. */
  readonly restate: string;
  readonly dbos: string;
}

const source = join(import.meta.dirname, "peers");

/** Throws when a package cannot be installed or a program does not fit its types. */
export async function preparePeers(): Promise<PeerPrograms> {
  const prepared = await prepare({
    name: "bench-peers",
    pins: [source],
    fingerprint: async () => `${process.platform}-${process.arch}`,
    async prepare(folder) {
      await cp(source, folder, { recursive: true });
      // No scripts: one of the packages would tell its maker about this machine.
      await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
      await run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder]);
    },
    use: (folder) => {
      const { platform, arch } = process;
      const server = `@restatedev/restate-server-${platform}-${arch}`;
      return {
        restateServer: join(folder, "node_modules", server, "bin/restate-server"),
        restate: join(folder, "restate.ts"),
        dbos: join(folder, "dbos.ts"),
      };
    },
  });
  if ("skipped" in prepared) throw new Error(prepared.skipped);
  return prepared.tool;
}

/** What takes longer hangs. */
const runLimitMs = 300_000;

/** Runs a program to its end. Throws with what it said when it fails. */
export async function runProgram(file: string, load: Load): Promise<LoopReport> {
  const child = spawn(process.execPath, [file, JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: runLimitMs,
    killSignal: "SIGKILL",
  });
  endWithThisProcess(child);
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const [code, signal] = await once(child, "close");
  const said = Buffer.concat(output).toString().trim();
  if (code !== 0) throw new Error(`${file} ended with ${signal ?? code}: ${Buffer.concat(errors)}${said}`);
  return JSON.parse(said.slice(said.lastIndexOf("\n") + 1)) as LoopReport;
}
