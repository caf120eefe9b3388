/** CPU and memory of a process and of the machine, as Linux tells them in /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Ticks of the clock in /proc: USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const pageBytes = 4_096;

export interface Usage {
  readonly cpuSeconds: number;
  /** CPU seconds by thread name, threads of one name added up. */
  readonly threads: ReadonlyMap<string, number>;
  readonly rssBytes: number;
}

/** Throws when there is no such process. */
export function usageOf(pid: number): Usage {
  const fields = statFields(`/proc/${pid}/stat`);
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    try {
      const name = readFileSync(`${folder}/comm`, "utf8").trim();
      const seconds = Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e9;
      threads.set(name, (threads.get(name) ?? 0) + seconds);
    } catch (error) {
      // A thread may end between the listing and the reading of it.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    threads,
    rssBytes: Number(fields[21]) * pageBytes,
  };
}

/** CPU seconds that `pid` used from `before` to `after`, all of it and by thread. */
export function cpuBetween(before: Usage, after: Usage): { seconds: number; threads: Record<string, number> } {
  const threads: Record<string, number> = {};
  for (const [name, seconds] of after.threads) threads[name] = seconds - (before.threads.get(name) ?? 0);
  return { seconds: after.cpuSeconds - before.cpuSeconds, threads };
}

/** CPU seconds that the whole machine has been busy since it started, time stolen by its host included. */
export function machineBusySeconds(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]!
    .split(/\s+/);
  return [user, nice, system, irq, softirq, steal].reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

/** The fields after the command's name, which may itself hold spaces; index 0 is the state. */
function statFields(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Of several processes together, with all that they have started. */
export interface TreeUsage {
  /** Of processes that have ended, too. */
  readonly cpuSeconds: number;
  /** Memory that several of them share counts once. */
  readonly memoryBytes: number;
}

export function usageOfTrees(roots: readonly number[]): TreeUsage {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc"))
    if (/^\d+$/.test(name)) {
      const fields = whileAlive(() => statFields(`/proc/${name}/stat`));
      if (fields) parents.set(Number(name), Number(fields[1]));
    }
  const belongs = (pid: number): boolean => roots.includes(pid) || (pid > 1 && belongs(parents.get(pid) ?? 0));
  let [cpuSeconds, memoryBytes] = [0, 0];
  for (const pid of [...parents.keys()].filter(belongs)) {
    const fields = whileAlive(() => statFields(`/proc/${pid}/stat`));
    // Own time, and that of children that have ended.
    for (const at of [11, 12, 13, 14]) cpuSeconds += Number(fields?.[at] ?? 0) / ticksPerSecond;
    const rollup = whileAlive(() => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? "";
    memoryBytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1_024;
  }
  return { cpuSeconds, memoryBytes };
}

/** undefined when the process has gone meanwhile. */
function whileAlive<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return undefined;
  }
}
