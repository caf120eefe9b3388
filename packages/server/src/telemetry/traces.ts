/**
 * Spans of what a server does: its calls, the commits behind them, and the time that tasks wait for a worker. A server without a `Traces` makes none
 * and asks nothing.
 *
 * Written here rather than taken from OpenTelemetry's packages: those bring context managers, processors and exporters for what is three kinds of
 * span, and make an object with a life for each; here a span is made once, when it has ended and is kept.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { contextOf, isKept, type Sampler, type SpanContext, type TraceContext } from "./trace-context.ts";

/** What a span says, by OpenTelemetry's names. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** What OpenTelemetry calls kinds: whether somebody else waits for it. */
export type SpanKind = "internal" | "server";

export interface Span {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  /** Absent: the trace begins with it. */
  readonly parentSpanId?: string | undefined;
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** What went wrong; absent when nothing did. */
  readonly error?: string | undefined;
  /** Spans of other traces that it has to do with. */
  readonly links?: readonly SpanContext[] | undefined;
}

/** Takes spans as they end; must neither throw nor wait. */
export interface SpanSink {
  add(span: Span): void;
}

/** A span that has begun. */
export interface OpenSpan {
  readonly context: SpanContext;
  readonly parentSpanId: string | undefined;
  readonly startMs: number;
}

export interface TracesParts {
  readonly sink: SpanSink;
  readonly sampler: Sampler;
  readonly clock: Clock;
  readonly random: Random;
  readonly stopwatchMs: () => number;
}

/** How far the time of day may be off what the stopwatch says before it is looked up again. */
const driftMsMax = 1_000;

/** Makes the spans of a server, for `Telemetry.traces`. See `openTracing`. */
export class Traces {
  readonly #parts: TracesParts;
  readonly #storage = new AsyncLocalStorage<TraceContext | undefined>();
  /** The commits that made tasks, for as long as their tasks are in memory. */
  readonly #makers = new WeakMap<object, TraceContext>();
  #epochMs: number;

  constructor(parts: TracesParts) {
    this.#parts = parts;
    this.#epochMs = parts.clock.nowMs() - parts.stopwatchMs();
  }

  /** The time of day with fractions, so that short spans lie within the longer ones around them. */
  nowMs(): number {
    const { clock, stopwatchMs } = this.#parts;
    const nowMs = this.#epochMs + stopwatchMs();
    if (Math.abs(clock.nowMs() - nowMs) < driftMsMax) return nowMs;
    this.#epochMs = clock.nowMs() - stopwatchMs();
    return clock.nowMs();
  }

  /** What the code that runs now belongs to; undefined = no trace. */
  get current(): TraceContext | undefined {
    return this.#storage.getStore();
  }

  /** What `run` calls, and what follows from it, belongs to this trace; undefined = to none. */
  within<T>(context: TraceContext | undefined, run: () => T): T {
    return this.#storage.run(context, run);
  }

  /** A call's place in its caller's trace; without one, in that of the code that makes the call; without that, a trace of its own. */
  ofCall(traceparent: string, tracestate: string): OpenSpan | "unsampled" {
    const caller = traceparent === "" ? undefined : contextOf(traceparent, tracestate);
    const { sampler } = this.#parts;
    if (caller === undefined) return this.begin(this.current);
    if (sampler.heedsCallers) return this.begin(caller);
    return caller !== "unsampled" && isKept(caller.traceId, sampler) ? this.begin(caller) : "unsampled";
  }

  /** A span within `parent`, or the first of a trace, if that is kept. */
  begin(parent: TraceContext | undefined): OpenSpan | "unsampled" {
    if (parent === "unsampled") return "unsampled";
    const { random, sampler } = this.#parts;
    const startMs = this.nowMs();
    if (parent) return { context: { ...parent, spanId: this.#spanId() }, parentSpanId: parent.spanId, startMs };
    const traceId = random.uuid().replaceAll("-", "");
    if (!isKept(traceId, sampler)) return "unsampled";
    return { context: { traceId, spanId: this.#spanId(), state: "" }, parentSpanId: undefined, startMs };
  }

  /** It ends now, unless it is said otherwise. */
  end(span: OpenSpan, rest: Omit<Span, keyof OpenSpan | "endMs"> & { readonly endMs?: number }): void {
    this.#parts.sink.add({ ...span, endMs: this.nowMs(), ...rest });
  }

  /** Remembers what made a task. */
  setMaker(task: object, context: TraceContext): void {
    this.#makers.set(task, context);
  }

  makerOf(task: object): TraceContext | undefined {
    return this.#makers.get(task);
  }

  #spanId(): string {
    return this.#parts.random.uuid().slice(0, 8) + this.#parts.random.uuid().slice(0, 8);
  }
}
