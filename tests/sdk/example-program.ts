/** Programs of `examples/`, each a process, as their readers start them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { endWithThisProcess } from "../rig/server.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

export interface ProgramOptions {
  /** `host:port` of the server. */
  readonly address: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class ExampleProgram {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #printed = "";
  #complaints = "";

  /** `file` is a path below `examples/`. */
  constructor(file: string, { address, args = [], env }: ProgramOptions) {
    this.#child = spawn(process.execPath, [join(examples, file), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PAWL_ADDRESS: address, ...env },
    });
    endWithThisProcess(this.#child);
    this.#closed = once(this.#child, "close");
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text;
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints += text;
    });
  }

  /** What it has printed so far. */
  get printed(): string {
    return this.#printed;
  }

  /** Waits until it has printed what matches; throws when it ends before. */
  async prints(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const found = this.#printed.match(pattern);
      if (found) return found;
      const more = await Promise.race([once(this.#child.stdout!, "data"), this.#closed.then(() => "closed")]);
      if (more === "closed" && !pattern.test(this.#printed)) {
        throw new Error(`it ended without printing ${pattern}:\n${this.#printed}\n${this.#complaints}`);
      }
    }
  }

  /** Waits for its end by itself, with exit code 0. Returns all that it printed. */
  async output(): Promise<string> {
    await this.#closed;
    assert.equal(this.#child.exitCode, 0, `${this.#printed}\n${this.#complaints}`);
    return this.#printed;
  }

  /** SIGKILL, then waits until the process has gone. */
  async kill9(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /** Ctrl+C. */
  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** SIGTERM, then waits for an end with exit code 0. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.output();
  }
}

/** `worker.ts` of that folder, ready. It ends with the test: without its server it would try again for ever. */
export async function startWorker(t: TestContext, example: string, options: ProgramOptions): Promise<ExampleProgram> {
  const worker = new ExampleProgram(`${example}/worker.ts`, options);
  t.after(() => worker.kill9());
  await worker.prints(/is ready/);
  return worker;
}

/** What a program prints that ends by itself. */
export async function outputOf(file: string, options: ProgramOptions): Promise<string> {
  return await new ExampleProgram(file, options).output();
}
