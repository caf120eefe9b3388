/** The commands and flags of the official `temporal` command line: as they were recorded, and as an installed one says they are. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";

/** Long names of the flags of each command that does something, by its path. Under "options" are those that all understand. */
export type Commands = Readonly<Record<string, readonly string[]>>;

const file = new URL("./official-commands.json", import.meta.url);

export interface Recorded {
  /** What `temporal --version` printed. */
  readonly version: string;
  readonly commands: Commands;
}

export function recorded(): Recorded {
  return JSON.parse(readFileSync(file, "utf8")) as Recorded;
}

export function record(recorded: Recorded): void {
  writeFileSync(file, `${JSON.stringify(recorded, undefined, 1)}\n`);
}

export async function askedVersion(program: string): Promise<string> {
  return (await promisify(execFile)(program, ["--version"])).stdout.trim();
}

/** Asks each command for its help. */
export async function askedCommands(program: string): Promise<Commands> {
  const found: Record<string, readonly string[]> = {};
  const walk = async (path: readonly string[]): Promise<void> => {
    const { stdout } = await promisify(execFile)(program, [...path, "--help"]);
    const below = section(stdout, "Available Commands").flatMap((line) => /^ {2}([\w-]+)/.exec(line)?.[1] ?? []);
    const members = below.filter((name) => name !== "help" && name !== "completion");
    const flags = section(stdout, "Flags").flatMap((line) => /^ {2}(?:-\w, | {4})--([\w-]+)/.exec(line)?.[1] ?? []);
    if (members.length === 0 || path.join(" ") === "workflow reset")
      found[path.join(" ")] = flags.filter((name) => name !== "help").sort();
    // The nouns at once, and what is below each of them one by one.
    if (path.length === 0) await Promise.all(members.map((name) => walk([name])));
    else for (const name of members) await walk([...path, name]);
  };
  await walk([]);
  const { stdout } = await promisify(execFile)(program, ["options"]);
  found["options"] = [...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, name = ""]) => name).sort();
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The lines below a heading of a help text, up to the next heading. */
function section(help: string, heading: string): string[] {
  const lines = help.split("\n");
  const from = lines.indexOf(`${heading}:`);
  if (from < 0) return [];
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => /^\S.*:$/.test(line) || line.startsWith('Use "'));
  return end < 0 ? rest : rest.slice(0, end);
}
