/** Runs attacks from a process of their own, so that they do not slow down those who watch. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Attacked } from "./attacker.ts";

const program = fileURLToPath(new URL("./attacker.ts", import.meta.url));

export interface Force {
  /** Of each attack. */
  readonly connections: number;
  readonly seconds: number;
}

/** By the name of the attack. Throws when the process fails. */
export async function attack(
  address: string,
  names: readonly string[],
  { connections, seconds }: Force,
): Promise<Readonly<Record<string, Attacked>>> {
  const args = [program, address, names.join(","), String(connections), String(seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Record<string, Attacked>;
}
