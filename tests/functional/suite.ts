/** One of the functional tests, run in a process of its own: one that panics ends no other. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { endWithThisProcess } from "../rig/server.ts";
import { run } from "../rig/toolchain.ts";
import type { FunctionalTests } from "./build.ts";

export interface Server {
  /** host:port */
  readonly grpc: string;
  readonly http: string;
}

export type Outcome = "passed" | "failed" | "skipped";

export interface SuiteResult {
  /** By the whole name; only of tests without parts. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly output: string;
}

/** Together, within one suite. */
const parallel = 6;

export async function suiteNames({ program, folder }: FunctionalTests): Promise<string[]> {
  return (await run(program, ["-test.list", "."], { cwd: folder })).split("\n");
}

/** `name` is a suite, or a part of one with slashes. What had not ended within `limitSeconds` counts as failed. */
export async function runSuite(
  { program, folder }: FunctionalTests,
  server: Server,
  { name, limitSeconds }: { name: string; limitSeconds: number },
): Promise<SuiteResult> {
  const pattern = name
    .split("/")
    .map((part) => `^${part.replace(/[^\w]/g, "\\$&")}$`)
    .join("/");
  const args = ["-test.v", `-test.run=${pattern}`, `-test.parallel=${parallel}`, `-test.timeout=${limitSeconds}s`];
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PAWL_FUNCTIONAL_GRPC: server.grpc, PAWL_FUNCTIONAL_HTTP: server.http },
  });
  endWithThisProcess(child);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  const output = Buffer.concat(chunks).toString();
  return { outcomes: outcomesOf(output), output };
}

const words: Readonly<Record<string, Outcome>> = { PASS: "passed", FAIL: "failed", SKIP: "skipped" };

/** What Go's test runner says of each test. One that began and of which it says nothing was running when the program ended. */
export function outcomesOf(output: string): Map<string, Outcome> {
  const all = new Map<string, Outcome>();
  for (const [, name] of output.matchAll(/^=== RUN\s+(\S+)$/gm)) all.set(name!, "failed");
  for (const [, word, name] of output.matchAll(/^\s*--- (PASS|FAIL|SKIP): (\S+) \(/gm)) all.set(name!, words[word!]!);
  return new Map([...all].filter(([name, outcome]) => !hasSuchPart(all, name, outcome)));
}

/** A test with parts stands for itself only when it failed and none of its parts did. */
function hasSuchPart(all: ReadonlyMap<string, Outcome>, name: string, outcome: Outcome): boolean {
  const parts = [...all].filter(([other]) => other.startsWith(`${name}/`));
  return outcome === "failed" ? parts.some(([, part]) => part === "failed") : parts.length > 0;
}
