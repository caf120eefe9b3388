/** What a handler of Nexus operations may know and do while it runs. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Client } from "../client/client.ts";
import { IllegalStateError } from "../value/errors.ts";
import type { LogFields, Logger, LogLevel } from "../value/logger.ts";
import type { MetricMeter } from "../value/metrics.ts";

/** Where a request for an operation came in. */
export interface OperationInfo {
  readonly namespace: string;
  readonly taskQueue: string;
  /** The endpoint that the caller used. Empty when the server does not tell. */
  readonly endpoint: string;
}

export interface HandlerContext {
  readonly info: OperationInfo;
  readonly client: () => Client;
  readonly log: Logger;
  readonly metricMeter: MetricMeter;
}

const current = new AsyncLocalStorage<HandlerContext>();

export function runInHandlerContext<R>(context: HandlerContext, work: () => Promise<R>): Promise<R> {
  return current.run(context, work);
}

/** Throws `IllegalStateError` outside of a handler. */
export function handlerContext(): HandlerContext {
  const context = current.getStore();
  if (context) return context;
  throw new IllegalStateError("Not in a Nexus handler context");
}

/** Throws `IllegalStateError` outside of a handler. */
export function operationInfo(): OperationInfo {
  return handlerContext().info;
}

/** A client of the worker's connection and namespace. */
export function getClient(): Client {
  return handlerContext().client();
}

/** Carries service and operation with each message. */
export const log: Logger = {
  log: (level: LogLevel, message: string, fields?: LogFields) => handlerContext().log.log(level, message, fields),
  trace: (message, fields) => handlerContext().log.trace(message, fields),
  debug: (message, fields) => handlerContext().log.debug(message, fields),
  info: (message, fields) => handlerContext().log.info(message, fields),
  warn: (message, fields) => handlerContext().log.warn(message, fields),
  error: (message, fields) => handlerContext().log.error(message, fields),
};

/** Tagged with namespace, task queue, service and operation. */
export const metricMeter: MetricMeter = {
  createCounter: (...args) => handlerContext().metricMeter.createCounter(...args),
  createHistogram: (...args) => handlerContext().metricMeter.createHistogram(...args),
  createGauge: (...args) => handlerContext().metricMeter.createGauge(...args),
  createUpDownCounter: (...args) => handlerContext().metricMeter.createUpDownCounter(...args),
  withTags: (tags) => handlerContext().metricMeter.withTags(tags),
};
