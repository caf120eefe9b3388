/**
 * Loaded into Pawl's own process by the bench (`--import`), in its main thread and in its worker threads: counts the commits that SQLite
 * carries out and samples the delay of the event loop, so that these numbers come from outside the code that they judge.
 *
 * On SIGUSR2 it writes one JSON document, {@link ProbeReport}, to the file named by PAWL_BENCH_PROBE and starts counting anew. With
 * PAWL_BENCH_COLLECT it collects all garbage before it looks at the heap.
 */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";

/** What happened since the report before. */
export interface ProbeReport {
  /** Transactions of SQLite that ended in a successful COMMIT. */
  readonly commits: number;
  /** Time inside COMMIT in all, syncs to disk included. */
  readonly commitMs: number;
  /** How much later than due the main thread got to its timers. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Share of the time in which the main thread's loop was busy, 0 to 1. */
  readonly loopUtilization: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

const sampleEveryMs = 5;
const commitsAt = 0;
const microsAt = 1;
const key = "pawl-bench-probe";

/** Shared by all threads of the process: the number of commits and the microseconds in them. */
function sharedCounters(): BigInt64Array {
  if (isMainThread) setEnvironmentData(key, new SharedArrayBuffer(16) as never);
  return new BigInt64Array(getEnvironmentData(key) as unknown as SharedArrayBuffer);
}

function countCommits(counters: BigInt64Array): void {
  const isCommit = (sql: string) => /^\s*(commit|end)\b/i.test(sql);
  const prototype = DatabaseSync.prototype;
  const { exec, prepare } = prototype;
  const changes = new WeakMap<DatabaseSync, { total: StatementSync; before: number }>();
  // The end of a transaction that only read is no commit.
  const hasWritten = (db: DatabaseSync): boolean => {
    const known = changes.get(db) ?? { total: prepare.call(db, "SELECT total_changes() AS n"), before: 0 };
    changes.set(db, known);
    const now = Number(known.total.get()?.["n"]);
    const grown = now > known.before;
    known.before = now;
    return grown;
  };
  const counted = <T>(db: DatabaseSync, commit: () => T): T => {
    const began = performance.now();
    const result = commit();
    const took = performance.now() - began;
    if (!hasWritten(db)) return result;
    Atomics.add(counters, commitsAt, 1n);
    Atomics.add(counters, microsAt, BigInt(Math.round(took * 1_000)));
    return result;
  };
  prototype.exec = function (sql) {
    if (isCommit(sql)) counted(this, () => exec.call(this, sql));
    else exec.call(this, sql);
  };
  prototype.prepare = function (sql, ...rest) {
    const statement = prepare.call(this, sql, ...rest);
    if (isCommit(sql)) {
      const run = statement.run;
      statement.run = ((...args: Parameters<typeof run>) =>
        counted(this, () => run.apply(statement, args))) as typeof run;
    }
    return statement;
  };
}

/** The collector of garbage, which Node hides unless it is asked for. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

function reportOnSignal(counters: BigInt64Array, file: string): void {
  const delay = monitorEventLoopDelay({ resolution: sampleEveryMs });
  delay.enable();
  const collect = process.env["PAWL_BENCH_COLLECT"] ? collector() : undefined;
  let utilization = performance.eventLoopUtilization();
  process.on("SIGUSR2", () => {
    // The histogram holds the time between two samples; what exceeds the interval is the delay.
    const delayMs = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - sampleEveryMs);
    collect?.();
    const { heapUsed, external } = process.memoryUsage();
    const report: ProbeReport = {
      commits: Number(Atomics.exchange(counters, commitsAt, 0n)),
      commitMs: Number(Atomics.exchange(counters, microsAt, 0n)) / 1_000,
      loopDelayMs: { p50: delayMs(delay.percentile(50)), p99: delayMs(delay.percentile(99)), max: delayMs(delay.max) },
      loopUtilization: performance.eventLoopUtilization(utilization).utilization,
      heapUsedBytes: heapUsed,
      externalBytes: external,
    };
    utilization = performance.eventLoopUtilization();
    delay.reset();
    // Whoever waits for the file must never see half of it.
    writeFileSync(`${file}.part`, JSON.stringify(report));
    renameSync(`${file}.part`, file);
  });
}

const file = process.env["PAWL_BENCH_PROBE"];
if (file) {
  const counters = sharedCounters();
  countCommits(counters);
  if (isMainThread) reportOnSignal(counters, file);
}
