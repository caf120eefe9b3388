/**
 * `npm run soak -- --minutes 60`: workflows come, end and are deleted, period after period, on one server. Prints what each period has left behind,
 * and in the end where memory, files and answers are heading (docs/reliability.md).
 */
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { enums } from "@pawl/protocol";
import { prepareLoad } from "../bench/load-program.ts";
import { pawlStats, probedEnvironment } from "../bench/pawl-stats.ts";
import { usageOf } from "../bench/process-usage.ts";
import { numberAt } from "../bench/scenario.ts";
import { emptyFile } from "../bench/system.ts";
import { call } from "../rig/call.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { type Period, trendsOf } from "./trend.ts";

const namespace = "default";
const loadSeconds = 20;
/** At once: far from what a server can do, so that what changes is not the load. */
const concurrency = 5;
const deletionsPerSecond = 1_000;
const deletionPollMs = 250;
/** A machine that stands still for longer than a call waits is not the server's fault. */
const unmeasuredShareMax = 0.05;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error("--minutes wants a number above 0");

/** Deletes what has closed so far, as the end of its retention would. */
async function deleteClosed({ address }: RunningServer): Promise<void> {
  const jobId = `soak-${Date.now()}`;
  await call(address, "StartBatchOperation", {
    ...{ namespace, jobId, reason: "soak", visibilityQuery: `CloseTime <= "${new Date().toISOString()}"` },
    ...{ deletionOperation: { identity: "soak" }, maxOperationsPerSecond: deletionsPerSecond },
  });
  for (;;) {
    const { state } = await call(address, "DescribeBatchOperation", { namespace, jobId });
    if (state === enums.BatchOperationState.COMPLETED) return;
    if (state === enums.BatchOperationState.FAILED) throw new Error("closed workflows could not be deleted");
    await delay(deletionPollMs);
  }
}

const bytesOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

async function main(): Promise<void> {
  const load = await prepareLoad();
  using file = emptyFile();
  const statsFile = join(dirname(file.filename), "stats.json");
  const env = { ...probedEnvironment(statsFile), PAWL_BENCH_COLLECT: "1" };
  const server = await startPawl({ dbFilename: file.filename, env });
  const [periods, beganAtMs]: [Period[], number] = [[], performance.now()];
  let unmeasured = 0;
  const elapsed = () => (performance.now() - beganAtMs) / 60_000;
  console.log("minutes  workflows/s   p99 ms  heap MB   RSS MB  descriptors   WAL MB  file MB");
  while (elapsed() < minutes) {
    const args = ["--concurrency", String(concurrency), "--seconds", String(loadSeconds), "--warmup", "1"];
    const report = await load("throughput", server.address, args, console.error).catch((error: Error) => error);
    if (report instanceof Error) {
      unmeasured += 1;
      console.log(`${elapsed().toFixed(1).padStart(7)}  ${report.message}`);
      continue;
    }
    await deleteClosed(server);
    const { heapUsedBytes } = await pawlStats(server.pid, statsFile);
    const period: Period = {
      minutes: elapsed(),
      workflowsPerSecond: numberAt(report, "workflowsPerSecond"),
      p99Ms: numberAt(report, "latencyMs.p99"),
      heapBytes: heapUsedBytes,
      rssBytes: usageOf(server.pid).rssBytes,
      descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
      walBytes: bytesOf(`${file.filename}-wal`),
      fileBytes: bytesOf(file.filename),
    };
    periods.push(period);
    const { workflowsPerSecond, p99Ms, heapBytes, rssBytes, descriptors, walBytes, fileBytes } = period;
    const megabytes = [heapBytes, rssBytes, walBytes, fileBytes].map((bytes) => (bytes / 1e6).toFixed(1));
    const cells = [
      period.minutes.toFixed(1),
      workflowsPerSecond.toFixed(0),
      p99Ms.toFixed(1),
      ...megabytes.slice(0, 2),
    ];
    const widths = [7, 13, 9, 9, 9, 13, 9, 9];
    const line = [...cells, String(descriptors), ...megabytes.slice(2)].map((cell, at) => cell.padStart(widths[at]!));
    console.log(line.join(""));
  }
  const code = await server.stop();
  console.log(`the server ended with ${code}`);
  const isMeasured = unmeasured <= unmeasuredShareMax * periods.length;
  if (!isMeasured) console.log(`NOT  ${unmeasured} periods could not be measured`);
  const trends = trendsOf(periods);
  for (const { name, value, unit, most, met } of trends)
    console.log(
      `${met === null ? "–  " : met ? "met" : "NOT"}  ${name.padEnd(26)}${value.toFixed(2)} ${unit}, at most ${most}`,
    );
  if (trends.some(({ met }) => met === null)) console.log("–: half an hour at least is needed to say");
  if (code !== 0 || !isMeasured || trends.some(({ met }) => met === false)) process.exitCode = 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await main();
process.exit();
