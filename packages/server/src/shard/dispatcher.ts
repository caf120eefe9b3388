import type { Poller, StartedActivityTask, StartedWorkflowTask, Task } from "@pawl/engine";

/** A task that has been recorded as started, on its way to the worker that polled it. */
export type Started =
  | { readonly kind: "workflow"; readonly task: StartedWorkflowTask }
  | { readonly kind: "activity"; readonly task: StartedActivityTask };

/** A poller taken out of the line for one task, before the commit that starts it. */
export interface Reservation {
  readonly poller: Poller;
  /** Whether it polls the run's sticky queue. */
  readonly sticky: boolean;
  /** After the commit. */
  deliver(started: Started): void;
  /** Before the commit, to a worker that ends with this process. False: to this one only after it. */
  deliverEarly(started: Started): boolean;
  /** Nothing came of it: back to the head of the line. */
  release(): void;
}

/** Where a shard's tasks go. Handed in by `main.ts`, so that a shard knows nothing of queues. */
export interface Dispatcher {
  /** A poller that waits for this task right now, or null. */
  reserve(task: Task): Reservation | null;
  /** Gives a committed task to its queue. */
  offer(task: Task): void;
}
