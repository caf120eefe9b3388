/** The server that is to be overloaded, with its numbers, and a client with good manners that goes on meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MethodName } from "@pawl/protocol";
import { Caller } from "../fuzz/caller.ts";
import { ask } from "../fuzz/traffic.ts";
import { freePort, type RunningServer, startPawl } from "../rig/server.ts";

export interface Subject {
  readonly server: RunningServer;
  /** Starts on the same file again, after it has ended. */
  readonly again: () => Promise<RunningServer>;
  /** The sum of a metric over its labels, e.g. `service_pending_requests`. */
  readonly metric: (name: string) => Promise<number>;
  readonly end: () => Promise<void>;
}

export async function overloadedServer(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-overload-"));
  const metricsPort = await freePort();
  const start = () =>
    startPawl({ dbFilename: join(folder, "state.db"), args: ["--metrics-port", String(metricsPort), ...args], env });
  let server = await start();
  return {
    server,
    again: async () => {
      server = await start();
      return server;
    },
    async metric(name) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
      if (lines.length === 0) throw new Error(`there is no metric ${name}`);
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
    async end() {
      await server.kill9();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Throws when it does not become true within a minute. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const giveUp = AbortSignal.timeout(60_000);
  while (!(await isTrue())) {
    if (giveUp.aborted) throw new Error(`${what}: not within a minute`);
    await delay(100);
  }
}

export interface Manners {
  readonly namespace?: string;
  /** Calls at once. Default 1. */
  readonly atOnce?: number;
  /** Between one call and the next. Default 10. */
  readonly pauseMs?: number;
}

/** A client that starts workflows one after the other; each has an id of its own. */
export class PoliteClient {
  readonly #caller: Caller;
  readonly #manners: Manners;
  readonly #done: Promise<unknown>;
  #isStopped = false;
  /** Ids of workflows whose start was acknowledged. */
  readonly acknowledged: string[] = [];
  readonly tookMs: number[] = [];
  readonly failures: string[] = [];

  private constructor(caller: Caller, manners: Manners) {
    this.#caller = caller;
    this.#manners = manners;
    this.#done = Promise.all(Array.from({ length: manners.atOnce ?? 1 }, (_, lane) => this.#run(lane)));
  }

  static async begin(address: string, manners: Manners = {}): Promise<PoliteClient> {
    const caller = new Caller(address);
    await caller.open();
    return new PoliteClient(caller, manners);
  }

  async #run(lane: number): Promise<void> {
    const { namespace = "default", pauseMs = 10 } = this.#manners;
    for (let count = 1; !this.#isStopped && this.#caller.isOpen; count++) {
      const workflowId = `polite-${process.hrtime.bigint()}-${lane}-${count}`;
      const named = { workflowType: { name: "W" }, taskQueue: { name: "nobody" } };
      const beganAtMs = performance.now();
      try {
        await ask(this.#caller, "StartWorkflowExecution", { namespace, workflowId, requestId: workflowId, ...named });
        this.acknowledged.push(workflowId);
        this.tookMs.push(performance.now() - beganAtMs);
      } catch (error) {
        this.failures.push((error as Error).message);
      }
      await delay(pauseMs);
    }
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    this.#caller.close();
  }

  /** In ms; NaN when nothing was acknowledged. */
  quantile(share: number): number {
    const sorted = [...this.tookMs].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }
}

/** Those of these workflows that the server does not know. */
export async function missingOf(address: string, workflowIds: readonly string[]): Promise<string[]> {
  const caller = new Caller(address);
  await caller.open();
  const missing: string[] = [];
  const method: MethodName = "DescribeWorkflowExecution";
  for (const workflowId of workflowIds)
    await ask(caller, method, { namespace: "default", execution: { workflowId } }).catch(() =>
      missing.push(workflowId),
    );
  caller.close();
  return missing;
}
