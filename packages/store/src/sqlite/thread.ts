/** A worker thread that answers each request with one reply, in order. */

import { type Transferable, Worker } from "node:worker_threads";

/** Rows pass through a thread and are gone: what more room it had for short-lived objects, it would fill before it collects them. */
const maxYoungGenerationSizeMb = 6;

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class Thread<Request, Reply> {
  readonly #worker: Worker;
  readonly #waiting: Waiting<Reply>[] = [];
  #ended: Error | null = null;

  /** Settles with the reply that the thread sends unasked when it can work, or with what it threw before. */
  readonly ready: Promise<Reply>;

  /** Starts the module beside this one. */
  constructor(module: string, data: unknown) {
    // Compiled for publishing, this file and its neighbours end in .js.
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    this.#worker = new Worker(new URL(`./${module}${extension}`, import.meta.url), {
      workerData: data,
      name: module,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.#worker.on("message", (reply: Reply) => this.#waiting.shift()?.resolve(reply));
    this.#worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", (code) => this.#end(new Error(`thread ended with code ${code}`)));
    this.ready = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Rejects when the thread has ended, or ends before it replies. */
  ask(request: Request, transfer: readonly Transferable[] = []): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#worker.postMessage(request, transfer);
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Ends the thread, whatever it does. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
