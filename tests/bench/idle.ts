/**
 * The memory of open workflows and the restart after `kill -9`: starts workflows that wait, reads the server's resident memory, kills it,
 * starts it again on the same file and times its first answers.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Load } from "./load-program.ts";
import { usageOf } from "./process-usage.ts";
import { numberAt } from "./scenario.ts";
import type { Start } from "./system.ts";

export interface IdleScenario {
  readonly name: string;
  readonly about: string;
  /** Arguments of the load program. */
  readonly args: readonly string[];
}

export const idleScenarios: readonly IdleScenario[] = [
  { name: "open-idle", about: "workflows that wait for a signal, then kill -9 and restart", args: [] },
  {
    name: "open-pending",
    about: "workflows that wait for an activity's answer from outside, then kill -9 and restart",
    args: ["--pending"],
  },
];

export interface IdleResult {
  readonly workflows: number;
  /** From the start of the process on an empty file to its first answer. */
  readonly coldStartMs: number;
  readonly startsPerSecond: number;
  readonly startP99Ms: number;
  /** Of the server before any workflow. */
  readonly emptyRssBytes: number;
  /** Right after the last start. */
  readonly rssBytes: number;
  /** After half a minute without load: what a runtime had set aside for garbage has gone back to the system. */
  readonly restedRssBytes: number;
  /** From the start of the new process to its first answer, and to the first acknowledged signal to one of the open workflows. */
  readonly firstOkMs: number;
  readonly firstWriteMs: number;
  readonly rssAfterRestartBytes: number;
}

/** What is open in the end. */
export interface IdleLoad {
  /** Started by the load. */
  readonly count: number;
  /** In the store before the server starts. */
  readonly putInCount?: number;
  /** Of the load program. */
  readonly args: readonly string[];
}

const restMs = 30_000;

export async function measureIdle(
  start: Start,
  load: Load,
  { count, putInCount = 0, args }: IdleLoad,
  say: (line: string) => void,
): Promise<IdleResult> {
  const beganAtMs = performance.now();
  const server = await start();
  const coldStartMs = performance.now() - beganAtMs;
  const emptyRssBytes = usageOf(server.pid).rssBytes;
  const started = await load("open-idle", server.address, ["--count", String(count), ...args], say);
  const { rssBytes } = usageOf(server.pid);
  say(`${count + putInCount} workflows are open, ${Math.round(rssBytes / 1e6)} MB; wait half a minute`);
  await delay(restMs);
  const restedRssBytes = usageOf(server.pid).rssBytes;
  say(`${Math.round(restedRssBytes / 1e6)} MB; kill -9 and start again`);
  await server.kill9();

  const workflowId = String(started["workflowId"]);
  const answers = load("first-ok", server.address, ["--workflow-id", workflowId], say);
  const spawnedAtMs = Date.now();
  const [again, report] = await Promise.all([start({ port: server.port }), answers]);
  const rssAfterRestartBytes = usageOf(again.pid).rssBytes;
  await again.kill9();
  return {
    workflows: count + putInCount,
    coldStartMs,
    startsPerSecond: numberAt(started, "startsPerSecond"),
    startP99Ms: numberAt(started, "latencyMs.p99"),
    emptyRssBytes,
    rssBytes,
    restedRssBytes,
    firstOkMs: numberAt(report, "firstOkAtMs") - spawnedAtMs,
    firstWriteMs: numberAt(report, "firstWriteAtMs") - spawnedAtMs,
    rssAfterRestartBytes,
  };
}
