/**
 * A compat program while it runs its scenarios: one process for many of them, that prints a line of JSON as each one ends. All four
 * languages have the same command line: `list`, and `scenario NAME... --address A --namespace N`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { endWithThisProcess } from "./server.ts";
import { type Program, run } from "./toolchain.ts";

export interface Outcome {
  readonly scenario: string;
  readonly ok: boolean;
  /** What it was that did not hold, with the language's own stack trace. */
  readonly error?: string;
  readonly ms: number;
  /** The ids of the workflows that it started. */
  readonly workflows: readonly string[];
}

/** What a scenario says while it runs. */
export interface Announcement {
  readonly scenario: string;
  readonly running: true;
  /** The ids of the workflows that it has started. */
  readonly workflows: readonly string[];
  /** The task tokens, in base64, of activities that are to be completed from outside. */
  readonly tokens: readonly string[];
}

/** The names of the scenarios that a program has. */
export async function scenarioNames({ command, args }: Program): Promise<string[]> {
  return (await run(command, [...args, "list"])).split(/\s+/);
}

const outputKept = 16_384;

export class ScenarioRun {
  readonly #child: ChildProcess;
  readonly #outcomes = new Map<string, PromiseWithResolvers<Outcome>>();
  readonly #announced = new Map<string, PromiseWithResolvers<Announcement>>();
  /** What it printed that is no outcome: the logs of the SDK. */
  #output = "";

  constructor(program: Program, names: readonly string[], address: string) {
    const args = [...program.args, "scenario", ...names, "--address", address, "--namespace", "default"];
    const env = { ...process.env, ...program.env };
    this.#child = spawn(program.command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    endWithThisProcess(this.#child);
    for (const name of names) {
      this.#outcomes.set(name, handled());
      this.#announced.set(name, handled());
    }
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#take(line));
    this.#child.stderr!.on("data", (chunk: Buffer) => this.#keep(chunk.toString()));
    this.#child.once("error", (error) => this.#giveUp(String(error)));
    // "close" comes after the last line, "exit" may come before it.
    this.#child.once("close", (code, signal) => this.#giveUp(`it ended with ${code ?? signal}`));
  }

  /** Resolves when the scenario has ended. Rejects when the process ends without saying how it went. */
  outcome(name: string): Promise<Outcome> {
    return promised(this.#outcomes, name);
  }

  /**
   * What a scenario announces that says when its workflows have started, and waits for {@link proceed} then. Rejects when it ends without
   * having said so.
   */
  announced(name: string): Promise<Announcement> {
    return promised(this.#announced, name);
  }

  /** Lets scenarios go on that have said that their workflows have started. */
  proceed(): void {
    this.#child.stdin!.end("\n");
  }

  /** Waits for the end of the process; its exit code, 0 when every scenario is ok. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** The last of what it printed beside the outcomes. */
  output(): string {
    return this.#output;
  }

  #take(line: string): void {
    if (!(line.startsWith("{") && line.includes('"scenario":'))) return this.#keep(`${line}\n`);
    const message = JSON.parse(line) as Outcome | Announcement;
    if ("running" in message) return this.#announced.get(message.scenario)?.resolve(message);
    this.#outcomes.get(message.scenario)?.resolve(message);
    this.#announced
      .get(message.scenario)
      ?.reject(new Error(message.error ?? "it ended before its workflows had started"));
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-outputKept);
  }

  #giveUp(how: string): void {
    for (const promises of [this.#outcomes, this.#announced]) {
      for (const [name, { reject }] of promises) reject(new Error(`nothing of ${name}: ${how}\n${this.#output}`));
    }
  }
}

/** One that may be rejected without anybody having asked. */
function handled<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>();
  resolvers.promise.catch(() => undefined);
  return resolvers;
}

function promised<T>(promises: ReadonlyMap<string, PromiseWithResolvers<T>>, name: string): Promise<T> {
  const resolvers = promises.get(name);
  if (!resolvers) throw new Error(`${name} was not started`);
  return resolvers.promise;
}
