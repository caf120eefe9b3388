/** `pawl` as a user runs it: a process with pipes, or one that believes to be in a terminal. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { repository } from "../rig/toolchain.ts";

export const main = join(repository, "packages/cli/src/main.ts");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of the machine's own configuration gets in. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PAWL|TEMPORAL)_|^(NO|FORCE)_COLOR$/.test(name));
  return { ...Object.fromEntries(kept), HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", ...more };
}

const endsWithinMs = 60_000;

export function runCommand(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  execFile(file, args, { env: environment(env), timeout: endsWithinMs }, (error, stdout, stderr) => {
    const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
    resolve({ code, stdout, stderr });
  });
  return promise;
}

/** Runs `pawl` with pipes. */
export function pawl(address: string, ...args: readonly string[]): Promise<Ran> {
  return runCommand(process.execPath, [main, ...args], { PAWL_ADDRESS: address });
}

/** Runs it and reads its JSON. Throws with what it printed when it fails. */
export async function pawlJson<T>(address: string, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await pawl(address, ...args, "-o", "json");
  if (code !== 0) throw new Error(`pawl ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** `pawl` beside one server, which may start later. `done` throws when it fails, and returns what it printed. */
export function commandsFor(server: () => { readonly address: string }) {
  return {
    run: (...args: readonly string[]): Promise<Ran> => pawl(server().address, ...args),
    // biome-ignore lint/suspicious/noExplicitAny: JSON of many messages
    json: (...args: readonly string[]): Promise<any> => pawlJson(server().address, ...args),
    async done(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await pawl(server().address, ...args);
      assert.equal(code, 0, `pawl ${args.join(" ")}: ${stderr}`);
      return stdout;
    },
  };
}

/** Whether the machine has `script`, which makes terminals. */
export const hasTerminals = spawnSync("script", ["--version"]).status === 0;

/** Runs `pawl` in a terminal of its own; stdout and stderr come as one text. */
export function pawlInTerminal(
  address: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const line = [process.execPath, main, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const inside = { TERM: "xterm-256color", PAWL_ADDRESS: address, ...env };
  return runCommand("script", ["--quiet", "--return", "--command", line, "/dev/null"], inside);
}
