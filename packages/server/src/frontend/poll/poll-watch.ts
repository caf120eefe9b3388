/** Metrics and spans of polls for one kind of task: how many found a task, and how long those tasks had waited. */

import type { Match } from "../../matching/match.ts";
import type { Started } from "../../shard/dispatcher.ts";
import type { Counter, Histogram } from "../../telemetry/metrics.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import { taskWaitSpan } from "./task-wait-span.ts";

const attemptBuckets = [1, 2, 3, 5, 10, 30, 100, 1_000];

export class PollWatch {
  readonly #telemetry: Telemetry;
  readonly #success: Counter;
  readonly #timeouts: Counter;
  readonly #latency: Histogram;
  readonly #waited: Histogram;
  readonly #sync: Histogram;
  readonly #async: Histogram;
  readonly #attempts: Histogram | undefined;

  constructor(telemetry: Telemetry, kind: "workflow" | "activity" | "nexus") {
    const { metrics } = telemetry;
    const labels = { task_type: kind };
    const waited = "Seconds from when a task might be done until a worker had it";
    this.#telemetry = telemetry;
    this.#success = metrics.counter("poll_success", "Polls that a task was found for, queries among them.", labels);
    this.#timeouts = metrics.counter("poll_timeouts", "Polls that ended without a task.", labels);
    this.#latency = metrics.histogram("poll_latency", "Seconds that a poll was held until it had a task.", labels);
    this.#waited = metrics.histogram("task_schedule_to_start_latency", `${waited}.`, labels);
    this.#sync = metrics.histogram("syncmatch_latency", `${waited}, where one waited for it already.`, labels);
    this.#async = metrics.histogram("asyncmatch_latency", `${waited}, where it had to wait in a queue.`, labels);
    if (kind === "workflow")
      this.#attempts = metrics.histogram("workflow_task_attempt", "Attempts of tasks handed out.", {}, attemptBuckets);
  }

  begun(): number {
    return this.#telemetry.stopwatchMs();
  }

  /** The worker has been given what was `matched`, which is `given` now that it has been started. */
  succeeded(
    matched: Match<Started>,
    given: Match<Started>,
    { begunAt, nowMs }: { begunAt: number; nowMs: number },
  ): void {
    this.#success.add();
    this.#latency.observe((this.#telemetry.stopwatchMs() - begunAt) / 1_000);
    if (given.type !== "started") return;
    const seconds = Math.max(0, nowMs - given.task.scheduledAtMs) / 1_000;
    this.#waited.observe(seconds);
    (matched.type === "started" ? this.#sync : this.#async).observe(seconds);
    if (given.started.kind === "workflow") this.#attempts?.observe(given.started.task.task.attempt);
    if (this.#telemetry.traces) taskWaitSpan(this.#telemetry.traces, given.task);
  }

  ended(): void {
    this.#timeouts.add();
  }
}
