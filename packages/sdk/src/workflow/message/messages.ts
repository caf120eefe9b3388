/** Signals, queries and updates: what a workflow can be told and asked while it runs. */
import { IllegalStateError } from "../../value/errors.ts";
import type { AnyArgs, QueryDefinition, SignalDefinition, UpdateDefinition } from "../../value/options.ts";
import { requireOwnName } from "../../value/reserved.ts";
import { getRun } from "../run/current-run.ts";
import type { EnhancedStackTrace } from "../run/stack-trace.ts";
import { currentUpdate, type UpdateInfo } from "./current-update.ts";
import type {
  DefaultQueryHandler,
  DefaultSignalHandler,
  DefaultUpdateHandler,
  Handler,
  QueryHandlerOptions,
  SignalHandlerOptions,
  UpdateHandlerOptions,
} from "./message-handlers.ts";

/** A signal of this name, for `setHandler` and for senders. Names that begin with `__temporal_` are reserved. */
export function defineSignal<Args extends AnyArgs = [], Name extends string = string>(
  name: Name,
): SignalDefinition<Args, Name> {
  return { type: "signal", name };
}

/** A query of this name. */
export function defineQuery<Ret, Args extends AnyArgs = [], Name extends string = string>(
  name: Name,
): QueryDefinition<Ret, Args, Name> {
  return { type: "query", name };
}

/** An update of this name. */
export function defineUpdate<Ret, Args extends AnyArgs = [], Name extends string = string>(
  name: Name,
): UpdateDefinition<Ret, Args, Name> {
  return { type: "update", name };
}

/** Sets, replaces or (with `undefined`) removes the handler of a signal. Signals that came before are handled now, in their order. */
// A handler may have fewer parameters than its definition, so what they are is not inferred from it.
export function setHandler<Args extends AnyArgs>(
  def: SignalDefinition<Args>,
  handler: ((...args: NoInfer<Args>) => void | Promise<void>) | undefined,
  options?: SignalHandlerOptions,
): void;
/** Sets, replaces or (with `undefined`) removes the handler of a query. */
export function setHandler<Ret, Args extends AnyArgs>(
  def: QueryDefinition<Ret, Args>,
  handler: ((...args: NoInfer<Args>) => NoInfer<Ret>) | undefined,
  options?: QueryHandlerOptions,
): void;
/** Sets, replaces or (with `undefined`) removes the handler of an update. Updates that came before are handled now, in their order. */
export function setHandler<Ret, Args extends AnyArgs>(
  def: UpdateDefinition<Ret, Args>,
  handler: ((...args: NoInfer<Args>) => NoInfer<Ret> | Promise<NoInfer<Ret>>) | undefined,
  options?: UpdateHandlerOptions<NoInfer<Args>>,
): void;
export function setHandler(
  def: { type: "signal" | "query" | "update"; name: string },
  handler: Handler | undefined,
  options?: SignalHandlerOptions & QueryHandlerOptions & UpdateHandlerOptions<never[]>,
): void {
  const { handlers } = getRun("setHandler()");
  requireOwnName(def.type, def.name);
  switch (def.type) {
    case "signal":
      return handlers.setSignal(def.name, handler, options);
    case "query":
      return handlers.setQuery(def.name, handler, options);
    case "update":
      return handlers.setUpdate(def.name, handler, options);
    default:
      throw new TypeError(
        `setHandler() takes a definition of a signal, query or update, not ${def.type satisfies never}`,
      );
  }
}

/** For signals that have no handler of their own. */
export function setDefaultSignalHandler(handler: DefaultSignalHandler | undefined): void {
  getRun("setDefaultSignalHandler()").handlers.setDefaultSignal(handler);
}

/** For queries that have no handler of their own. */
export function setDefaultQueryHandler(handler: DefaultQueryHandler | undefined): void {
  getRun("setDefaultQueryHandler()").handlers.setDefaultQuery(handler);
}

/** For updates that have no handler of their own. */
export function setDefaultUpdateHandler(handler: DefaultUpdateHandler | undefined): void {
  getRun("setDefaultUpdateHandler()").handlers.setDefaultUpdate(handler);
}

/** No signal or update handler is running: `await condition(allHandlersFinished)` before a workflow ends. */
export function allHandlersFinished(): boolean {
  return getRun("allHandlersFinished()").handlers.allFinished;
}

/** Queries that every workflow answers by itself: where its code waits, as text and as data, and its handlers with their descriptions. */
export const stackTraceQuery = defineQuery<string>("__stack_trace");
/** Answered by every workflow: where its code waits, as data. */
export const enhancedStackTraceQuery = defineQuery<EnhancedStackTrace>("__enhanced_stack_trace");
/** Answered by every workflow: its type, its handlers with their descriptions, and its current details. */
export const workflowMetadataQuery = defineQuery<unknown>("__temporal_workflow_metadata");

/** Which update this code handles; `undefined` outside of an update's handler or validator. */
export function currentUpdateInfo(): UpdateInfo | undefined {
  getRun("currentUpdateInfo()");
  return currentUpdate();
}

/** A longer text on the state of this workflow that user interfaces show; Markdown. */
export function setCurrentDetails(details: string): void {
  if (typeof details !== "string") throw new IllegalStateError("setCurrentDetails() takes a string");
  getRun("setCurrentDetails()").currentDetails = details;
}

/** "" until they are set. */
export function getCurrentDetails(): string {
  return getRun("getCurrentDetails()").currentDetails;
}
