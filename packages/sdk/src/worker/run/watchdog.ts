/**
 * Ends workflow code that does not let go: an endless loop would otherwise hold the whole process. A thread of its own looks on from outside; code
 * that keeps within its time costs a message and no more.
 *
 *   W1. What is watched runs by itself in a turn of the event loop, with no microtask of others waiting: to end it ends that turn, and the engine
 *       drops all microtasks that are waiting then.
 *   W2. The thread condemns one turn, by its number, before it ends it. Code that comes back condemned waits for its end, so that the end never
 *       meets what runs next.
 *   W3. Hooks of `async_hooks` that follow promises keep a stack of what is at work. What is ended from outside stays on it, and Node aborts a process
 *       that comes back to its event loop so. Where there are such hooks, `node:vm` ends the turn, which leaves this code to go on, and an exception
 *       that nobody catches makes Node clear the stack.
 */
import { executionAsyncId, executionAsyncResource } from "node:async_hooks";
import type inspector from "node:inspector";
import vm from "node:vm";
import { MessageChannel, type parentPort, Worker, type workerData } from "node:worker_threads";

export class WorkflowCodeStuck extends Error {
  constructor(timeoutMs: number) {
    super(
      `[TMPRL1101] workflow code ran for ${timeoutMs} ms without waiting for anything: potential deadlock. Work that takes long belongs in an activity`,
    );
    this.name = "DeadlockError";
  }
}

/** Runs `work` to its end. Rejects with {@link WorkflowCodeStuck} when that takes longer than `timeoutMs`; with a debugger attached, never. */
export function watched<T>(timeoutMs: number, work: () => T): Promise<T> {
  watch ??= new Watch();
  return watch.run(timeoutMs, work);
}

let watch: Watch | undefined;

interface Turn {
  readonly timeoutMs: number;
  /** Gives what settles the promise: not before it is sure that the turn is not ended from outside. */
  readonly work: () => () => void;
  readonly reject: (error: unknown) => void;
}

/** Cells of the memory that is shared with the thread. */
const cell = { turn: 0, limitMs: 1, lookMs: 2 } as const;
const idle = 0;
const lookMsMin = 10;
const turnMax = 2 ** 30;
/** A thread that cannot end what it condemned must not hold the process. */
const endWithinMs = 5_000;

class Watch {
  readonly #cells = new Int32Array(new SharedArrayBuffer(12));
  readonly #channel = new MessageChannel();
  readonly #waiting: Turn[] = [];
  /** Begun and not ended. More than one only after a turn has been ended from outside, and before that is known here. */
  readonly #begun = new Map<number, Turn>();
  readonly #timed = new TimedCall();
  #last = 0;
  #isHooked = false;

  constructor() {
    const { port2 } = this.#channel;
    port2.on("message", () => this.#next());
    port2.unref();
    this.#cells[cell.lookMs] = endWithinMs;
    // As text, so that whatever bundles a worker need not know of a further file.
    const thread = new Worker(`(${lookOn.toString()})(require("node:worker_threads"), require("node:inspector"))`, {
      eval: true,
      workerData: { cells: this.#cells, cell, idle },
      ...{ execArgv: [], env: {}, name: "pawl watch", resourceLimits: { maxOldGenerationSizeMb: 16 } },
    });
    thread.on("message", (turn: number) => this.#ended(turn));
    thread.unref();
  }

  run<T>(timeoutMs: number, work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const begin = () => {
        const value = work();
        return () => resolve(value);
      };
      // Before the turn comes.
      void Promise.resolve().then(() => {
        this.#isHooked = executionAsyncResource() instanceof Promise;
      });
      this.#waiting.push({ timeoutMs, work: begin, reject });
      const { port1, port2 } = this.#channel;
      port2.ref();
      port1.postMessage(undefined);
    });
  }

  /** W1. */
  #next(): void {
    const turn = this.#waiting.shift();
    if (!turn) return;
    const number = (this.#last % turnMax) + 1;
    this.#last = number;
    const limitMs = isDebugged() ? 0 : Math.ceil(turn.timeoutMs);
    this.#begun.set(number, turn);
    // Not here, because what a listener of messages throws comes too late to clear anything.
    if (this.#isHooked && limitMs > 0) return void setImmediate(() => this.#nextHooked(number, turn, limitMs));
    this.#cells[cell.limitMs] = limitMs;
    if (limitMs > 0) this.#lookOften(limitMs);
    Atomics.store(this.#cells, cell.turn, number);
    let settle: () => void;
    try {
      settle = turn.work();
    } catch (error) {
      settle = () => turn.reject(error);
    }
    if (Atomics.compareExchange(this.#cells, cell.turn, number, idle) !== number) return this.#awaitEnd();
    this.#settled(number);
    settle();
  }

  /** W3. */
  #nextHooked(number: number, turn: Turn, limitMs: number): void {
    const outside = executionAsyncId();
    const stuck = new WorkflowCodeStuck(turn.timeoutMs);
    let settle = () => turn.reject(stuck);
    this.#timed.run(limitMs, () => {
      try {
        settle = turn.work();
      } catch (error) {
        settle = () => turn.reject(error);
      }
    });
    this.#settled(number);
    settle();
    if (executionAsyncId() === outside) return;
    // Whoever has such a callback of his own gets it in place of this one.
    if (!process.hasUncaughtExceptionCaptureCallback()) {
      process.setUncaughtExceptionCaptureCallback(() => process.setUncaughtExceptionCaptureCallback(null));
    }
    throw stuck;
  }

  /** W2. */
  #awaitEnd(): void {
    const untilMs = performance.now() + endWithinMs;
    while (performance.now() < untilMs) {
      // The end comes from outside.
    }
  }

  #ended(number: number): void {
    const turn = this.#begun.get(number);
    if (!turn) return;
    this.#settled(number);
    turn.reject(new WorkflowCodeStuck(turn.timeoutMs));
  }

  #settled(number: number): void {
    this.#begun.delete(number);
    if (this.#begun.size === 0 && this.#waiting.length === 0) this.#channel.port2.unref();
  }

  /** Four times within the shortest limit that there has been. */
  #lookOften(limitMs: number): void {
    const lookMs = Math.max(lookMsMin, Math.floor(limitMs / 4));
    if (lookMs >= this.#cells[cell.lookMs]!) return;
    this.#cells[cell.lookMs] = lookMs;
    Atomics.notify(this.#cells, cell.lookMs);
  }
}

/** Calls a function that is ended when its time is over. */
class TimedCall {
  readonly #stage = { call: (): void => undefined };
  #script: vm.Script | undefined;

  run(timeoutMs: number, call: () => void): void {
    if (!this.#script) vm.createContext(this.#stage);
    this.#script ??= new vm.Script("call()");
    this.#stage.call = call;
    try {
      this.#script.runInContext(this.#stage, { timeout: timeoutMs });
    } catch {
      // Its time is over: `call` throws nothing of its own.
    }
  }
}

/** Whoever stands at a breakpoint is not stuck. */
function isDebugged(): boolean {
  return process.getBuiltinModule("node:inspector").url() !== undefined;
}

/** The thread. It sees nothing of this module but its arguments. */
function lookOn(
  threads: { parentPort: typeof parentPort; workerData: typeof workerData },
  { Session }: typeof inspector,
): void {
  const { cells, cell, idle } = threads.workerData as { cells: Int32Array; cell: Record<string, number>; idle: number };
  const read = (name: string) => Atomics.load(cells, cell[name]!);
  let seen = idle;
  let sinceMs = 0;
  for (;;) {
    const lookMs = read("lookMs");
    // Wakes early when it is to look more often from now on.
    Atomics.wait(cells, cell["lookMs"]!, lookMs, lookMs);
    const turn = read("turn");
    const nowMs = performance.now();
    if (turn !== seen) {
      seen = turn;
      sinceMs = nowMs;
    }
    const limitMs = read("limitMs");
    if (turn === idle || limitMs === 0 || nowMs - sinceMs < limitMs) continue;
    if (Atomics.compareExchange(cells, cell["turn"]!, turn, -turn) !== turn) continue;
    const session = new Session();
    session.connectToMainThread();
    session.post("Runtime.terminateExecution");
    session.disconnect();
    Atomics.store(cells, cell["turn"]!, idle);
    threads.parentPort?.postMessage(turn);
  }
}
