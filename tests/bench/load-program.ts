/** The Go program in `go/` that puts load on a server: built once below `.cache/`, run once per scenario, one JSON line as its result. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endWithThisProcess } from "../rig/server.ts";
import { prepare, run } from "../rig/toolchain.ts";

const source = join(import.meta.dirname, "go");

/** Runs one scenario to its end. Throws when the program fails. */
export type Load = (
  scenario: string,
  address: string,
  args: readonly string[],
  say: (line: string) => void,
) => Promise<Report>;

/** Numbers, and records of numbers: each scenario prints its own set (see the structs in `go/`). */
export type Report = Readonly<Record<string, unknown>>;

/** Throws when this machine has no Go, or when the program does not build. */
export async function prepareLoad(): Promise<Load> {
  const prepared = await prepare({
    name: "bench-go",
    pins: [source],
    fingerprint: () => run("go", ["version"]),
    prepare: async (folder) => void (await run("go", ["build", "-o", join(folder, "bench"), "."], { cwd: source })),
    use: (folder) => join(folder, "bench"),
  });
  if ("skipped" in prepared) throw new Error(`the bench loads its servers with the Go SDK: ${prepared.skipped}`);
  return (scenario, address, args, say) => runLoad(prepared.tool, [scenario, "--address", address, ...args], say);
}

/** A load that takes longer has failed: a server hangs, and whoever waits for the bench should hear of it. */
const limitMs = 900_000;
/** For each thing of a `--count`: a slow server starts a few hundred workflows a second. */
const limitMsPerCount = 5;

async function runLoad(program: string, args: readonly string[], say: (line: string) => void): Promise<Report> {
  const count = Number(args[args.indexOf("--count") + 1]);
  const timeout = limitMs + (args.includes("--count") ? count * limitMsPerCount : 0);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], timeout, killSignal: "SIGKILL" });
  endWithThisProcess(child);
  createInterface(child.stderr).on("line", say);
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const [code, signal] = await once(child, "close");
  if (code !== 0) throw new Error(`the load ended with ${signal ?? code}: bench ${args.join(" ")}`);
  return JSON.parse(Buffer.concat(output).toString()) as Report;
}
