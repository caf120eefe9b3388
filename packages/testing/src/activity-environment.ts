/** Runs an activity without a worker and a server: its context is made up, its heartbeats are events, it can be cancelled. */
import { EventEmitter } from "node:events";
import { asyncLocalStorage, Context, type Info } from "@pawl/sdk/activity";
import { Client } from "@pawl/sdk/client";
import { CancelledFailure, DefaultLogger, type Logger, noopMetricMeter } from "@pawl/sdk/common";

/** What an activity gets that has no worker. */
export interface MockActivityEnvironmentOptions {
  /** Default: a logger that writes warnings and errors. */
  logger?: Logger;
  /** What `Context.client` gives. Default: a client of the server at the default address, which connects when it is used. */
  client?: Client;
}

/** What an activity is told about itself when the test says nothing else. */
export const defaultActivityInfo: Info = {
  ...{ attempt: 1, taskQueue: "test", isLocal: false, taskToken: new TextEncoder().encode("test") },
  ...{ base64TaskToken: "dGVzdA==", activityId: "test", activityType: "unknown", workflowType: "test" },
  ...{ namespace: "default", activityNamespace: "default", workflowNamespace: "default", inWorkflow: true },
  workflowExecution: { workflowId: "test", runId: "dead-beef" },
  ...{ scheduledTimestampMs: 1, currentAttemptScheduledTimestampMs: 1, startedTimestampMs: 1 },
  ...{ startToCloseTimeoutMs: 0, scheduleToCloseTimeoutMs: undefined, heartbeatTimeoutMs: undefined },
  ...{ heartbeatDetails: undefined, retryPolicy: undefined, priority: undefined },
};

/** Emits `heartbeat` with the details of each. */
export class MockActivityEnvironment extends EventEmitter<{ heartbeat: [details: unknown] }> {
  readonly context: Context;
  readonly #cancellation = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #ended = new AbortController();
  readonly #causes = new Set<"cancelRequested">();

  /** `info`: what differs from {@link defaultActivityInfo}. */
  constructor(
    info: Partial<Info> = {},
    { logger = new DefaultLogger("WARN"), client }: MockActivityEnvironmentOptions = {},
  ) {
    super();
    this.context = new Context({
      info: { ...defaultActivityInfo, ...info },
      ...{ logger, metricMeter: noopMetricMeter, causes: this.#causes },
      client: () => client ?? new Client(),
      logAttributes: (attributes) => attributes,
      heartbeat: (details) => this.emit("heartbeat", details),
      ...{ cancellation: this.#cancellation.signal, workerShutdown: this.#shutdown.signal, ended: this.#ended.signal },
    });
  }

  /** Runs the activity in this environment's context, and gives what it returns or throws. */
  async run<A extends unknown[], R>(activity: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    return await asyncLocalStorage.run(this.context, async () => await activity(...args));
  }

  /** Requests the activity's cancellation. `reason`: the message of the `CancelledFailure` that it meets. */
  cancel(reason = "CANCELLED"): void {
    this.#causes.add("cancelRequested");
    this.#cancellation.abort(new CancelledFailure(reason));
  }

  /** Tells the activity that its worker is about to stop. */
  shutdown(): void {
    this.#shutdown.abort();
  }
}
