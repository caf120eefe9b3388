/**
 * The handlers of a run, and the messages that came before their handler was set. Signals wait for theirs; an update waits until the end of the
 * activation and is then refused.
 */
import type { Job, RunStart, WorkflowCommand } from "../../value/activation.ts";
import { isError } from "../../value/errors.ts";
import { type ProtoFailure, TemporalFailure } from "../../value/failure.ts";
import type { FailureConverter } from "../../value/failure-converter.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import type { LogLevel } from "../../value/logger.ts";
import { arrayFromPayloads, type PayloadConverter } from "../../value/payload-converter.ts";
import type { LoadedInterceptors, QueryInput, UpdateInput } from "../interceptors.ts";
import { withinUpdate } from "./current-update.ts";

// biome-ignore lint/suspicious/noExplicitAny: handlers of any user.
export type Handler = (...args: any[]) => any;
export type DefaultSignalHandler = (signalName: string, ...args: unknown[]) => void | Promise<void>;
export type DefaultQueryHandler = (queryName: string, ...args: unknown[]) => unknown;
export type DefaultUpdateHandler = (updateName: string, ...args: unknown[]) => unknown;

type UnfinishedPolicy = "WARN_AND_ABANDON" | "ABANDON";

/** Options of a handler; tools show the description. */
export interface SignalHandlerOptions {
  description?: string;
  /** What a workflow does that ends while this handler runs: its worker logs a warning, or says nothing. Default: `"WARN_AND_ABANDON"`. */
  unfinishedPolicy?: UnfinishedPolicy;
}
/** Options of a handler; tools show the description. */
export interface QueryHandlerOptions {
  description?: string;
}
/** Options of a handler; tools show the description. */
export interface UpdateHandlerOptions<Args extends unknown[] = unknown[]> {
  description?: string;
  /** Throws to refuse the update, which then leaves no trace in history. Must only read. */
  validator?: (...args: Args) => void;
  /** As for signals. */
  unfinishedPolicy?: UnfinishedPolicy;
}

type UpdateJob = Extract<Job, { type: "update" }>;
type SignalJob = Extract<Job, { type: "signal" }>;
interface Named {
  readonly handler: Handler;
  readonly description: string | undefined;
  readonly unfinishedPolicy?: UnfinishedPolicy | undefined;
}

/** A handler at work. */
interface Running {
  readonly kind: "signal" | "update";
  readonly name: string;
  /** Of the update. */
  readonly id?: string;
}

/** What handlers need of their run. */
interface HandlingRun {
  readonly start: RunStart;
  readonly interceptors: LoadedInterceptors;
  readonly converter: PayloadConverter;
  readonly failures: FailureConverter;
  readonly currentDetails: string;
  enter<T>(work: () => T): T;
  readOnly<T>(read: () => T): T;
  push(command: WorkflowCommand): void;
  log(level: LogLevel, message: string): void;
  endWithError(error: unknown): void;
}

export class MessageHandlers {
  readonly #run: HandlingRun;
  readonly signals = new Map<string, Named>();
  readonly queries = new Map<string, Named>();
  readonly updates = new Map<string, Named & { readonly validator: Handler | undefined }>();
  #defaultSignal: DefaultSignalHandler | undefined;
  #defaultQuery: DefaultQueryHandler | undefined;
  #defaultUpdate: DefaultUpdateHandler | undefined;
  #waitingSignals: SignalJob[] = [];
  #waitingUpdates: UpdateJob[] = [];
  readonly #running = new Set<Running>();

  constructor(run: HandlingRun) {
    this.#run = run;
  }

  get allFinished(): boolean {
    return this.#running.size === 0;
  }

  setSignal(name: string, handler: Handler | undefined, options: SignalHandlerOptions = {}): void {
    const { description, unfinishedPolicy } = options;
    if (handler) this.signals.set(name, { handler, description, unfinishedPolicy });
    else this.signals.delete(name);
    this.#deliverSignals();
  }

  setQuery(name: string, handler: Handler | undefined, options: QueryHandlerOptions = {}): void {
    if (handler) this.queries.set(name, { handler, description: options.description });
    else this.queries.delete(name);
  }

  setUpdate(name: string, handler: Handler | undefined, options: UpdateHandlerOptions<never[]> = {}): void {
    const { validator, description, unfinishedPolicy } = options;
    if (handler) this.updates.set(name, { handler, description, validator, unfinishedPolicy });
    else this.updates.delete(name);
    this.#deliverUpdates();
  }

  setDefaultSignal(handler: DefaultSignalHandler | undefined): void {
    this.#defaultSignal = handler;
    this.#deliverSignals();
  }

  setDefaultQuery(handler: DefaultQueryHandler | undefined): void {
    this.#defaultQuery = handler;
  }

  setDefaultUpdate(handler: DefaultUpdateHandler | undefined): void {
    this.#defaultUpdate = handler;
    this.#deliverUpdates();
  }

  signal(job: SignalJob): void {
    const { signals } = this;
    const { name: signalName, headers } = job;
    if (!signals.has(signalName) && !this.#defaultSignal) {
      this.#waitingSignals.push(job);
      return;
    }
    const handle = composeInterceptors(this.#run.interceptors.inbound, "handleSignal", async (input) => {
      // Looked up now: an interceptor may have changed the name, or waited.
      const handler = signals.get(input.signalName)?.handler;
      await (handler ? handler(...input.args) : this.#defaultSignal?.(input.signalName, ...input.args));
    });
    this.#track(
      { kind: "signal", name: signalName },
      () => handle({ signalName, headers, args: arrayFromPayloads(this.#run.converter, job.input) }),
      () => undefined,
      (error) => this.#run.endWithError(error),
    );
  }

  update(job: UpdateJob): void {
    if (this.updates.has(job.name) || this.#defaultUpdate) this.#answer(job);
    else this.#waitingUpdates.push(job);
  }

  /** At the end of an activation: what still has no handler will have none. */
  refuseWaitingUpdates(): void {
    const refused = this.#waitingUpdates;
    this.#waitingUpdates = [];
    for (const { id, name } of refused) {
      const known = [...this.updates.keys()].join(" ");
      const error = new ReferenceError(
        `Workflow did not register a handler for ${name}. Registered updates: [${known}]`,
      );
      this.#run.push({ type: "rejectUpdate", id, failure: this.#failureOf(error) });
    }
  }

  /** The run has ended: whoever sent what is still being handled gets no answer. */
  warnOfUnfinished(): void {
    for (const kind of ["signal", "update"] as const) {
      const handlers = kind === "signal" ? this.signals : this.updates;
      const unfinished = [...this.#running].filter(
        (each) => each.kind === kind && handlers.get(each.name)?.unfinishedPolicy !== "ABANDON",
      );
      if (unfinished.length === 0) continue;
      const what = unfinished.map(({ name, id }) => (id === undefined ? name : `${name} (${id})`)).join(", ");
      this.#run.log(
        "WARN",
        `[TMPRL1102] the workflow ended while it still handled: ${kind} ${what}. ${unfinishedRemedy}`,
      );
    }
  }

  /** What every workflow answers by itself; `undefined` for other queries. */
  builtInQuery(name: string): unknown {
    return name === "__temporal_workflow_metadata" ? this.#describe() : undefined;
  }

  /** The answer. Throws what the handler throws, or that there is none. */
  query({ queryName: name, args }: QueryInput): unknown {
    const handler = this.queries.get(name)?.handler;
    if (!handler && !this.#defaultQuery) {
      const known = [...this.queries.keys()].join(" ");
      throw new ReferenceError(`Workflow did not register a handler for ${name}. Registered queries: [${known}]`);
    }
    const answer = handler ? handler(...args) : this.#defaultQuery?.(name, ...args);
    if (isThenable(answer))
      throw new TypeError(`the handler of query ${name} returned a promise; a query answers at once`);
    return answer;
  }

  #answer(job: UpdateJob): void {
    const run = this.#run;
    const { id, name, headers } = job;
    const { inbound } = run.interceptors;
    let input: UpdateInput;
    try {
      input = { updateId: id, name, headers, args: arrayFromPayloads(run.converter, job.input) };
      const validate = composeInterceptors(inbound, "validateUpdate", ({ name, args }) =>
        this.updates.get(name)?.validator?.(...args),
      );
      // An update that history accepted was valid then; the validator may know better now.
      if (job.validate) run.readOnly(() => withinUpdate({ id, name }, () => validate(input)));
    } catch (error) {
      run.push({ type: "rejectUpdate", id, failure: this.#failureOf(error) });
      return;
    }
    run.push({ type: "acceptUpdate", id });
    const handle = composeInterceptors(inbound, "handleUpdate", async ({ name, args }) => {
      const handler = this.updates.get(name)?.handler;
      return await (handler ? handler(...args) : this.#defaultUpdate?.(name, ...args));
    });
    this.#track(
      { kind: "update", name, id },
      () => withinUpdate({ id, name }, () => handle(input)),
      (result) =>
        run.push({
          type: "completeUpdate",
          id,
          outcome: { status: "completed", result: run.converter.toPayload(result) },
        }),
      (error) => {
        if (!(error instanceof TemporalFailure)) return run.endWithError(error);
        run.push({ type: "completeUpdate", id, outcome: { status: "failed", failure: this.#failureOf(error) } });
      },
    );
  }

  #track(
    running: Running,
    handle: () => unknown,
    onResult: (result: unknown) => void,
    onError: (error: unknown) => void,
  ): void {
    this.#running.add(running);
    const handled = this.#run.enter(async () => await handle());
    void handled
      .then(onResult)
      .catch(onError)
      .then(() => {
        this.#running.delete(running);
      });
  }

  #deliverSignals(): void {
    const deliverable = this.#waitingSignals.filter(({ name }) => this.#defaultSignal || this.signals.has(name));
    if (deliverable.length === 0) return;
    this.#waitingSignals = this.#waitingSignals.filter((each) => !deliverable.includes(each));
    for (const job of deliverable) this.signal(job);
  }

  #deliverUpdates(): void {
    const deliverable = this.#waitingUpdates.filter(({ name }) => this.#defaultUpdate || this.updates.has(name));
    if (deliverable.length === 0) return;
    this.#waitingUpdates = this.#waitingUpdates.filter((each) => !deliverable.includes(each));
    for (const job of deliverable) this.update(job);
  }

  #failureOf(error: unknown): ProtoFailure {
    const { failures, converter } = this.#run;
    return failures.errorToFailure(isError(error) ? error : new Error(String(error)), converter);
  }

  #describe() {
    const list = (named: ReadonlyMap<string, Named>) =>
      [...named].map(([name, { description }]) => ({ name, description: description ?? "" }));
    return {
      definition: {
        type: this.#run.start.workflowType,
        queryDefinitions: list(this.queries),
        signalDefinitions: list(this.signals),
        updateDefinitions: list(this.updates),
      },
      currentDetails: this.#run.currentDetails,
    };
  }
}

const unfinishedRemedy =
  "Wait for all of them before the end with `await condition(allHandlersFinished)`, or, when they may be cut short, set the handler with " +
  "`{ unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON }`";

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
