/** Completes activities from outside the worker: those that threw `CompleteAsyncError` and left the answer to someone else. */

import { CallFailed } from "../transport/transport.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";
import { toPayloads } from "../value/payload-converter.ts";
import { wirePayloads } from "../value/wire.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { ServiceClient } from "./service-client.ts";

/** The activity is known no more: completed, timed out, or its workflow has closed. */
export class ActivityNotFoundError extends Error {}
recognizeAcrossRealms(ActivityNotFoundError, "ActivityNotFoundError");

/** The server refused the answer or the heartbeat, or could not be reached; `cause` is the {@link CallFailed}. Its subclasses say more. */
export class ActivityCompletionError extends Error {}
recognizeAcrossRealms(ActivityCompletionError, "ActivityCompletionError");

/** Thrown by `heartbeat`: the workflow asked for the activity's cancellation. */
export class ActivityCancelledError extends Error {}
recognizeAcrossRealms(ActivityCancelledError, "ActivityCancelledError");

/** Thrown by `heartbeat`: the activity is paused. Its attempt should end; another comes when it is unpaused. */
export class ActivityPausedError extends Error {}
recognizeAcrossRealms(ActivityPausedError, "ActivityPausedError");

/** Thrown by `heartbeat`: the activity was reset. Its attempt should end; another, the first, comes. */
export class ActivityResetError extends Error {}
recognizeAcrossRealms(ActivityResetError, "ActivityResetError");

/** Names an activity of a workflow where its task token is not at hand. */
export interface FullActivityId {
  workflowId: string;
  /** Default: the current run. */
  runId?: string;
  activityId: string;
}

const notFound = 5;

/**
 * Answers for activities from any process, by task token or by id. Throws {@link ActivityNotFoundError} for one that is not open,
 * else {@link ActivityCompletionError}.
 */
export class AsyncCompletionClient extends ServiceClient {
  readonly options: ResolvedClientOptions;

  constructor(options?: BaseClientOptions) {
    super();
    this.options = resolveClientOptions(options);
  }

  async complete<T = unknown>(taskTokenOrId: Uint8Array | FullActivityId, result: T): Promise<void> {
    const fields = { ...this.#fields(), result: wirePayloads(toPayloads(this.options.payloadConverter, result)) };
    const { call } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? call("RespondActivityTaskCompleted", { ...fields, taskToken: taskTokenOrId })
        : call("RespondActivityTaskCompletedById", { ...fields, ...taskTokenOrId }),
    );
  }

  async fail(taskTokenOrId: Uint8Array | FullActivityId, error: unknown): Promise<void> {
    const fields = {
      ...this.#fields(),
      failure: this.options.failureConverter.errorToFailure(error, this.options.payloadConverter),
    };
    const { call } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? call("RespondActivityTaskFailed", { ...fields, taskToken: taskTokenOrId })
        : call("RespondActivityTaskFailedById", { ...fields, ...taskTokenOrId }),
    );
  }

  /** Only after the workflow asked for the activity's cancellation. */
  async reportCancellation(taskTokenOrId: Uint8Array | FullActivityId, details?: unknown): Promise<void> {
    const fields = { ...this.#fields(), details: this.#details(details) };
    const { call } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? call("RespondActivityTaskCanceled", { ...fields, taskToken: taskTokenOrId })
        : call("RespondActivityTaskCanceledById", { ...fields, ...taskTokenOrId }),
    );
  }

  /** Throws {@link ActivityCancelledError}, {@link ActivityResetError} or {@link ActivityPausedError} when the activity should stop. */
  async heartbeat(taskTokenOrId: Uint8Array | FullActivityId, details?: unknown): Promise<void> {
    const fields = { ...this.#fields(), details: this.#details(details) };
    const { call } = this.options;
    const { cancelRequested, activityPaused, activityReset } = await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? call("RecordActivityTaskHeartbeat", { ...fields, taskToken: taskTokenOrId })
        : call("RecordActivityTaskHeartbeatById", { ...fields, ...taskTokenOrId }),
    );
    if (cancelRequested) throw new ActivityCancelledError("the activity's cancellation was requested");
    if (activityReset) throw new ActivityResetError("the activity was reset");
    if (activityPaused) throw new ActivityPausedError("the activity is paused");
  }

  #fields() {
    const { namespace, identity } = this.options;
    return { namespace, identity };
  }

  #details(details: unknown) {
    return details === undefined ? undefined : wirePayloads(toPayloads(this.options.payloadConverter, details));
  }
}

async function attempt<R>(call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    if (error.code === notFound) throw new ActivityNotFoundError(error.details, { cause: error });
    throw new ActivityCompletionError(error.details, { cause: error });
  }
}
