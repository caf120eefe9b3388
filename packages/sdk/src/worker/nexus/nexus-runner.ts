/** Does Nexus tasks: a caller's request in, through the service's handler, its answer out. */
import { type nexus, timestampMs, type workflowservice } from "@pawl/protocol";
import {
  type CancelOperationContext,
  HandlerError,
  type HandlerStartOperationResult,
  type Link,
  type OperationContext,
  OperationError,
  type ServiceHandler,
  type StartOperationContext,
} from "nexus-rpc";
import type { Client } from "../../client/client.ts";
import type { MessageCodec } from "../../codec/message-codec.ts";
import type { Connection } from "../../connection/connection.ts";
import { runInHandlerContext } from "../../nexus/context.ts";
import type { Runtime } from "../../telemetry/runtime.ts";
import { CallFailed } from "../../transport/transport.ts";
import type { LoadedDataConverter } from "../../value/data-converter.ts";
import { ApplicationFailure, CancelledFailure, type ProtoFailure } from "../../value/failure.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import { type Logger, withFields } from "../../value/logger.ts";
import { meterOf } from "../../value/metrics.ts";
import { wirePayload } from "../../value/wire.ts";
import type { NexusInboundCallsInterceptor, NexusInterceptorsFactory } from "../interceptors.ts";
import { asHandlerError } from "./nexus-error.ts";

export interface NexusRunnerParts {
  readonly connection: Connection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  readonly services: readonly ServiceHandler[];
  readonly converters: LoadedDataConverter;
  readonly codec: MessageCodec;
  readonly interceptors: readonly NexusInterceptorsFactory[];
  readonly runtime: Runtime;
  readonly client: () => Client;
  readonly logger: Logger;
}

type Task = workflowservice.PollNexusTaskQueueResponse;

/** Of the three forms that a request's time limit comes in: `10s`, `9.5m`, `500ms`. */
const timeLimit = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)$/;
const unitMs = { ms: 1, s: 1_000, m: 60_000 } as const;
const timerMsMax = 2 ** 31 - 1;
const answerWithin = { timeoutMs: 20_000 } as const;

export class NexusRunner {
  readonly #parts: NexusRunnerParts;
  readonly #services: ReadonlyMap<string, ServiceHandler>;
  readonly #running = new Set<AbortController>();

  constructor(parts: NexusRunnerParts) {
    this.#parts = parts;
    this.#services = new Map(parts.services.map((service) => [service.definition.name, service]));
  }

  get hasServices(): boolean {
    return this.#services.size > 0;
  }

  /** The grace time of a stopping worker is over. */
  cancelAll(): void {
    for (const each of this.#running) each.abort(new CancelledFailure("WORKER_SHUTDOWN"));
  }

  /** Never throws for what a handler or the server does. */
  async run(task: Task): Promise<void> {
    const { connection, codec, namespace, identity, logger, runtime } = this.#parts;
    const about = aboutOf(task.request);
    const tags = { namespace, task_queue: this.#parts.taskQueue, nexus_service: about.service };
    const startedAtMs = performance.now();
    const request = { namespace, identity, taskToken: task.taskToken };
    if (task.request?.scheduledTime) {
      const waitedMs = Date.now() - timestampMs(task.request.scheduledTime);
      runtime.sdkMetrics.time("nexus_task_schedule_to_start_latency", waitedMs, tags);
    }
    try {
      const answer = await this.#answer(task, about);
      runtime.sdkMetrics.time("nexus_task_execution_latency", performance.now() - startedAtMs, tags);
      if ("response" in answer) {
        const encoded = await codec.encode({ ...request, response: answer.response });
        await connection.call("RespondNexusTaskCompleted", encoded, answerWithin);
        return;
      }
      runtime.sdkMetrics.count("nexus_task_execution_failed", tags);
      const encoded = await codec.encode({ ...request, failure: answer.failure });
      await connection.call("RespondNexusTaskFailed", encoded, answerWithin);
    } catch (error) {
      const isGone = error instanceof CallFailed && error.code === 5;
      if (isGone) logger.debug("A Nexus operation was answered after its caller had given it up", { ...about });
      else logger.warn("The answer of a Nexus operation could not be sent", { ...about, error });
    }
  }

  async #answer(task: Task, about: About): Promise<{ response: nexus.Response } | { failure: ProtoFailure }> {
    const aborting = new AbortController();
    const { header = {} } = task.request ?? {};
    const limitMs = limitMsOf(header["request-timeout"]);
    const giveUp = () => aborting.abort(new CancelledFailure("TIMED_OUT"));
    const timer = limitMs === undefined || limitMs > timerMsMax ? undefined : setTimeout(giveUp, limitMs);
    const context: OperationContext = {
      ...{ service: about.service, operation: about.operation, abortSignal: aborting.signal },
      headers: lowerCased(header),
      ...(limitMs === undefined ? {} : { requestDeadline: new Date(Date.now() + limitMs) }),
    };
    this.#running.add(aborting);
    try {
      const decoded = await this.#parts.codec.decode(task);
      return { response: await this.#handle(decoded.request, context) };
    } catch (error) {
      return this.#failed(error, about);
    } finally {
      clearTimeout(timer);
      this.#running.delete(aborting);
    }
  }

  #failed(error: unknown, about: About): { response: nexus.Response } | { failure: ProtoFailure } {
    const { converters, logger } = this.#parts;
    const { failureConverter, payloadConverter } = converters;
    logger.warn("Nexus handler failed", { ...about, error });
    if (error instanceof OperationError) {
      // How the operation ended, in a way that is no trouble of its handler.
      const ended = failureConverter.errorToFailure(endOf(error), payloadConverter);
      return { response: { startOperation: { failure: ended } } };
    }
    const refusal = asHandlerError(error);
    const failure = failureConverter.errorToFailure(refusal, payloadConverter);
    if (failure.nexusHandlerFailureInfo) return { failure };
    // A converter of the user's that knows no such errors: the server takes no other kind here.
    return {
      failure: {
        ...{ message: refusal.message, source: failure.source, stackTrace: "", cause: failure },
        nexusHandlerFailureInfo: { type: refusal.type, retryBehavior: refusal.retryable ? 1 : 2 },
      },
    };
  }

  async #handle(request: nexus.Request | undefined, context: OperationContext): Promise<nexus.Response> {
    const { runtime, logger, namespace, taskQueue, client } = this.#parts;
    const made = this.#parts.interceptors.map((factory) => factory(context));
    const inbound = made.flatMap((each) => each.inbound ?? []);
    const outbound = made.flatMap((each) => each.outbound ?? []);
    const { service, operation } = context;
    const own = { namespace, taskQueue, service, operation };
    const attributes = () => composeInterceptors(outbound, "getLogAttributes", (input) => input)(own);
    const tags = () => composeInterceptors(outbound, "getMetricTags", (input) => input)(own);
    const handler = {
      info: { namespace, taskQueue, endpoint: request?.endpoint ?? "" },
      client,
      log: withFields(logger, () => ({ sdkComponent: "nexus", ...attributes() })),
      metricMeter: meterOf(runtime.recordMetric, tags),
    };
    return await runInHandlerContext(handler, async () => {
      if (request?.startOperation) return await this.#start(request.startOperation, context, inbound);
      if (request?.cancelOperation) return await this.#cancel(request.cancelOperation, context, inbound);
      throw new HandlerError("NOT_IMPLEMENTED", "Request method not implemented");
    });
  }

  async #start(
    { requestId, callback, callbackHeader, links, payload }: nexus.StartOperationRequest,
    context: OperationContext,
    inbound: readonly NexusInboundCallsInterceptor[],
  ): Promise<nexus.Response> {
    const handler = this.#handlerOf(context);
    const { payloadConverter } = this.#parts.converters;
    const outboundLinks: Link[] = [];
    const ctx: StartOperationContext = {
      ...context,
      ...{ requestId, outboundLinks, inboundLinks: links.map(readLink) },
      ...(callback === "" ? {} : { callbackUrl: callback, callbackHeaders: callbackHeader }),
    };
    const start = composeInterceptors(inbound, "startOperation", async (last) => {
      return { result: (await handler.start(last.ctx, last.input)) as HandlerStartOperationResult };
    });
    const { result } = await start({ ctx, input: payload && readInput(() => payloadConverter.fromPayload(payload)) });
    const wireLinks = outboundLinks.map(({ url, type }) => ({ url: url.toString(), type }));
    if (result.isAsync) {
      const asyncSuccess = { operationToken: result.token, operationId: "", links: wireLinks };
      return { startOperation: { asyncSuccess } };
    }
    const value = wirePayload(payloadConverter.toPayload(result.value));
    return { startOperation: { syncSuccess: { payload: value, links: wireLinks } } };
  }

  async #cancel(
    { operationToken, operationId }: nexus.CancelOperationRequest,
    context: CancelOperationContext,
    inbound: readonly NexusInboundCallsInterceptor[],
  ): Promise<nexus.Response> {
    const handler = this.#handlerOf(context);
    const cancel = composeInterceptors(inbound, "cancelOperation", async (last) => {
      await handler.cancel(last.ctx, last.token);
    });
    await cancel({ ctx: context, token: operationToken || operationId });
    return { cancelOperation: {} };
  }

  /** Throws `HandlerError` NOT_FOUND. */
  #handlerOf({ service, operation }: OperationContext) {
    const found = this.#services.get(service);
    if (found) return found.getOperationHandler(operation);
    const known = [...this.#services.keys()].join(", ");
    throw new HandlerError("NOT_FOUND", `No handler is registered for service '${service}', only for ${known}`);
  }
}

interface About {
  readonly service: string;
  readonly operation: string;
}

function aboutOf(request: nexus.Request | undefined): About {
  const { service = "", operation = "" } = request?.startOperation ?? request?.cancelOperation ?? {};
  return { service, operation };
}

function endOf(error: OperationError): Error {
  const { message, state, cause } = error;
  const ended =
    state === "canceled"
      ? new CancelledFailure(message, [], cause)
      : ApplicationFailure.create({ message, type: "OperationError", nonRetryable: true, cause });
  if (error.stack !== undefined) ended.stack = error.stack;
  return ended;
}

function limitMsOf(text: string | undefined): number | undefined {
  const [, number, unit] = timeLimit.exec(text ?? "") ?? [];
  return number === undefined ? undefined : Number(number) * unitMs[unit as keyof typeof unitMs];
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function readLink({ url, type }: nexus.Link): Link {
  const parsed = URL.parse(url);
  if (!parsed) throw new HandlerError("BAD_REQUEST", `a link's address is none: ${JSON.stringify(url)}`);
  return { url: parsed, type };
}

/** An input that cannot be read is its caller's mistake, and would be the same the next time. */
function readInput(read: () => unknown): unknown {
  try {
    return read();
  } catch (cause) {
    throw new HandlerError("BAD_REQUEST", "Payload converter failed to decode Nexus operation input", { cause });
  }
}
