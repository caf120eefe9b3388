/**
 * Loaded into the server's own process (`--import`), in its main thread: how much of the processor each turn of the event loop takes. What others take of a busy
 * machine is not in it, so that a limit of it holds everywhere, as one of the time that passes does not.
 */
import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

/** One turn of the loop that took the processor for long. */
interface LongTurn {
  /** `Date.now()` when it was over. */
  readonly endedAtMs: number;
  readonly cpuMs: number;
  /** What passed meanwhile, waiting for the processor and for work included. */
  readonly passedMs: number;
}

/** What one turn may take. It was 28 ms at most when 30,000 inputs were sent on a machine with eight times the work that it can do. */
export const turnCpuMsMax = 200;

const variable = "PAWL_TEST_TURNS";
const noteFromMs = 10;

/** The environment of a server that notes its long turns in the file. */
export function notingTurns(file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${import.meta.url}`, [variable]: file };
}

/** What the turns since then, `Date.now()`, took at most, and how many were long. Throws unless it was noted that the server started, which takes a long turn. */
export async function turnsSince(file: string, sinceMs: number): Promise<{ cpuMsMax: number; long: number }> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  const turns = lines.map((line) => JSON.parse(line) as LongTurn);
  if (!turns.some(({ endedAtMs }) => endedAtMs < sinceMs)) throw new Error("nothing was noted of the server's start");
  const since = turns.filter(({ endedAtMs }) => endedAtMs >= sinceMs);
  return { cpuMsMax: Math.max(0, ...since.map(({ cpuMs }) => cpuMs)), long: since.length };
}

function note(file: string): void {
  let before = process.threadCpuUsage();
  let beforeMs = performance.now();
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    if (cpuMs >= noteFromMs) {
      const turn: LongTurn = { endedAtMs: Date.now(), cpuMs, passedMs: performance.now() - beforeMs };
      appendFileSync(file, `${JSON.stringify(turn)}\n`);
    }
    before = process.threadCpuUsage();
    beforeMs = performance.now();
    // One that does not hold the loop runs in each turn and makes none.
    setImmediate(look).unref();
  };
  look();
}

const file = process.env[variable];
if (file !== undefined && isMainThread && process.argv[1] !== fileURLToPath(import.meta.url)) note(file);
