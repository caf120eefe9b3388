/**
 * Makes the clock of a server jump.
 *
 *   J1. Only while somebody waits for time to pass: for a result, an update's outcome, or in `sleep`.
 *   J2. Never past what is due, past the end of a sleep, or while a workflow task or a message is under way.
 *   J3. Not while an activity waits or runs, except when somebody sleeps: that is often the activity itself, pretending to take long.
 */
import { enums, methods, workflowservice } from "@pawl/protocol";
import type { OpenServer, SkippingClock } from "@pawl/server";

/** How often to look whether time may jump. Between two looks everything that has become due gets its turn. */
const lookMs = 1;

export class TimeSkipper {
  readonly #server: OpenServer;
  readonly #clock: SkippingClock;
  readonly #sleeps = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  #awaited = 0;
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

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleeps.add({ untilMs: this.#clock.nowMs() + ms, wake });
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
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => this.#look(), lookMs);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#awaited > 0 || this.#sleeps.size > 0) {
      this.#jump();
      this.#lookLater();
    }
    for (const sleep of this.#sleeps) {
      if (sleep.untilMs > this.#clock.nowMs()) continue;
      this.#sleeps.delete(sleep);
      sleep.wake();
    }
  }

  #jump(): void {
    const { waitsFor, nextDueMs } = this.#server.standing();
    if (waitsFor === "itself" || (waitsFor === "activity" && this.#sleeps.size === 0)) return;
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
