/**
 * What a torture run has around the servers, as processes of the official SDK that no fault reaches: workers with a ledger of every effect, a load that writes
 * down what was acknowledged, and a check of both in the end.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Program } from "../rig/toolchain.ts";
import { type Crew, programs } from "./crews.ts";

export interface Found {
  readonly workflows: number;
  readonly byLanguage: Readonly<Record<string, number>>;
  readonly signals: number;
  readonly retriedEffects: number;
  readonly acknowledgements: number;
}

/** How long a worker is away that has died, at least. */
const workerAwayMs = 100;

interface Working {
  readonly program: Program;
  process: ChildProcess;
}

/** Call `end` whatever happens. */
export class Campaign {
  /** Gone with the run. */
  readonly folder: string;
  readonly #crews: readonly Crew[];
  readonly #processes: ChildProcess[] = [];
  readonly #workers: Working[] = [];
  #load: ChildProcess | undefined;
  #log: WriteStream | undefined;
  #acknowledgements = 0;
  #hasEnded = false;

  private constructor(folder: string, crews: readonly Crew[]) {
    this.folder = folder;
    this.#crews = crews;
  }

  static async make(crews: readonly Crew[]): Promise<Campaign> {
    return new Campaign(await mkdtemp(join(tmpdir(), "torture-")), crews);
  }

  /** A worker of each language at each of these addresses, and a load at the first, once the workers are there. */
  async begin(workerAddresses: readonly string[]): Promise<void> {
    const programs = workerAddresses.flatMap((address) =>
      this.#crews.map((crew) => crew.worker(address, this.#ledger)),
    );
    for (const program of programs) this.#workers.push(this.#keepWorking(program));
    await Promise.all(this.#workers.map((worker) => once(worker.process.stdout!, "data")));
    this.#load = this.#run("load.ts", workerAddresses[0]!, ...this.#crews.map(({ language }) => language));
    this.#log = createWriteStream(this.#acknowledgedFile);
    this.#load.stdout!.pipe(this.#log);
    this.#load.stdout!.on("data", (chunk: Buffer) => {
      this.#acknowledgements += chunk.toString().split("\n").length - 1;
    });
  }

  /** Resolves when the load has had so many acknowledgements in all, however slow the machine is. */
  async acknowledged(count: number): Promise<void> {
    while (this.#acknowledgements < count) {
      this.mustBeLoading();
      await delay(20);
    }
  }

  /** Kills (-9) a worker, at whatever it is doing; another takes its place. `number`: any, each worker has its turn. */
  killWorker(number: number): void {
    const worker = this.#workers[number % this.#workers.length]!;
    worker.process.kill("SIGKILL");
  }

  /** Whoever runs workers starts another when one has ended: perhaps because the server was away just when it wanted to connect. */
  #keepWorking(program: Program): Working {
    const worker: Working = { program, process: this.#start(program) };
    const watch = () =>
      worker.process.once("exit", async () => {
        await delay(workerAwayMs);
        if (this.#hasEnded) return;
        worker.process = this.#start(program);
        watch();
      });
    watch();
    return worker;
  }

  mustBeLoading(): void {
    assert.equal(this.#load?.exitCode, null, "the load is still running");
  }

  /** Ends the load and checks. Throws with the server's log when something is missing. */
  async checked(address: string, logs: () => string): Promise<Found> {
    const [load, log] = [this.#load!, this.#log!];
    load.stdin!.write("finish\n");
    await once(load, "exit");
    if (!log.writableFinished) await once(log, "finish");
    const check = this.#run("check.ts", address, this.#ledger, this.#acknowledgedFile);
    const found = (await answerOf(check, `the check; the server's log: ${logs()}`)) as Omit<Found, "acknowledgements">;
    for (const crew of this.#crews) {
      const { language } = crew;
      const answer = await answerOf(this.#start(crew.replay(address)), `the replayer of ${language}`);
      const { replayed } = answer as { replayed: number };
      assert.equal(replayed, found.byLanguage[language], `histories that were replayed in ${language}`);
    }
    return { ...found, acknowledgements: (await readFile(this.#acknowledgedFile, "utf8")).split("\n").length - 1 };
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    for (const child of this.#processes)
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }

  get #ledger(): string {
    return join(this.folder, "ledger.db");
  }

  get #acknowledgedFile(): string {
    return join(this.folder, "acknowledged.jsonl");
  }

  #run(name: string, ...args: string[]): ChildProcess {
    return this.#start({ command: process.execPath, args: [join(programs, name), ...args] });
  }

  #start({ command, args, env }: Program): ChildProcess {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
    this.#processes.push(child);
    return child;
  }
}

/** The JSON that it prints last. Throws when it ends otherwise than well. */
async function answerOf(child: ChildProcess, what: string): Promise<unknown> {
  let output = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, `${what} failed`);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}
