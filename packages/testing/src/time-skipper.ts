/**
 * Makes the clock of a server jump.
 *
 *   J1. Only while somebody waits for time to pass: for a result, an update's outcome, or in `sleep`; or while all locks are open.
 *   J2. Never past what is due, past the end of a sleep, or while a workflow task or a message is under way.
 *   J3. Not while an activity waits or runs, except when somebody sleeps: that is often the activity itself, pretending to take long.
 */
import { enums, methods, workflowservice } from "@pawl/protocol";
import type { OpenServer, SkippingClock } from "@pawl/server";

/** How often to look whether time may jump. Between two looks everything that has become due gets its turn. */
const lookMs = 1;

interface Sleep {
  readonly untilMs: number;
  /** Time may be skipped for it. */
  readonly jumps: boolean;
  readonly wake: () => void;
}

export class TimeSkipper {
  readonly #server: OpenServer;
  readonly #clock: SkippingClock;
  readonly #sleeps = new Set<Sleep>();
  #awaited = 0;
  /** Callers in other processes say when they wait, by opening the lock and closing it again. */
  #locks = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: OpenServer, clock: SkippingClock) {
    this.#server = server;
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Time may jump while this call waits, if it is one that waits for a workflow to get on. */
  async during<R>(path: string, request: Uint8Array, call: () => Promise<R>): Promise<R> {
    if (!isWaiting(path, request)) return await call();
    this.#awaited += 1;
    this.#lookLater();
    try {
      return await call();
    } finally {
      this.#awaited -= 1;
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#until({ untilMs: this.#clock.nowMs() + ms, jumps: true, signal });
  }

  /** Resolves at this time, without making it come sooner. */
  at(untilMs: number, signal?: AbortSignal): Promise<void> {
    return this.#until({ untilMs, jumps: false, signal });
  }

  lock(): void {
    this.#locks += 1;
  }

  /** `false` when no lock is left to open. */
  unlock(): boolean {
    if (this.#locks === 0) return false;
    this.#locks -= 1;
    this.#lookLater();
    return true;
  }

  #until({ signal, ...about }: Omit<Sleep, "wake"> & { readonly signal: AbortSignal | undefined }): Promise<void> {
    return new Promise((wake) => {
      const sleep = { ...about, wake };
      this.#sleeps.add(sleep);
      signal?.addEventListener("abort", () => this.#sleeps.delete(sleep) && wake(), { once: true });
      this.#lookLater();
    });
  }

  /** Who sleeps is woken. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { wake } of this.#sleeps) wake();
    this.#sleeps.clear();
    this.#awaited = 0;
    this.#locks = 1;
  }

  get #isSlept(): boolean {
    return [...this.#sleeps].some(({ jumps }) => jumps);
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => this.#look(), lookMs);
  }

  #look(): void {
    this.#timer = undefined;
    const isWanted = this.#awaited > 0 || this.#locks === 0 || this.#isSlept;
    if (isWanted) this.#jump();
    if (isWanted || this.#sleeps.size > 0) this.#lookLater();
    for (const sleep of this.#sleeps) {
      if (sleep.untilMs > this.#clock.nowMs()) continue;
      this.#sleeps.delete(sleep);
      sleep.wake();
    }
  }

  #jump(): void {
    const { waitsFor, nextDueMs } = this.#server.standing();
    if (waitsFor === "itself" || (waitsFor === "activity" && !this.#isSlept)) return;
    const toMs = Math.min(nextDueMs, ...[...this.#sleeps].map(({ untilMs }) => untilMs));
    if (Number.isFinite(toMs)) this.#clock.skipTo(toMs);
  }
}

function isWaiting(path: string, request: Uint8Array): boolean {
  if (path === methods.GetWorkflowExecutionHistory.path)
    return workflowservice.GetWorkflowExecutionHistoryRequest.decode(request).waitNewEvent;
  if (path === methods.UpdateWorkflowExecution.path) {
    const { waitPolicy } = workflowservice.UpdateWorkflowExecutionRequest.decode(request);
    return waitPolicy?.lifecycleStage === enums.UpdateWorkflowExecutionLifecycleStage.COMPLETED;
  }
  return path === methods.PollWorkflowExecutionUpdate.path;
}
