/** Local activities: attempts and their backoff inside the worker, while the workflow task stays open for them. */
import { setTimeout as delay } from "node:timers/promises";
import type { Info } from "../../activity/context.ts";
import { type LocalActivityEnd, localActivityEnding } from "../../replay/marker.ts";
import type { LocalActivityCommand, LocalActivityOutcome, Outcome } from "../../value/activation.ts";
import type { LoadedDataConverter } from "../../value/data-converter.ts";
import { msToNumber } from "../../value/duration.ts";
import {
  ApplicationFailure,
  CancelledFailure,
  type ProtoFailure,
  type RetryState,
  TimeoutFailure,
} from "../../value/failure.ts";
import { type CompiledRetryPolicy, nextIntervalMs } from "../../value/retry-policy.ts";
import type { Slots } from "../slot/slots.ts";
import { type ActivityRunner, type AttemptEnd, RunningAttempt } from "./activity-runner.ts";

export interface LocalActivityScope {
  readonly runner: ActivityRunner;
  readonly converters: LoadedDataConverter;
  readonly slots: Slots;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly workflowExecution: { readonly workflowId: string; readonly runId: string };
  readonly workflowType: string;
}

/** The reference SDK's, for local activities without a policy of their own. */
const defaultPolicy: CompiledRetryPolicy = {
  ...{ initialIntervalMs: 1_000, backoffCoefficient: 2, maximumIntervalMs: 100_000, maximumAttempts: 0 },
  nonRetryableErrorTypes: [],
};

type Retry = { afterMs: number } | { never: RetryState };

export class LocalActivity {
  readonly #command: LocalActivityCommand;
  readonly #scope: LocalActivityScope;
  readonly #cancelled = new AbortController();
  readonly #scheduledAtMs: number;
  #attempt: RunningAttempt | undefined;

  constructor(command: LocalActivityCommand, scope: LocalActivityScope) {
    this.#command = command;
    this.#scope = scope;
    this.#scheduledAtMs = command.originalScheduleMs ?? Date.now();
  }

  cancel(): void {
    this.#cancelled.abort();
    this.#attempt?.cancel("cancelRequested");
  }

  async run(): Promise<LocalActivityEnd> {
    const { seq, activityId, activityType, summary } = this.#command;
    const { outcome, attempt } = await this.#run();
    return { seq, activityId, activityType, attempt, outcome, completedAtMs: Date.now(), summary };
  }

  async #run(): Promise<{ outcome: LocalActivityOutcome; attempt: number }> {
    const { localRetryThresholdMs, retryPolicy = defaultPolicy, attempt: first } = this.#command;
    for (let attempt = first; ; attempt++) {
      const end = await this.#once(attempt);
      if (end.status === "completed") return { outcome: { status: "completed", result: end.result }, attempt };
      if (end.status === "completesElsewhere") {
        const error = ApplicationFailure.nonRetryable("a local activity cannot be completed from elsewhere");
        return { outcome: this.#failed(error, "NON_RETRYABLE_FAILURE"), attempt };
      }
      if (this.#cancelled.signal.aborted) return { outcome: this.#cancelledOutcome(), attempt };
      const retry = this.#retryOf(end.error, attempt, retryPolicy);
      if ("never" in retry) return { outcome: this.#failed(end.error, retry.never), attempt };
      if (retry.afterMs > localRetryThresholdMs) {
        const failure = this.#encoded(end.error);
        const backoff = {
          ...{ backoffMs: retry.afterMs, originalScheduleMs: this.#scheduledAtMs, attempt: attempt + 1, failure },
        };
        return { outcome: { status: "backoff", ...backoff }, attempt };
      }
      await delay(retry.afterMs, undefined, { signal: this.#cancelled.signal }).catch(() => undefined);
      if (this.#cancelled.signal.aborted) return { outcome: this.#cancelledOutcome(), attempt };
    }
  }

  async #once(attempt: number): Promise<AttemptEnd> {
    const { slots, runner } = this.#scope;
    const slot = await slots.take(this.#cancelled.signal);
    if (!slot) return { status: "cancelled", error: undefined };
    slot.use({ type: "local-activity", activityType: this.#command.activityType });
    try {
      const input = { payloads: this.#command.input, headers: this.#command.headers };
      const running = new RunningAttempt();
      this.#attempt = running;
      // Local activities do not heartbeat: they live as long as their workflow task does.
      const end = runner.attempt(this.#infoOf(attempt), input, running, () => undefined);
      const { cancellationType } = this.#command;
      // What is not waited for may run on, but its workflow hears no more of it.
      return await (cancellationType === "WAIT_CANCELLATION_COMPLETED" ? end : Promise.race([end, givenUp(running)]));
    } finally {
      this.#attempt = undefined;
      slot.release();
    }
  }

  #retryOf(error: unknown, attempt: number, policy: CompiledRetryPolicy): Retry {
    const { scheduleToCloseTimeoutMs } = this.#command;
    const type = error instanceof ApplicationFailure ? error.type : error instanceof Error ? error.name : undefined;
    const isFinal = error instanceof ApplicationFailure && error.nonRetryable;
    if (isFinal || (type !== undefined && policy.nonRetryableErrorTypes.includes(type)))
      return { never: "NON_RETRYABLE_FAILURE" };
    if (policy.maximumAttempts > 0 && attempt >= policy.maximumAttempts) return { never: "MAXIMUM_ATTEMPTS_REACHED" };
    const own = error instanceof ApplicationFailure ? error.nextRetryDelay : undefined;
    const afterMs = own === undefined ? nextIntervalMs(policy, attempt) : msToNumber(own, "nextRetryDelay");
    const endsAtMs = this.#scheduledAtMs + (scheduleToCloseTimeoutMs ?? Number.POSITIVE_INFINITY);
    return Date.now() + afterMs >= endsAtMs ? { never: "TIMEOUT" } : { afterMs };
  }

  #failed(error: unknown, retryState: RetryState): Outcome {
    const timedOut = error instanceof CancelledFailure && error.message === "TIMED_OUT";
    const cause = timedOut ? new TimeoutFailure("activity StartToClose timeout", undefined, "START_TO_CLOSE") : error;
    return localActivityEnding(this.#command, this.#encoded(cause), retryState);
  }

  #cancelledOutcome(): Outcome {
    const cause = new CancelledFailure("Activity cancelled");
    return localActivityEnding(this.#command, this.#encoded(cause), "CANCEL_REQUESTED");
  }

  #encoded(cause: unknown): ProtoFailure {
    const { failureConverter, payloadConverter } = this.#scope.converters;
    return failureConverter.errorToFailure(cause, payloadConverter);
  }

  #infoOf(attempt: number): Info {
    const { activityId, activityType, startToCloseTimeoutMs, scheduleToCloseTimeoutMs } = this.#command;
    const { namespace, taskQueue, workflowExecution, workflowType } = this.#scope;
    const nowMs = Date.now();
    return {
      ...{ taskToken: new Uint8Array(0), base64TaskToken: "", activityId, activityType, attempt, isLocal: true },
      ...{
        namespace,
        activityNamespace: namespace,
        workflowNamespace: namespace,
        workflowExecution,
        workflowType,
        taskQueue,
      },
      ...{ heartbeatDetails: undefined, heartbeatTimeoutMs: undefined, priority: undefined, retryPolicy: undefined },
      ...{
        scheduledTimestampMs: this.#scheduledAtMs,
        currentAttemptScheduledTimestampMs: nowMs,
        startedTimestampMs: nowMs,
      },
      ...{ startToCloseTimeoutMs: startToCloseTimeoutMs ?? 0, scheduleToCloseTimeoutMs },
    };
  }
}

function givenUp({ signal }: RunningAttempt): Promise<AttemptEnd> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({ status: "cancelled", error: signal.reason }), { once: true });
  });
}
