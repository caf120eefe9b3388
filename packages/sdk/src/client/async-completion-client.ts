/** Completes activities from outside the worker: those that threw `CompleteAsyncError` and left the answer to someone else. */
import { recognizeAcrossRealms } from "../value/errors.ts";
import { errorToFailure } from "../value/failure-converter.ts";
import { toPayloads } from "../value/payload-converter.ts";
import { wirePayloads } from "../value/wire.ts";
import { type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { CallFailed } from "./connection.ts";

/** The activity is known no more: completed, timed out, or its workflow has closed. */
export class ActivityNotFoundError extends Error {}
recognizeAcrossRealms(ActivityNotFoundError, "ActivityNotFoundError");

export class ActivityCompletionError extends Error {}
recognizeAcrossRealms(ActivityCompletionError, "ActivityCompletionError");

/** Thrown by `heartbeat`: the workflow asked for the activity's cancellation. */
export class ActivityCancelledError extends Error {}
recognizeAcrossRealms(ActivityCancelledError, "ActivityCancelledError");

export interface FullActivityId {
  workflowId: string;
  /** Default: the current run. */
  runId?: string;
  activityId: string;
}

const notFound = 5;

export class AsyncCompletionClient {
  readonly options: ResolvedClientOptions;

  constructor(options?: ClientOptions) {
    this.options = resolveClientOptions(options);
  }

  async complete<T = unknown>(taskTokenOrId: Uint8Array | FullActivityId, result: T): Promise<void> {
    const fields = { ...this.#fields(), result: wirePayloads(toPayloads(this.options.payloadConverter, result)) };
    const { connection } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? connection.call("RespondActivityTaskCompleted", { ...fields, taskToken: taskTokenOrId })
        : connection.call("RespondActivityTaskCompletedById", { ...fields, ...taskTokenOrId }),
    );
  }

  async fail(taskTokenOrId: Uint8Array | FullActivityId, error: unknown): Promise<void> {
    const fields = { ...this.#fields(), failure: errorToFailure(error, this.options.payloadConverter) };
    const { connection } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? connection.call("RespondActivityTaskFailed", { ...fields, taskToken: taskTokenOrId })
        : connection.call("RespondActivityTaskFailedById", { ...fields, ...taskTokenOrId }),
    );
  }

  /** Only after the workflow asked for the activity's cancellation. */
  async reportCancellation(taskTokenOrId: Uint8Array | FullActivityId, details?: unknown): Promise<void> {
    const fields = { ...this.#fields(), details: this.#details(details) };
    const { connection } = this.options;
    await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? connection.call("RespondActivityTaskCanceled", { ...fields, taskToken: taskTokenOrId })
        : connection.call("RespondActivityTaskCanceledById", { ...fields, ...taskTokenOrId }),
    );
  }

  /** Throws {@link ActivityCancelledError} when the activity should stop. */
  async heartbeat(taskTokenOrId: Uint8Array | FullActivityId, details?: unknown): Promise<void> {
    const fields = { ...this.#fields(), details: this.#details(details) };
    const { connection } = this.options;
    const { cancelRequested } = await attempt(() =>
      taskTokenOrId instanceof Uint8Array
        ? connection.call("RecordActivityTaskHeartbeat", { ...fields, taskToken: taskTokenOrId })
        : connection.call("RecordActivityTaskHeartbeatById", { ...fields, ...taskTokenOrId }),
    );
    if (cancelRequested) throw new ActivityCancelledError("the activity's cancellation was requested");
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
