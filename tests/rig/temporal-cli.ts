/** The official `temporal` command line, as a user of a server runs it. */
import { preparePython } from "./python.ts";
import { run } from "./toolchain.ts";

/** Runs a command against a server, with `--output json`, and gives what it printed. Throws with its output when it fails. */
export async function temporal<T>(address: string, ...args: readonly string[]): Promise<T> {
  return JSON.parse(await temporalText(address, ...args, "--output", "json")) as T;
}

/** The same in the form for people. */
export async function temporalText(address: string, ...args: readonly string[]): Promise<string> {
  const python = await preparePython();
  if ("skipped" in python) throw new Error(`no command line: ${python.skipped}`);
  return run(python.tool.temporal, [...args, "--address", address]);
}
