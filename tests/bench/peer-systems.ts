/** What stands beside each other in the comparison with peers, each started on an empty disk of its own and driven by the SDK that belongs to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Postgres } from "../rig/postgres.ts";
import {
  endWithThisProcess,
  freePort,
  type RunningServer,
  startNode,
  startPawl,
  startReference,
} from "../rig/server.ts";
import { type Load, prepareLoad } from "./load-program.ts";
import { type PeerPrograms, preparePeers, runProgram } from "./peer-programs.ts";
import type { LoopReport, Load as PeerLoad } from "./peers/closed-loop.ts";
import { type TreeUsage, usageOfTrees } from "./process-usage.ts";
import { numberAt } from "./scenario.ts";
import { emptyFile } from "./system.ts";

/** What is asked of every system. */
export type Work = Omit<PeerLoad, "at">;

export interface PeerInstance {
  readonly run: (work: Work) => Promise<LoopReport>;
  /** Of all processes but the one that `run` starts. */
  readonly usage: () => TreeUsage;
  readonly end: () => Promise<void>;
}

export interface Tools {
  readonly load: Load;
  readonly programs: PeerPrograms;
}

export interface PeerSystem {
  readonly name: string;
  readonly about: string;
  readonly start: (tools: Tools) => Promise<PeerInstance>;
}

const readyWithinMs = 60_000;
const readyPollMs = 100;
const embeddedProgram = join(import.meta.dirname, "embedded-load.ts");

/** Throws when something of it cannot be had on this machine. */
export async function prepareTools(): Promise<Tools> {
  return { load: await prepareLoad(), programs: await preparePeers() };
}

export const peerSystems: readonly PeerSystem[] = [
  {
    name: "pawl",
    about: "its server on a SQLite file; official Go SDK",
    start: ({ load }) => onFile(load, startPawl),
  },
  {
    name: "pawl-postgres",
    about: "its server on PostgreSQL; official Go SDK",
    async start({ load }) {
      const postgres = await Postgres.start();
      const server = await startNode(postgres.url(), { name: "bench" });
      return overGrpc(load, server.address, [server.pid, postgres.pid], async () => {
        await server.kill9();
        await postgres.remove();
      });
    },
  },
  {
    name: "pawl-embedded",
    about: "server, client and worker in one process on a SQLite file; its own TypeScript SDK",
    async start() {
      const file = emptyFile();
      return {
        run: (work) => runProgram(embeddedProgram, { ...work, at: { file: file.filename } }),
        usage: () => usageOfTrees([]),
        end: async () => file[Symbol.dispose](),
      };
    },
  },
  {
    name: "reference",
    about: "Temporal's development server on a SQLite file; official Go SDK",
    start: ({ load }) => onFile(load, startReference),
  },
  {
    name: "reference-memory",
    about: "Temporal's development server in memory, where nothing survives it; official Go SDK",
    async start({ load }) {
      const server = await startReference();
      return overGrpc(load, server.address, [server.pid], () => server.kill9());
    },
  },
  {
    name: "restate",
    about: "its server with its own log and store; its TypeScript SDK",
    start: ({ programs }) => startRestate(programs),
  },
  {
    name: "dbos",
    about: "a library on PostgreSQL, in TypeScript",
    async start({ programs }) {
      const postgres = await Postgres.start();
      const at = { database: postgres.url() };
      return {
        run: (work) => runProgram(programs.dbos, { ...work, at }),
        usage: () => usageOfTrees([postgres.pid]),
        end: () => postgres.remove(),
      };
    },
  },
];

async function onFile(
  load: Load,
  startServer: (options: { dbFilename: string }) => Promise<RunningServer>,
): Promise<PeerInstance> {
  const file = emptyFile();
  const server = await startServer({ dbFilename: file.filename });
  return overGrpc(load, server.address, [server.pid], async () => {
    await server.kill9();
    file[Symbol.dispose]();
  });
}

function overGrpc(load: Load, address: string, pids: readonly number[], end: () => Promise<void>): PeerInstance {
  return {
    async run({ steps, concurrency, seconds, warmup }) {
      const flags = Object.entries({ steps, concurrency, seconds, warmup }).flatMap(([name, value]) => [
        `--${name}`,
        String(value),
      ]);
      const report = await load("steps", address, flags, () => {});
      return {
        workflowsPerSecond: numberAt(report, "workflowsPerSecond"),
        latencyMs: { p50: numberAt(report, "latencyMs.p50"), p99: numberAt(report, "latencyMs.p99") },
        totalWorkflows: numberAt(report, "totalWorkflows"),
        clientCpuSeconds: numberAt(report, "clientCpuSeconds"),
      };
    },
    usage: () => usageOfTrees(pids),
    end,
  };
}

async function startRestate({ restateServer, restate }: PeerPrograms): Promise<PeerInstance> {
  const file = emptyFile();
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const flags = ["--no-logo", "--listen-mode", "tcp", "--bind-ip", "127.0.0.1", "--bind-port", String(node)];
  const child = spawn(restateServer, [...flags, "--base-dir", dirname(file.filename)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      RESTATE_INGRESS__BIND_PORT: String(ingress),
      RESTATE_ADMIN__BIND_PORT: String(admin),
      RESTATE_DISABLE_TELEMETRY: "true",
      RESTATE_LOG_FILTER: "error",
    },
  });
  endWithThisProcess(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk).slice(-10_000);
    });
  const at = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` };
  const giveUp = AbortSignal.timeout(readyWithinMs);
  const answers = (url: string) =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers(`${at.admin}/health`)) || !(await answers(`${at.ingress}/restate/health`))) {
    if (giveUp.aborted || child.exitCode !== null) throw new Error(`Restate did not come up:\n${output}`);
    await delay(readyPollMs);
  }
  return {
    run: (work) => runProgram(restate, { ...work, at }),
    usage: () => usageOfTrees([child.pid!]),
    async end() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      file[Symbol.dispose]();
    },
  };
}
