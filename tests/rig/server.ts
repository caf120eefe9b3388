/**
 * Servers as child processes: Pawl's own, and the reference one that the official `temporal` command line carries. Both are ready when they
 * answer a real gRPC call, and both end with this process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { CallError, call } from "./call.ts";
import { preparePython } from "./python.ts";
import { repository } from "./toolchain.ts";

/** Printed by Pawl's own when all of its ports are open; it answers gRPC a moment earlier. */
const readyLine = /Pawl is ready on /;
const readyWithinMs = 60_000;
const readyPollMs = 25;
const unauthenticated = 16;
const stopWithinMs = 15_000;
/** So many free ports are tried. */
const portsMax = 3;

export interface ServerOptions {
  /** State is kept in this file; without it in memory. */
  readonly dbFilename?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The file of the command `pawl`. Default: this repository's. */
  readonly program?: string;
}

export interface RunningServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL, then waits until the process has gone. */
  kill9(): Promise<void>;
  /** SIGTERM, then waits until the process has gone; after 15 s it is killed and this throws. Returns its exit code. */
  stop(): Promise<number | null>;
  /** Everything that it has printed so far. */
  logs(): string;
}

/**
 * Pawl's server. Throws with the server's output when it ends or does not answer within a minute.
 *
 * With `PAWL_TEST_DB_URL` in the environment its state is in that PostgreSQL database instead: in a schema for each file, or of its own. With `PAWL_TEST_NODES` it
 * is the first of so many nodes on that schema, which begin and end together.
 */
export async function startPawl(options: ServerOptions = {}): Promise<RunningServer> {
  const pawl = options.program ?? join(repository, "packages/cli/bin/pawl.cjs");
  const databaseUrl = process.env["PAWL_TEST_DB_URL"];
  if (databaseUrl === undefined) return start(process.execPath, [pawl, "server"], options);
  const { dbFilename = randomUUID(), ...rest } = options;
  const url = await schemaUrl(databaseUrl, dbFilename);
  const nodeCount = Number(process.env["PAWL_TEST_NODES"] ?? 1);
  if (nodeCount === 1)
    return start(process.execPath, [pawl, "server"], { ...rest, env: { ...rest.env, PAWL_DB_URL: url } });
  const { port, ...others } = rest;
  const names = Array.from({ length: nodeCount }, (_, at) => `node-${at + 1}`);
  const nodes = await Promise.all(
    names.map((name, at) => startNode(url, { ...others, name, ...(at === 0 && port !== undefined && { port }) })),
  );
  const all = async (end: (node: RunningServer) => Promise<unknown>) => Promise.all(nodes.map(end));
  return {
    ...nodes[0]!,
    kill9: async () => void (await all((node) => node.kill9())),
    stop: async () => ((await all((node) => node.stop())) as (number | null)[]).find((code) => code !== 0) ?? 0,
    logs: () => nodes.map((node) => node.logs()).join("\n"),
  };
}

export interface NodeOptions extends Omit<ServerOptions, "dbFilename"> {
  readonly name: string;
  readonly leaseMs?: number;
  readonly queuePartitions?: number;
}

/** One node of several on the database. Throws as {@link startPawl}. */
export function startNode(
  url: string,
  { name, leaseMs, queuePartitions, ...options }: NodeOptions,
): Promise<RunningServer> {
  const pawl = join(repository, "packages/cli/bin/pawl.cjs");
  const settings = {
    ...(leaseMs !== undefined && { PAWL_CLUSTER_LEASE: String(leaseMs) }),
    ...(queuePartitions !== undefined && { PAWL_QUEUE_PARTITIONS: String(queuePartitions) }),
  };
  return start(process.execPath, [pawl, "server"], {
    ...options,
    env: { ...options.env, PAWL_DB_URL: url, PAWL_NODE_NAME: name, ...settings },
  });
}

/** What `open` is given for state in memory, or in the file: with `PAWL_TEST_DB_URL` a schema of that database, as for {@link startPawl}. */
export async function appAddress(dbFilename?: string): Promise<string> {
  const databaseUrl = process.env["PAWL_TEST_DB_URL"];
  if (databaseUrl !== undefined) return schemaUrl(databaseUrl, dbFilename ?? randomUUID());
  return dbFilename === undefined ? "memory:" : `file:${dbFilename}`;
}

/** A schema that stands for a file. */
async function schemaUrl(databaseUrl: string, dbFilename: string): Promise<string> {
  const schema = `test_${createHash("sha256").update(dbFilename).digest("hex").slice(0, 32)}`;
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  } finally {
    await client.end();
  }
  const url = new URL(databaseUrl);
  url.searchParams.set("options", `-csearch_path=${schema}`);
  return url.href;
}

/** Features that the reference server has, and its development server leaves switched off. */
const switchedOn = ["--dynamic-config-value", "frontend.WorkflowPauseEnabled=true"];

/** The reference development server. Throws as {@link startPawl}, and when there is no Python to get it with. */
export async function startReference(options: ServerOptions = {}): Promise<RunningServer> {
  const python = await preparePython();
  if ("skipped" in python) throw new Error(`no reference server: ${python.skipped}`);
  return start(python.tool.temporal, ["server", "start-dev", "--headless", ...switchedOn], options);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  listener.close();
  await once(listener, "close");
  if (address === null || typeof address === "string") throw new Error("the listener has no port");
  return address.port;
}

async function start(command: string, args: readonly string[], options: ServerOptions): Promise<RunningServer> {
  if (options.port !== undefined) return startOn(options.port, command, args, options);
  for (let left = portsMax; ; left--) {
    const port = await freePort();
    try {
      return await startOn(port, command, args, options);
    } catch (error) {
      // Another process, or the near end of some connection, has taken it meanwhile.
      const isTaken = error instanceof Error && new RegExp(`\\b${port}\\b.* in use`).test(error.message);
      if (!isTaken || left === 1) throw error;
    }
  }
}

async function startOn(
  port: number,
  command: string,
  args: readonly string[],
  options: ServerOptions,
): Promise<RunningServer> {
  const address = `127.0.0.1:${port}`;
  const child = spawn(
    command,
    [
      ...args,
      ...["--ip", "127.0.0.1", "--port", String(port), "--log-level", "error"],
      ...(options.dbFilename === undefined ? [] : ["--db-filename", options.dbFilename]),
      ...(options.args ?? []),
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } },
  );
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const logs = () => Buffer.concat(output).toString();
  endWithThisProcess(child);
  const isReady = async () => (await answers(address)) && (command !== process.execPath || readyLine.test(logs()));
  await untilReady(child, isReady, logs);
  return { address, port, pid: child.pid!, kill9: () => kill9(child), stop: () => stop(child, logs), logs };
}

async function untilReady(child: ChildProcess, isReady: () => Promise<boolean>, logs: () => string): Promise<void> {
  const giveUp = AbortSignal.timeout(readyWithinMs);
  let failure: unknown;
  child.once("error", (error) => {
    failure = error;
  });
  while (!(await isReady())) {
    if (failure) throw failure;
    if (hasEnded(child)) throw new Error(`the server ended before it was ready:\n${logs()}`);
    if (giveUp.aborted) {
      await kill9(child);
      throw new Error(`the server was not ready within ${readyWithinMs} ms:\n${logs()}`);
    }
    await delay(readyPollMs);
  }
}

async function answers(address: string): Promise<boolean> {
  try {
    await call(address, "DescribeNamespace", { namespace: "default" });
    return true;
  } catch (error) {
    // It answers, and asks who calls.
    return error instanceof CallError && error.status === unauthenticated;
  }
}

async function kill9(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function stop(child: ChildProcess, logs: () => string): Promise<number | null> {
  if (hasEnded(child)) return child.exitCode;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const giveUp = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
  await ended;
  clearTimeout(giveUp);
  if (child.signalCode === "SIGKILL") throw new Error(`the server did not stop within ${stopWithinMs} ms:\n${logs()}`);
  return child.exitCode;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

const children = new Set<ChildProcess>();
let endsChildren = false;

/** A test that throws, or is interrupted, must leave no server behind. */
export function endWithThisProcess(child: ChildProcess): void {
  if (!endsChildren) {
    endsChildren = true;
    process.once("exit", () => {
      for (const each of children) each.kill("SIGKILL");
    });
  }
  children.add(child);
  child.once("exit", () => children.delete(child));
}
