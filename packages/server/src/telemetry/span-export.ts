/**
 * Sends spans to a collector: OTLP over HTTP, as JSON. It never holds up the server:
 *
 *   X1. No more than `queueMax` spans wait; what comes beyond is dropped and counted.
 *   X2. One request is under way at a time. One that the collector says to repeat, or that did not reach it, is repeated a few times.
 */
import { gzipSync } from "node:zlib";
import { type Cancel, type Clock, systemClock } from "../clock.ts";
import { traceLimits } from "../limits.ts";
import { systemRandom } from "../random.ts";
import type { Counter } from "./metrics.ts";
import { exportRequest } from "./otlp.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Sampler } from "./trace-context.ts";
import { type Attributes, type Span, type SpanSink, Traces } from "./traces.ts";

/** The collector, and how spans are sent to it. */
export interface SpanTarget {
  /** Where spans are posted, such as `http://collector:4318/v1/traces`. */
  readonly url: string;
  /** Sent along, such as who sends them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whose spans they are: `service.name` at least. */
  readonly resource: Attributes;
  readonly isCompressed: boolean;
  /** How long a request may take. */
  readonly timeoutMs: number;
  /** A request goes out when so many spans wait, or so long after the first of them. */
  readonly batchMax: number;
  readonly delayMs: number;
  readonly queueMax: number;
}

/** Where spans go, and which are made. */
export interface TracingConfig {
  readonly target: SpanTarget;
  readonly sampler: Sampler;
}

/** What makes the spans of a server and sends them. */
export interface Tracing {
  readonly traces: Traces;
  /** Sends what is left; for when the server has closed. */
  close(): Promise<void>;
}

/** For `Telemetry.traces` of a server of this process. */
export function openTracing({ target, sampler }: TracingConfig, telemetry: Telemetry): Tracing {
  const seams = { clock: systemClock, random: systemRandom };
  const sink = new SpanExport(target, { ...telemetry, ...seams });
  return { traces: new Traces({ ...telemetry, ...seams, sink, sampler }), close: () => sink.close() };
}

/** What HTTP says when it makes sense to try again, by the protocol. */
const repeatable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export class SpanExport implements SpanSink {
  readonly #target: SpanTarget;
  readonly #clock: Clock;
  readonly #log: Telemetry["log"];
  readonly #exported: Counter;
  readonly #dropped: Counter;
  #queue: Span[] = [];
  #cancelFlush: Cancel | undefined;
  #sending: Promise<void> | undefined;
  #isClosing = false;
  /** Ends waits between attempts, and requests, when the server stops. */
  readonly #ends = new AbortController();
  #isFaultTold = false;

  constructor(target: SpanTarget, { metrics, log, clock }: Pick<Telemetry, "metrics" | "log"> & { clock: Clock }) {
    this.#target = target;
    this.#clock = clock;
    this.#log = log;
    this.#exported = metrics.counter("spans_exported", "Spans that the collector has taken.");
    this.#dropped = metrics.counter("spans_dropped", "Spans that the collector has not taken.");
  }

  add(span: Span): void {
    if (this.#isClosing || this.#queue.length >= this.#target.queueMax) return this.#dropped.add();
    this.#queue.push(span);
    if (this.#queue.length >= this.#target.batchMax) this.#flush();
    else this.#cancelFlush ??= this.#clock.after(this.#target.delayMs, () => this.#flush());
  }

  /** Sends what is left, if that does not take long. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const cancel = this.#clock.after(traceLimits.closeMsMax, () => this.#ends.abort());
    this.#flush();
    await this.#sending;
    cancel();
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const spans = this.#queue.splice(0, this.#target.batchMax);
      const fault = await this.#send(spans);
      if (fault === undefined) this.#exported.add(spans.length);
      else {
        this.#dropped.add(spans.length);
        this.#tell(fault);
      }
      // What has come meanwhile and fills no batch waits for more.
      if (!this.#isClosing && this.#queue.length < this.#target.batchMax) break;
    }
    if (this.#queue.length > 0) {
      this.#cancelFlush ??= this.#clock.after(this.#target.delayMs, () => this.#flush());
    }
  }

  /** Once, until one goes through: a collector that is away for hours fills no log. */
  #tell(fault: string): void {
    if (!this.#isFaultTold) this.#log.warn("spans are not taken", { url: this.#target.url, fault });
    this.#isFaultTold = true;
  }

  /** Undefined, or why the collector has not taken them. */
  async #send(spans: readonly Span[]): Promise<string | undefined> {
    const text = exportRequest(spans, this.#target.resource);
    const body = this.#target.isCompressed ? gzipSync(text) : text;
    let fault = "the server is stopping";
    for (let attempt = 1; !this.#ends.signal.aborted; attempt++) {
      const answer = await this.#post(body);
      if (answer === "taken") {
        this.#isFaultTold = false;
        return undefined;
      }
      fault = answer.fault;
      if (answer.again === "never" || attempt >= traceLimits.attemptsMax) break;
      await this.#rest(Math.max(answer.again, traceLimits.retryMs * 2 ** (attempt - 1)));
    }
    return fault;
  }

  /** `again`: not before so many milliseconds. */
  async #post(
    body: string | Uint8Array<ArrayBuffer>,
  ): Promise<"taken" | { readonly fault: string; readonly again: number | "never" }> {
    const { url, headers, timeoutMs, isCompressed } = this.#target;
    try {
      const answer = await fetch(url, {
        ...{ method: "POST", body, redirect: "error" },
        headers: {
          ...headers,
          "content-type": "application/json",
          ...(isCompressed && { "content-encoding": "gzip" }),
        },
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#ends.signal]),
      });
      await answer.body?.cancel();
      if (answer.ok) return "taken";
      const seconds = Number(answer.headers.get("retry-after") ?? 0);
      const again = Number.isFinite(seconds) ? Math.min(seconds * 1_000, traceLimits.retryMsMax) : 0;
      return { fault: `HTTP status ${answer.status}`, again: repeatable.has(answer.status) ? again : "never" };
    } catch (error) {
      const { message, cause } = error as Error;
      return { fault: cause instanceof Error ? `${message}: ${cause.message}` : message, again: 0 };
    }
  }

  #rest(ms: number): Promise<void> {
    const { signal } = this.#ends;
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        signal.removeEventListener("abort", settle);
        resolve();
      };
      const cancel = this.#clock.after(ms, settle);
      signal.addEventListener("abort", settle, { once: true });
      if (signal.aborted) settle();
    });
  }
}
