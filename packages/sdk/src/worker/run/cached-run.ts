/** A run in this worker's cache: how far it is in its history, its code in the sandbox, and the local activities that it waits for. */
import type { history } from "@pawl/protocol";
import type { LocalActivityEnd } from "../../replay/marker.ts";
import { Replay } from "../../replay/replay.ts";
import type { RunIdentity } from "../../replay/run-start.ts";
import type { LocalActivityCommand } from "../../value/activation.ts";
import type { LocalActivity } from "../activity/local-activity.ts";
import type { SandboxRun } from "./sandbox.ts";

/** Measured at 11 KB for a run of a small bundle that waits for a timer. */
const bytesOfIdleRun = 12 * 1024;

export class CachedRun {
  readonly identity: RunIdentity;
  readonly replay: Replay;
  readonly code: SandboxRun;
  readonly #local = new Map<number, LocalActivity>();
  #ends: LocalActivityEnd[] = [];
  #wake: (() => void) | undefined;
  #bytes: number;

  constructor(identity: RunIdentity, code: SandboxRun, bytesOfBundle: number) {
    this.identity = identity;
    this.replay = new Replay(identity);
    this.code = code;
    this.#bytes = bytesOfIdleRun + bytesOfBundle;
  }

  /** An estimate: the bundle's closures, and what the run may have kept of the payloads that it saw. */
  get bytes(): number {
    return this.#bytes;
  }

  saw(historyBytes: number): void {
    this.#bytes += historyBytes;
  }

  /** Feeds a task and runs the workflow code until it has heard all of it. Throws `WorkflowTaskError`, `Nondeterminism`, `HistoryGap`. */
  feed(
    events: readonly history.HistoryEvent[],
    startedEventId: number,
    messages: Parameters<Replay["feed"]>[0]["messages"] = [],
  ): void {
    this.replay.feed({ events, startedEventId, messages });
    this.drive();
  }

  drive(): void {
    for (let activation = this.replay.next(); activation; activation = this.replay.next()) {
      this.replay.accept(this.code.activate(activation));
    }
  }

  /** Starts what the run has begun since, and cancels what it gave up. */
  runLocalActivities(start: (command: LocalActivityCommand) => LocalActivity): void {
    for (const command of this.replay.takeLocalActivities()) {
      const activity = start(command);
      this.#local.set(command.seq, activity);
      activity
        .run()
        .then((end) => this.#ended(end))
        .catch((error) => this.#broke(error));
    }
    for (const seq of this.replay.takeLocalCancels()) this.#local.get(seq)?.cancel();
  }

  /** When the run began, by the server's clock. */
  get startedAtMs(): number {
    return this.replay.startedAtMs;
  }

  get hasLocalActivities(): boolean {
    return this.#local.size > 0;
  }

  takeLocalEnds(): LocalActivityEnd[] {
    const ends = this.#ends;
    this.#ends = [];
    return ends;
  }

  /** Resolves `true` when a local activity has ended, `false` when the time is over. */
  async waitForLocalEnd(timeoutMs: number): Promise<boolean> {
    if (this.#ends.length > 0) return true;
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => finish(false), timeoutMs);
      const finish = (ended: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(ended);
      };
      this.#wake = () => finish(true);
    });
  }

  /** Nobody waits for its local activities any more. */
  dispose(): void {
    this.code.dispose();
    for (const activity of this.#local.values()) activity.cancel();
    this.#local.clear();
  }

  #ended(end: LocalActivityEnd): void {
    this.#local.delete(end.seq);
    this.#ends.push(end);
    this.#wake?.();
  }

  /** `run()` reports every failure as an end; anything else is a bug of the worker, which the process should hear of. */
  #broke(error: unknown): void {
    queueMicrotask(() => {
      throw error;
    });
  }
}
