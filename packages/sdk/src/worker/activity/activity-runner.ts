/** Runs activities: finds the function, gives it its context, and tells the server how it ended. */
import { timestampMs, type workflowservice } from "@pawl/protocol";
import {
  type CancellationCause,
  Context,
  type Info,
  newCancelledFailure,
  runInContext,
} from "../../activity/context.ts";
import type { Client } from "../../client/client.ts";
import type { MessageCodec } from "../../codec/message-codec.ts";
import type { Connection } from "../../connection/connection.ts";
import type { Runtime } from "../../telemetry/runtime.ts";
import { CallFailed } from "../../transport/transport.ts";
import type { LoadedDataConverter } from "../../value/data-converter.ts";
import { CompleteAsyncError } from "../../value/errors.ts";
import type { StorageDriverTargetInfo } from "../../value/external-storage.ts";
import { ApplicationFailure, type ProtoFailure, TemporalFailure } from "../../value/failure.ts";
import { composeInterceptors, type Headers } from "../../value/interceptors.ts";
import type { Logger } from "../../value/logger.ts";
import { type MetricMeter, type MetricTags, meterOf } from "../../value/metrics.ts";
import type { UntypedActivities } from "../../value/options.ts";
import type { Payload } from "../../value/payload.ts";
import { arrayFromPayloads, fromPayloadsAtIndex, toPayloads } from "../../value/payload-converter.ts";
import { compiledRetryPolicy, wireDurationMs, wirePayloads } from "../../value/wire.ts";
import type { CompiledDeployment } from "../deployment.ts";
import type {
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
  ActivityOutboundCallsInterceptor,
} from "../interceptors.ts";
import { checkField, type PayloadLimits } from "../payload-limits.ts";
import { ActivityHeartbeat, type HeartbeatThrottle } from "./activity-heartbeat.ts";

export interface ActivityRunnerParts {
  readonly connection: Connection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  readonly activities: UntypedActivities;
  readonly converters: LoadedDataConverter;
  readonly codec: MessageCodec;
  readonly limits: PayloadLimits;
  readonly interceptors: readonly ActivityInterceptorsFactory[];
  readonly runtime: Runtime;
  readonly deployment: CompiledDeployment | undefined;
  readonly heartbeat: HeartbeatThrottle;
  /** For activities that call the server themselves. */
  readonly client: () => Client;
  readonly logger: Logger;
  /** Aborts when the worker begins to stop. */
  readonly workerShutdown: AbortSignal;
}

type Task = workflowservice.PollActivityTaskQueueResponse;

/** How an attempt ended. */
export type AttemptEnd =
  | { status: "completed"; result: Payload }
  | { status: "failed"; error: unknown }
  | { status: "cancelled"; error: unknown }
  | { status: "completesElsewhere" };

/** One attempt that runs, as seen by whoever may end it. */
export class RunningAttempt {
  readonly #controller = new AbortController();
  readonly causes = new Set<CancellationCause>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancel(cause: CancellationCause): void {
    this.causes.add(cause);
    if (!this.signal.aborted) this.#controller.abort(newCancelledFailure(cause));
  }
}

export class ActivityRunner {
  readonly #parts: ActivityRunnerParts;
  readonly #running = new Set<RunningAttempt>();
  readonly #heartbeats = new Set<ActivityHeartbeat>();

  constructor(parts: ActivityRunnerParts) {
    this.#parts = parts;
  }

  get hasActivities(): boolean {
    return Object.values(this.#parts.activities).some((each) => typeof each === "function");
  }

  /** The grace time of a stopping worker is over. */
  cancelAll(): void {
    for (const each of this.#running) each.cancel("workerShutdown");
  }

  /** Activities that run and have told of progress. */
  get heartbeating(): number {
    return [...this.#heartbeats].filter(({ hasBegun }) => hasBegun).length;
  }

  /** Runs a task to its end and reports it. Never throws for what the activity or the server does. */
  async run(task: Task): Promise<void> {
    const { connection, codec, limits, namespace, identity, converters, logger } = this.#parts;
    const attempt = new RunningAttempt();
    const request = { namespace, identity, taskToken: task.taskToken };
    const { deployment, heartbeat: throttle } = this.#parts;
    const type = task.activityType?.name ?? "";
    const target = { kind: "activity", namespace, id: task.activityId, type } as const;
    const heartbeat = new ActivityHeartbeat({
      ...{ connection, codec, limits, request, target, throttle, timeoutMs: wireDurationMs(task.heartbeatTimeout) },
      converter: converters.payloadConverter,
      cancel: (cause) => attempt.cancel(cause),
    });
    this.#heartbeats.add(heartbeat);
    let end: AttemptEnd;
    try {
      const decoded = await codec.decode(task);
      const info = this.#infoOf(decoded);
      this.#timeSchedule(info, task);
      const input = { payloads: decoded.input?.payloads ?? [], headers: decoded.header?.fields ?? {} };
      end = await this.attempt(info, input, attempt, (details) => heartbeat.record(details));
      // A result that cannot be encoded is the attempt's failure, not a report that never comes.
      if (end.status === "completed") end = { ...end, result: await this.#encoded(end.result, target) };
    } catch (error) {
      end = { status: "failed", error };
    }
    this.#heartbeats.delete(heartbeat);
    await heartbeat.end();
    try {
      await this.#report({ ...request, deploymentOptions: deployment?.wire }, end, attempt, { heartbeat, target });
    } catch (error) {
      const known = {
        activityType: task.activityType?.name,
        activityId: task.activityId,
        workflowId: task.workflowExecution?.workflowId,
      };
      const isGone = error instanceof CallFailed && error.code === 5;
      if (isGone) logger.debug("The activity ended after the server had given it up", known);
      else
        logger.warn("The end of an activity could not be reported; the server will time it out", { ...known, error });
    }
  }

  async #encoded(result: Payload, target: StorageDriverTargetInfo): Promise<Payload> {
    const { codec, limits } = this.#parts;
    const { payloads } = await codec.encode({ payloads: [result] }, target);
    checkField("the activity's result", payloads, "payload", limits);
    return payloads[0]!;
  }

  /** One attempt, remote or local. */
  async attempt(
    info: Info,
    input: { readonly payloads: readonly Payload[]; readonly headers: Headers },
    attempt: RunningAttempt,
    heartbeat: (details: unknown) => void,
  ): Promise<AttemptEnd> {
    const { activities, converters, logger, workerShutdown } = this.#parts;
    const { payloadConverter: converter } = converters;
    const { signal, causes } = attempt;
    const ended = new AbortController();
    const outbound: ActivityOutboundCallsInterceptor[] = [];
    const context = new Context({
      ...{ info, logger, heartbeat, cancellation: signal, causes, workerShutdown, ended: ended.signal },
      metricMeter: this.#meterOf(info, outbound),
      client: this.#parts.client,
      // Asked for at each line: the interceptors are made with this context, after it.
      logAttributes: (own) => composeInterceptors(outbound, "getLogAttributes", (attributes) => attributes)(own),
    });
    const timeout = timeoutOf(context, attempt);
    this.#running.add(attempt);
    const startedAtMs = performance.now();
    let end: AttemptEnd;
    try {
      const activity = activities[info.activityType] ?? activities["default"];
      if (typeof activity !== "function") throw notRegistered(info.activityType, activities);
      const args = arrayFromPayloads(converter, input.payloads);
      const inbound = this.#interceptors(context, outbound);
      const execute = composeInterceptors(inbound, "execute", async (last) => await activity(...last.args));
      const result = await runInContext(context, () => execute({ args, headers: input.headers }));
      end = { status: "completed", result: converter.toPayload(result) };
    } catch (error) {
      end = this.#endOf(error, signal, context);
    } finally {
      clearTimeout(timeout);
      ended.abort(attemptEnded);
      this.#running.delete(attempt);
    }
    this.#measure(info, end, performance.now() - startedAtMs);
    return end;
  }

  #endOf(error: unknown, signal: AbortSignal, context: Context): AttemptEnd {
    if (error instanceof CompleteAsyncError) return { status: "completesElsewhere" };
    const isEndOfSignal = signal.aborted && (error === signal.reason || isAbort(error));
    if (isEndOfSignal) return { status: "cancelled", error: signal.reason };
    this.#logFailure(context, error);
    return { status: "failed", error };
  }

  #interceptors(context: Context, outbound: ActivityOutboundCallsInterceptor[]): ActivityInboundCallsInterceptor[] {
    const made = this.#parts.interceptors.map((factory) => factory(context));
    outbound.push(...made.flatMap((each) => each.outbound ?? []));
    return made.flatMap((each) => each.inbound ?? []);
  }

  #meterOf({ workflowType, activityType }: Info, outbound: readonly ActivityOutboundCallsInterceptor[]): MetricMeter {
    const { runtime, namespace, taskQueue } = this.#parts;
    const own = { namespace, taskQueue, activityType, ...(workflowType ? { workflowType } : {}) };
    return meterOf(runtime.recordMetric, () => composeInterceptors(outbound, "getMetricTags", (tags) => tags)(own));
  }

  #tagsOf({ activityType, workflowType }: Info): MetricTags {
    const { namespace, taskQueue } = this.#parts;
    return { namespace, task_queue: taskQueue, activity_type: activityType, workflow_type: workflowType };
  }

  #timeSchedule(info: Info, { startedTime, currentAttemptScheduledTime: scheduled }: Task): void {
    if (!startedTime || !scheduled) return;
    const waitedMs = timestampMs(startedTime) - timestampMs(scheduled);
    this.#parts.runtime.sdkMetrics.time("activity_schedule_to_start_latency", waitedMs, this.#tagsOf(info));
  }

  #measure(info: Info, end: AttemptEnd, tookMs: number): void {
    const { sdkMetrics } = this.#parts.runtime;
    if (!sdkMetrics.isOn) return;
    const tags = this.#tagsOf(info);
    const kind = info.isLocal ? "local_activity" : "activity";
    if (info.isLocal) sdkMetrics.count("local_activity_total", tags);
    sdkMetrics.time(`${kind}_execution_latency`, tookMs, tags);
    // What is expected is no trouble, and those who watch for trouble need not hear of it.
    const isBenign = end.status === "failed" && isBenignFailure(end.error);
    if (end.status === "failed" && !isBenign) sdkMetrics.count(`${kind}_execution_failed`, tags);
    if (end.status === "cancelled") sdkMetrics.count(`${kind}_execution_cancelled`, tags);
    if (end.status === "completed") {
      sdkMetrics.time(`${kind}_succeed_endtoend_latency`, Date.now() - info.scheduledTimestampMs, tags);
    }
  }

  #logFailure({ log }: Context, error: unknown): void {
    if (isBenignFailure(error)) log.debug("Activity failed", { error });
    else log.warn("Activity failed", { error });
  }

  async #report(
    request: {
      namespace: string;
      identity: string;
      taskToken: Uint8Array;
      deploymentOptions: CompiledDeployment["wire"] | undefined;
    },
    end: AttemptEnd,
    { causes }: RunningAttempt,
    { heartbeat, target }: { readonly heartbeat: ActivityHeartbeat; readonly target: StorageDriverTargetInfo },
  ): Promise<void> {
    const { connection, codec, converters } = this.#parts;
    switch (end.status) {
      case "completed": {
        // Encoded already.
        const result = wirePayloads([end.result]);
        await connection.call("RespondActivityTaskCompleted", { ...request, result }, reportWithin);
        return;
      }
      case "completesElsewhere":
        return;
      case "cancelled":
        // The server keeps the timeout, and says what it was: an attempt that this worker ended by its own clock is not to come before that.
        if (causes.has("notFound") || causes.has("timedOut")) return;
        if (causes.has("cancelRequested")) {
          const [said] = cancelDetails(end.error);
          const details = said === undefined ? undefined : wirePayloads(toPayloads(converters.payloadConverter, said));
          const encoded = await codec.encode({ ...request, details }, target);
          await connection.call("RespondActivityTaskCanceled", encoded, reportWithin);
          return;
        }
        break;
      case "failed":
        if (causes.has("timedOut")) return;
        break;
      default:
        end satisfies never;
    }
    const lastHeartbeatDetails = heartbeat.latest;
    const failure = await this.#encodedFailure(end.error, target);
    const encoded = await codec.encode({ ...request, lastHeartbeatDetails }, target);
    await connection.call("RespondActivityTaskFailed", { ...encoded, failure }, reportWithin);
  }

  /** One that says more than the server takes, or has details that cannot be written, is told as that. */
  async #encodedFailure(error: unknown, target: StorageDriverTargetInfo): Promise<ProtoFailure> {
    const { codec, converters, limits } = this.#parts;
    try {
      const failure = await codec.encode(asApplicationFailure(error, converters), target);
      checkField("the activity's failure", failure, "payload", limits);
      return failure;
    } catch (unwritable) {
      return await codec.encode(asApplicationFailure(unwritable, converters), target);
    }
  }

  #infoOf(task: Task): Info {
    const { namespace, taskQueue, converters } = this.#parts;
    const policy = compiledRetryPolicy(task.retryPolicy);
    return {
      taskToken: task.taskToken,
      base64TaskToken: Buffer.from(task.taskToken).toString("base64"),
      activityId: task.activityId,
      activityType: task.activityType?.name ?? "",
      attempt: task.attempt,
      isLocal: false,
      namespace,
      activityNamespace: namespace,
      inWorkflow: task.workflowExecution !== undefined && task.workflowExecution.workflowId !== "",
      activityRunId: task.activityRunId || undefined,
      workflowNamespace: task.workflowNamespace || namespace,
      workflowExecution: {
        workflowId: task.workflowExecution?.workflowId ?? "",
        runId: task.workflowExecution?.runId ?? "",
      },
      workflowType: task.workflowType?.name ?? "",
      taskQueue,
      heartbeatDetails: fromPayloadsAtIndex(converters.payloadConverter, 0, task.heartbeatDetails?.payloads),
      scheduledTimestampMs: timestampMs(task.scheduledTime),
      currentAttemptScheduledTimestampMs: timestampMs(task.currentAttemptScheduledTime),
      // By this machine's clock: what is measured from it is time that passes here.
      startedTimestampMs: Date.now(),
      startToCloseTimeoutMs: wireDurationMs(task.startToCloseTimeout) ?? 0,
      scheduleToCloseTimeoutMs: wireDurationMs(task.scheduleToCloseTimeout),
      heartbeatTimeoutMs: wireDurationMs(task.heartbeatTimeout),
      retryPolicy: policy && {
        initialInterval: policy.initialIntervalMs,
        backoffCoefficient: policy.backoffCoefficient,
        maximumInterval: policy.maximumIntervalMs,
        maximumAttempts: policy.maximumAttempts || Number.POSITIVE_INFINITY,
        nonRetryableErrorTypes: policy.nonRetryableErrorTypes,
      },
      priority: task.priority,
    };
  }
}

/** Nobody looks at it. Without a reason each attempt would make an error of its own, with a stack. */
const attemptEnded = Symbol("the attempt has ended");
/** Long enough for a server that restarts: a result must not be lost to that. */
const reportWithin = { timeoutMs: 60_000 } as const;
const timerMsMax = 2 ** 31 - 1;

/** An attempt that the server has timed out is told so, also when it never heartbeats. */
function timeoutOf(context: Context, attempt: RunningAttempt): NodeJS.Timeout | undefined {
  const remainingMs = context.getRemainingTime();
  if (remainingMs > timerMsMax) return undefined;
  return setTimeout(() => attempt.cancel("timedOut"), remainingMs);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "CancelledFailure");
}

function isBenignFailure(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.category === "BENIGN";
}

function cancelDetails(error: unknown): unknown[] {
  return (error as { details?: unknown[] }).details ?? [];
}

function notRegistered(activityType: string, activities: UntypedActivities): ApplicationFailure {
  const known = Object.keys(activities).join(", ");
  const message = `Activity function ${activityType} is not registered on this Worker, available activities: [${known}]`;
  return ApplicationFailure.retryable(message, "NotFoundError");
}

/** The server takes no other kind as an activity's end. */
function asApplicationFailure(
  error: unknown,
  { failureConverter, payloadConverter }: LoadedDataConverter,
): ProtoFailure {
  const failure = failureConverter.errorToFailure(error, payloadConverter);
  if (failure.applicationFailureInfo) return failure;
  const wrapped = error instanceof TemporalFailure ? ApplicationFailure.fromError(error, { cause: error }) : error;
  return failureConverter.errorToFailure(wrapped, payloadConverter);
}
