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
import { repository } from "../rig/toolchain.ts";

const programs = join(repository, "tests/compat/typescript/torture");

export interface Found {
  readonly workflows: number;
  readonly signals: number;
  readonly replayed: number;
  readonly retriedEffects: number;
  readonly acknowledgements: number;
}

/** Call `end` whatever happens. */
export class Campaign {
  /** Gone with the run. */
  readonly folder: string;
  readonly #processes: ChildProcess[] = [];
  #load: ChildProcess | undefined;
  #log: WriteStream | undefined;
  #acknowledgements = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Campaign> {
    return new Campaign(await mkdtemp(join(tmpdir(), "torture-")));
  }

  /** A worker at each of these addresses, and a load at the first, once the workers are there. */
  async begin(workerAddresses: readonly string[]): Promise<void> {
    const workers = workerAddresses.map((address) => this.#run("worker.ts", address, this.#ledger));
    await Promise.all(workers.map((worker) => once(worker.stdout!, "data")));
    this.#load = this.#run("load.ts", workerAddresses[0]!);
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
    let output = "";
    check.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [code] = (await once(check, "close")) as [number | null];
    assert.equal(code, 0, `the check failed; the server's log: ${logs()}`);
    const found = JSON.parse(output) as Omit<Found, "acknowledgements">;
    assert.equal(found.replayed, found.workflows);
    return { ...found, acknowledgements: (await readFile(this.#acknowledgedFile, "utf8")).split("\n").length - 1 };
  }

  async end(): Promise<void> {
    for (const child of this.#processes) if (child.exitCode === null) child.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }

  get #ledger(): string {
    return join(this.folder, "ledger.db");
  }

  get #acknowledgedFile(): string {
    return join(this.folder, "acknowledged.jsonl");
  }

  #run(name: string, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [join(programs, name), ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#processes.push(child);
    return child;
  }
}
