/** Ends what a test file has started: its own process and everything below it. */
import { readdirSync, readFileSync } from "node:fs";

interface Process {
  readonly pid: number;
  readonly parentPid: number;
}

/**
 * Kills (SIGKILL) the children of this process whose command line names `path`, with all that they have started in turn.
 * Reads /proc; where there is none it does nothing, and the caller's own signal to the child has to do.
 */
export function killFileProcesses(path: string): void {
  const all = processes();
  const roots = all.filter(({ pid, parentPid }) => parentPid === process.pid && textOf(pid, "cmdline").includes(path));
  for (const { pid } of withDescendants(roots, all)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

/** Parents before children, so that a parent cannot start another one in place of a child that was killed first. */
export function withDescendants(roots: readonly Process[], all: readonly Process[]): Process[] {
  const found = [...roots];
  for (const parent of found) found.push(...all.filter(({ parentPid }) => parentPid === parent.pid));
  return found;
}

function processes(): Process[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // `pid (command) state parent …`; the command may hold anything, so count from its closing parenthesis.
      const stat = textOf(Number(name), "stat");
      const parentPid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return Number.isInteger(parentPid) ? [{ pid: Number(name), parentPid }] : [];
    });
}

function textOf(pid: number, file: "stat" | "cmdline"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
