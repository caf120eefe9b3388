/** Activities without a workflow: started, awaited, listed and ended by a client; and those of any kind completed from outside their worker. */
import { randomUUID } from "node:crypto";
import { enums, type Init, type workflowservice } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { msOptionalToNumber } from "../value/duration.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";
import { composeInterceptors, type Headers } from "../value/interceptors.ts";
import { fromPayloadsAtIndex, toPayloads } from "../value/payload-converter.ts";
import { compileRetryPolicy } from "../value/retry-policy.ts";
import { encodeOptionalSearchAttributes } from "../value/search-attributes.ts";
import { wireDuration, wireFields, wirePayload, wirePayloads, wireRetryPolicy } from "../value/wire.ts";
import {
  type ActivityExecutionInfo,
  activityDescription,
  activityInfoOf,
  type CountActivityExecutions,
} from "./activity-description.ts";
import type { ActivityHandle, GetActivityHandleOptions } from "./activity-handle.ts";
import type {
  ActivityCancelInput,
  ActivityClientInterceptor,
  ActivityDescribeInput,
  ActivityGetResultInput,
  ActivityPauseInput,
  ActivityRestoreOriginalOptionsInput,
  ActivityStartInput,
  ActivityTerminateInput,
  ActivityUnpauseInput,
  ActivityUpdateOptionsInput,
} from "./activity-interceptor.ts";
import type { ActivityName, ActivityOptions, ActivityOptionsFor, ActivityResult } from "./activity-options.ts";
import {
  type ActivityOptionsUpdateResult,
  activityOptionsOf,
  activityUpdateRequest,
} from "./activity-options-update.ts";
import { ActivityNotFoundError, AsyncCompletionClient } from "./async-completion-client.ts";
import type { BaseClientOptions } from "./client-options.ts";
import { rethrowCallFailure } from "./errors.ts";
import { wireHeader } from "./workflow-calls.ts";

/** A client that knows the activities' types. */
export interface TypedActivityClient<T> {
  start<N extends ActivityName<T>>(
    activity: N,
    options: ActivityOptionsFor<T, N>,
  ): Promise<ActivityHandle<ActivityResult<T, N>>>;
  execute<N extends ActivityName<T>>(activity: N, options: ActivityOptionsFor<T, N>): Promise<ActivityResult<T, N>>;
}

/** Options of an activity client, in addition to those of every client. */
export interface ActivityClientOptions extends BaseClientOptions {
  /** The first is the outermost. */
  interceptors?: ActivityClientInterceptor[];
}

/** The activity did not complete; `cause` says how it ended. */
export class ActivityExecutionFailedError extends Error {
  declare readonly cause: Error | undefined;
  readonly activityId: string;
  readonly runId: string | undefined;
  constructor(message: string, cause: Error | undefined, activityId: string, runId?: string) {
    super(message, { cause });
    this.activityId = activityId;
    this.runId = runId;
  }
}
recognizeAcrossRealms(ActivityExecutionFailedError, "ActivityExecutionFailedError");

/** An activity with this id runs already, or the reuse policy forbids another. */
export class ActivityExecutionAlreadyStartedError extends Error {
  readonly activityId: string;
  constructor(message: string, activityId: string) {
    super(message);
    this.activityId = activityId;
  }
}
recognizeAcrossRealms(ActivityExecutionAlreadyStartedError, "ActivityExecutionAlreadyStartedError");

const longPollMs = 60_000;
const status = { deadlineExceeded: 4, notFound: 5, alreadyExists: 6 } as const;

/** Starts, finds, lists and counts activities that belong to no workflow. Like every async completion client it also answers for activities of workflows. */
export class ActivityClient extends AsyncCompletionClient {
  readonly #interceptors: readonly ActivityClientInterceptor[];

  constructor(options: ActivityClientOptions = {}) {
    super(options);
    this.#interceptors = options.interceptors ?? [];
  }

  /** The same client, for those who name the type of their activities. */
  typed<T>(): TypedActivityClient<T> {
    return this as unknown as TypedActivityClient<T>;
  }

  /** Throws {@link ActivityExecutionAlreadyStartedError}, `ServiceError`; `TypeError` or `ValueError` for a bad option. */
  async start<R = unknown>(activity: string, options: ActivityOptions): Promise<ActivityHandle<R>> {
    const start = composeInterceptors(this.#interceptors, "start", (input) => this.#start(input));
    return (await start({ activityType: activity, options, headers: {} })) as ActivityHandle<R>;
  }

  /** Starts it and waits for its result. */
  async execute<R = unknown>(activity: string, options: ActivityOptions): Promise<R> {
    return await (await this.start<R>(activity, options)).result();
  }

  async #start({ activityType, options, headers }: ActivityStartInput): Promise<ActivityHandle> {
    const { call, namespace } = this.options;
    const request = this.#startRequest(activityType, options, headers);
    const response = await call("StartActivityExecution", request).catch((error) => {
      if (error instanceof CallFailed && error.code === status.alreadyExists) {
        throw new ActivityExecutionAlreadyStartedError("Activity execution already started", options.id);
      }
      return rethrowCallFailure(error, "Failed to start Activity", { namespace });
    });
    return this.getHandle(options.id, response.runId);
  }

  #startRequest(activityType: string, options: ActivityOptions, headers: Headers) {
    const { namespace, identity, payloadConverter } = this.options;
    const { id: activityId, taskQueue, args = [], retry, summary, typedSearchAttributes, priority } = options;
    for (const [name, value] of Object.entries({
      activityType,
      "options.id": activityId,
      "options.taskQueue": taskQueue,
    })) {
      if (typeof value !== "string" || value === "") throw new TypeError(`${name} is missing`);
    }
    if (options.startToCloseTimeout === undefined && options.scheduleToCloseTimeout === undefined) {
      throw new TypeError("Required either scheduleToCloseTimeout or startToCloseTimeout");
    }
    type Timeout = "heartbeatTimeout" | "startToCloseTimeout" | "scheduleToStartTimeout" | "scheduleToCloseTimeout";
    const timeout = (name: Timeout | "startDelay") =>
      wireDuration(msOptionalToNumber(options[name], `options.${name}`));
    const indexed = encodeOptionalSearchAttributes(undefined, typedSearchAttributes);
    return {
      ...{ namespace, identity, requestId: randomUUID(), activityId, priority, activityType: { name: activityType } },
      taskQueue: { name: taskQueue, kind: enums.TaskQueueKind.NORMAL },
      input: wirePayloads(toPayloads(payloadConverter, ...args)),
      header: wireHeader(headers),
      heartbeatTimeout: timeout("heartbeatTimeout"),
      startToCloseTimeout: timeout("startToCloseTimeout"),
      scheduleToStartTimeout: timeout("scheduleToStartTimeout"),
      scheduleToCloseTimeout: timeout("scheduleToCloseTimeout"),
      startDelay: timeout("startDelay"),
      retryPolicy: retry && wireRetryPolicy(compileRetryPolicy(retry)),
      idReusePolicy: enums.ActivityIdReusePolicy[options.idReusePolicy ?? "UNSPECIFIED"],
      idConflictPolicy: enums.ActivityIdConflictPolicy[options.idConflictPolicy ?? "UNSPECIFIED"],
      searchAttributes: indexed && { indexedFields: wireFields(indexed) },
      userMetadata: summary === undefined ? undefined : { summary: wirePayload(payloadConverter.toPayload(summary)) },
    };
  }

  /** A handle for an activity that exists, or may exist: nothing is asked of the server. Without `runId`: whichever run is current. */
  getHandle<R = unknown>(activityId: string, runId?: string): ActivityHandle<R> {
    const target = { activityId, activityRunId: runId ?? "", headers: {} };
    const all = this.#interceptors;
    return {
      activityId,
      runId,
      result: () => composeInterceptors(all, "getResult", (input) => this.#result(input))(target) as Promise<R>,
      describe: (options = {}) =>
        composeInterceptors(all, "describe", (input) => this.#describe(input))({ ...target, options }),
      cancel: (reason = "") =>
        composeInterceptors(all, "cancel", (input) => this.#cancel(input))({ ...target, reason }),
      terminate: (reason = "") =>
        composeInterceptors(all, "terminate", (input) => this.#terminate(input))({ ...target, reason }),
      pause: (options = {}) => composeInterceptors(all, "pause", (input) => this.#pause(input))({ ...target, options }),
      unpause: (options = {}) =>
        composeInterceptors(all, "unpause", (input) => this.#unpause(input))({ ...target, options }),
      updateOptions: (options) =>
        composeInterceptors(all, "updateOptions", (input) => this.#updateOptions(input))({ ...target, options }),
      restoreOriginalOptions: () =>
        composeInterceptors(all, "restoreOriginalOptions", (input) => this.#restoreOriginalOptions(input))(target),
    };
  }

  /** As {@link getHandle}. */
  getHandleWithOptions<R = unknown>(activityId: string, { runId }: GetActivityHandleOptions): ActivityHandle<R> {
    return this.getHandle(activityId, runId);
  }

  async #result({ activityId, activityRunId: runId }: ActivityGetResultInput): Promise<unknown> {
    const { call, namespace, payloadConverter, failureConverter } = this.options;
    for (;;) {
      // An empty answer is a long poll that ran out.
      const { outcome } = await call(
        "PollActivityExecution",
        { namespace, activityId, runId },
        { timeoutMs: longPollMs, waits: true },
      ).catch(this.#rethrow("Failed to get the result of Activity"));
      if (outcome?.failure) {
        const cause = failureConverter.failureToError(outcome.failure, payloadConverter);
        throw new ActivityExecutionFailedError("Activity execution failed", cause, activityId, runId || undefined);
      }
      if (outcome) return fromPayloadsAtIndex(payloadConverter, 0, outcome.result?.payloads);
    }
  }

  async #describe({ activityId, activityRunId: runId, options }: ActivityDescribeInput) {
    const { call, namespace, loadedDataConverter } = this.options;
    const request = { namespace, activityId, runId, ...options };
    const rethrow = this.#rethrow("Failed to describe Activity");
    return activityDescription(await call("DescribeActivityExecution", request).catch(rethrow), loadedDataConverter);
  }

  async #cancel({ activityId, activityRunId: runId, reason }: ActivityCancelInput): Promise<void> {
    const { call, namespace, identity } = this.options;
    const request = { namespace, identity, activityId, runId, reason, requestId: randomUUID() };
    await call("RequestCancelActivityExecution", request).catch(this.#rethrow("Failed to cancel Activity"));
  }

  async #terminate({ activityId, activityRunId: runId, reason }: ActivityTerminateInput): Promise<void> {
    const { call, namespace, identity } = this.options;
    const request = { namespace, identity, activityId, runId, reason, requestId: randomUUID() };
    await call("TerminateActivityExecution", request).catch(this.#rethrow("Failed to terminate Activity"));
  }

  /** What each change of a running activity says. */
  #change({ activityId, activityRunId: runId }: ActivityGetResultInput) {
    const { namespace, identity } = this.options;
    return { namespace, identity, activityId, runId, requestId: randomUUID() };
  }

  async #pause(input: ActivityPauseInput): Promise<void> {
    const request = { ...this.#change(input), reason: input.options.reason };
    await this.options.call("PauseActivityExecution", request).catch(this.#rethrow("Failed to pause Activity"));
  }

  async #unpause(input: ActivityUnpauseInput): Promise<void> {
    const { reason, jitter } = input.options;
    const request = {
      ...{ ...this.#change(input), reason },
      jitter: wireDuration(msOptionalToNumber(jitter, "options.jitter")),
    };
    await this.options.call("UnpauseActivityExecution", request).catch(this.#rethrow("Failed to unpause Activity"));
  }

  async #updateOptions(input: ActivityUpdateOptionsInput): Promise<ActivityOptionsUpdateResult> {
    const request = { ...this.#change(input), ...activityUpdateRequest(input.options) };
    return await this.#changed(request, "Failed to update the options of Activity");
  }

  async #restoreOriginalOptions(input: ActivityRestoreOriginalOptionsInput): Promise<ActivityOptionsUpdateResult> {
    const request = { ...this.#change(input), restoreOriginal: true };
    return await this.#changed(request, "Failed to restore the options of Activity");
  }

  async #changed(request: Init<workflowservice.UpdateActivityExecutionOptionsRequest>, failure: string) {
    const call = this.options.call("UpdateActivityExecutionOptions", request);
    return activityOptionsOf((await call.catch(this.#rethrow(failure))).activityOptions);
  }

  /** Pages are fetched while iterating. */
  list(query = ""): AsyncIterable<ActivityExecutionInfo> {
    return composeInterceptors(this.#interceptors, "list", (input) => this.#list(input.query))({ query, headers: {} });
  }

  async *#list(query: string): AsyncGenerator<ActivityExecutionInfo> {
    const { call, namespace } = this.options;
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace, query, pageSize: 1_000, nextPageToken };
      const response = await call("ListActivityExecutions", request).catch(this.#rethrow("Failed to list Activities"));
      for (const raw of response.executions) yield activityInfoOf(raw);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
  }

  async count(query = ""): Promise<CountActivityExecutions> {
    const { call, namespace, payloadConverter } = this.options;
    const count = composeInterceptors(this.#interceptors, "count", async (input) => {
      const request = { namespace, query: input.query };
      const response = await call("CountActivityExecutions", request).catch(
        this.#rethrow("Failed to count Activities"),
      );
      const groups = response.groups.map((group) => ({
        count: group.count,
        groupValues: group.groupValues.map((payload) => payloadConverter.fromPayload(payload)),
      }));
      return { count: response.count, groups };
    });
    return await count({ query, headers: {} });
  }

  #rethrow(message: string) {
    return (error: unknown): never => {
      const { namespace } = this.options;
      const isNotThere = error instanceof CallFailed && error.code === status.notFound;
      if (isNotThere && !error.detail("temporal.api.errordetails.v1.NamespaceNotFoundFailure")) {
        throw new ActivityNotFoundError(error.details, { cause: error });
      }
      return rethrowCallFailure(error, message, { namespace });
    };
  }
}
