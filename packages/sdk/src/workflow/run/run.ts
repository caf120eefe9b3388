/**
 * One run of a workflow inside the sandbox: what its code waits for, the commands that it has given in this activation, its message handlers, its clock and
 * its random numbers.
 */
import type { Clock, Payloads, RunStart, WorkflowCommand } from "../../value/activation.ts";
import { requireFailureConverter, requirePayloadConverter } from "../../value/data-converter.ts";
import { IllegalStateError, isError } from "../../value/errors.ts";
import { CancelledFailure, isCancellation, type ProtoFailure, TemporalFailure } from "../../value/failure.ts";
import { defaultFailureConverter, type FailureConverter } from "../../value/failure-converter.ts";
import type { LogFields, LogLevel } from "../../value/logger.ts";
import type { Payload } from "../../value/payload.ts";
import { defaultPayloadConverter, type PayloadConverter } from "../../value/payload-converter.ts";
import { ContinueAsNew } from "../continue-as-new.ts";
import type { WorkflowDefinitionOptions } from "../definition.ts";
import { LoadedInterceptors } from "../interceptors.ts";
import { MessageHandlers } from "../message/message-handlers.ts";
import { seededRandom, seedOf } from "../random/random.ts";
import { CancellationScope } from "../wait/cancellation-scope.ts";
import { type Waiter, Waiters, type Waits } from "../wait/waiters.ts";
import type { RunHost, UserCode } from "./run-host.ts";
import { infoOf, infoOfTask, type WorkflowInfo } from "./workflow-info.ts";

export interface Patches {
  /** Those that history has markers of. */
  readonly known: Set<string>;
  /** What code was told of each. */
  readonly answered: Map<string, boolean>;
}

export interface Condition {
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WorkflowRun {
  readonly host: RunHost;
  readonly start: RunStart;
  readonly code: UserCode;
  readonly converter: PayloadConverter;
  readonly failures: FailureConverter;
  readonly rootScope = new CancellationScope({ cancellable: true, parent: undefined });
  readonly handlers = new MessageHandlers(this);
  readonly interceptors = new LoadedInterceptors();
  readonly waiters = new Waiters();
  readonly conditions = new Map<number, Condition>();
  definition: WorkflowDefinitionOptions = {};
  nowMs = 0;
  isReplaying = true;
  random: () => number;
  randomSeed: string;
  memo: Record<string, Payload>;
  searchAttributes: Record<string, Payload>;
  currentDetails = "";
  cancelRequested = false;
  isClosed = false;
  #clock: Clock;
  #info: WorkflowInfo | undefined;
  #patches: Patches | undefined;
  #randomStreams: Map<string, () => number> | undefined;
  #isEndTold = false;
  #isReadOnly = false;
  #violation: Error | undefined;
  #commands: WorkflowCommand[] = [];
  #taskFailure: { error: unknown } | undefined;
  readonly #seqs = new Map<string, number>();

  constructor(start: RunStart, clock: Clock, host: RunHost) {
    this.host = host;
    this.start = start;
    this.code = host.load();
    this.converter = converterOf(this.code);
    this.failures = failureConverterOf(this.code);
    this.randomSeed = start.randomSeed;
    this.random = seededRandom(() => seedOf(start.randomSeed));
    this.memo = { ...start.memo };
    this.searchAttributes = { ...start.searchAttributes };
    this.#clock = clock;
    this.tick(clock);
  }

  /** Everything that `work` calls belongs to this run and its root scope. */
  enter<T>(work: () => T): T {
    return this.rootScope.enter(work);
  }

  tick(clock: Clock): void {
    this.nowMs = clock.timestampMs;
    this.isReplaying = clock.isReplaying;
    if (this.#info) this.#info = { ...this.#info, ...infoOfTask(clock, () => this.host.now()) };
    this.#clock = clock;
  }

  /** Made when it is first asked for: most runs never do. */
  get info(): WorkflowInfo {
    this.#info ??= infoOf(this.start, this, this.#clock, () => this.host.now());
    return this.#info;
  }

  set info(info: WorkflowInfo) {
    this.#info = info;
  }

  get patches(): Patches {
    this.#patches ??= { known: new Set(), answered: new Map() };
    return this.#patches;
  }

  /** By their names. */
  get randomStreams(): Map<string, () => number> {
    this.#randomStreams ??= new Map();
    return this.#randomStreams;
  }

  nextSeq(kind: keyof Waits | "condition"): number {
    this.#requireWritable(`wait for a ${kind}`);
    const seq = (this.#seqs.get(kind) ?? 0) + 1;
    this.#seqs.set(kind, seq);
    return seq;
  }

  push(command: WorkflowCommand): void {
    this.#requireWritable(command.type);
    this.#commands.push(this.host.isTraced ? { ...command, stack: wholeStack() } : command);
  }

  /**
   * Queries are answered at times that no history knows: what they change would not be there when the run is replayed. Throws when `read` tries
   * to, also when it swallows the error.
   */
  readOnly<T>(read: () => T): T {
    const end = this.beginReadOnly();
    try {
      const result = read();
      if (this.#violation) throw this.#violation;
      return result;
    } finally {
      end();
    }
  }

  /** For what reads in several steps. The function that is returned ends it, and gives what was done against it, if anything. */
  beginReadOnly(): () => Error | undefined {
    const { random } = this;
    // Numbers drawn here must not be missing from the run's own.
    this.random = seededRandom(() => seedOf("read only"));
    this.#isReadOnly = true;
    return () => {
      const violation = this.#violation;
      this.random = random;
      this.#isReadOnly = false;
      this.#violation = undefined;
      return violation;
    };
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  #requireWritable(deed: string): void {
    if (!this.#isReadOnly) return;
    const remedy = "move it to a signal or an update";
    this.#violation = new IllegalStateError(
      `a query handler or update validator must only read, but this one would ${deed} (${remedy})`,
    );
    throw this.#violation;
  }

  /** Takes back what was asked for in this very activation, as if it had never been. `false` when it was asked for earlier. */
  takeBack(type: WorkflowCommand["type"], seq: number): boolean {
    const at = this.#commands.findIndex((each) => each.type === type && "seq" in each && each.seq === seq);
    if (at === -1) return false;
    this.#commands.splice(at, 1);
    return true;
  }

  /** `seq`: taken beforehand, for who must know it before. */
  startTimer(durationMs: number, waiter: Waiter<void>, summary?: string, seq = this.nextSeq("timer")): number {
    const payload = summary === undefined ? undefined : this.converter.toPayload(summary);
    this.push({ type: "startTimer", seq, durationMs: Math.max(1, Math.ceil(durationMs)), summary: payload });
    this.waiters.of("timer").set(seq, waiter);
    return seq;
  }

  /** A timer that was started and stopped within one activation never was. Nothing happens to one that has fired. */
  stopTimer(seq: number): void {
    if (!this.waiters.of("timer").delete(seq)) return;
    if (!this.takeBack("startTimer", seq)) this.push({ type: "cancelTimer", seq });
  }

  reseed(seed: string): void {
    this.randomSeed = seed;
    this.#randomStreams = undefined;
    this.random = seededRandom(() => seedOf(seed));
  }

  takeCommands(): WorkflowCommand[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  /** The error that fails the workflow task, not the workflow; given once. */
  takeTaskFailure(): { error: unknown } | undefined {
    const failure = this.#taskFailure;
    this.#taskFailure = undefined;
    return failure;
  }

  get hasTaskFailure(): boolean {
    return this.#taskFailure !== undefined;
  }

  failTask(error: unknown): void {
    this.#taskFailure ??= { error };
  }

  /** The workflow function has begun; its end closes the run. */
  runMain(main: () => unknown): void {
    const ended = this.enter(async () => await main());
    ended.then(
      (result) => this.#close(() => ({ type: "completeWorkflow", result: this.converter.toPayload(result) })),
      (error) => this.endWithError(error),
    );
  }

  /** Failures end the workflow; any other error is taken for a bug that a new deployment mends, and fails the task. */
  endWithError(error: unknown): void {
    if (error instanceof ContinueAsNew) return this.#close(() => error.command);
    if (this.cancelRequested && isCancellation(error)) return this.#close(() => ({ type: "cancelWorkflow" }));
    if (!this.#failsWorkflow(error)) return this.failTask(error);
    if (!this.isClosed) this.log("WARN", "Workflow failed", { error });
    this.#close(() => ({ type: "failWorkflow", failure: this.failures.errorToFailure(error, this.converter) }));
  }

  #failsWorkflow(error: unknown): boolean {
    if (error instanceof TemporalFailure) return true;
    if (!isError(error)) return false;
    const { failureExceptionTypes = [] } = this.definition;
    return (
      failureExceptionTypes.some((each) => error instanceof each) ||
      this.host.failureTypes.some((name) => name === "Error" || namesOf(error).includes(name))
    );
  }

  #close(command: () => WorkflowCommand): void {
    if (this.isClosed) return;
    try {
      this.push(command());
      this.isClosed = true;
    } catch (error) {
      this.failTask(error);
    }
  }

  /** Once, at the end of the activation in which the code has ended. */
  warnOfEnd(): void {
    if (!this.isClosed || this.#isEndTold) return;
    this.#isEndTold = true;
    this.handlers.warnOfUnfinished();
  }

  requestCancel(reason: string): void {
    this.cancelRequested = true;
    this.rootScope.cancel(new CancelledFailure(reason || "Workflow cancelled"));
  }

  errorOf(failure: ProtoFailure): Error {
    return this.failures.failureToError(failure, this.converter);
  }

  payloadsOf(values: readonly unknown[]): Payloads {
    return values.map((value) => this.converter.toPayload(value));
  }

  valueOf<T>(payload: Payload | undefined): T {
    return payload ? this.converter.fromPayload<T>(payload) : (undefined as T);
  }

  log(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.isReplaying) this.host.log(level, message, fields);
  }
}

/** The user's line may lie below many of the SDK and of interceptors. */
function wholeStack(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 100;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
}

/** Its own name, and those of its classes. */
function namesOf(error: Error): string[] {
  const names = [error.name];
  for (let at = Object.getPrototypeOf(error); at; at = Object.getPrototypeOf(at))
    names.push(at.constructor?.name ?? "");
  return names;
}

function converterOf(code: UserCode): PayloadConverter {
  const own = code.payloadConverter();
  return own === undefined ? defaultPayloadConverter : requirePayloadConverter(own, "payloadConverterPath");
}

function failureConverterOf(code: UserCode): FailureConverter {
  const own = code.failureConverter();
  return own === undefined ? defaultFailureConverter : requireFailureConverter(own, "failureConverterPath");
}
