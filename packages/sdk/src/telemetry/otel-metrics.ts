/** Sends metrics to an OpenTelemetry collector at an interval. */
import type { Logger } from "../value/logger.ts";
import type { MetricTags } from "../value/metrics.ts";
import { sdkVersion } from "../value/version.ts";
import type { Family, MetricRegistry, Series } from "./metric-registry.ts";
import type { OtlpSender } from "./otlp-sender.ts";

export type Temporality = "cumulative" | "delta";

export interface OtelMetricsOptions {
  /** Where the collector is, for the log. */
  readonly url: string;
  /** Closed with the rest. */
  readonly sender: OtlpSender;
  readonly intervalMs: number;
  readonly temporality: Temporality;
  /** Who sends them. */
  readonly serviceName: string | undefined;
  /** On every number. */
  readonly globalTags: MetricTags;
}

export class OtelMetrics {
  readonly #options: OtelMetricsOptions;
  readonly #registry: MetricRegistry;
  readonly #logger: Logger;
  readonly #points: Points;
  readonly #timer: NodeJS.Timeout;
  #sending: Promise<void> | undefined;
  #isFailing = false;
  #isClosed = false;

  /** Does not keep the process alive. */
  constructor(options: OtelMetricsOptions, registry: MetricRegistry, logger: Logger) {
    this.#options = options;
    this.#registry = registry;
    this.#logger = logger;
    this.#points = new Points(options.temporality, options.globalTags);
    this.#timer = setInterval(() => void this.#send(), options.intervalMs).unref();
  }

  /** Sends what there is, then no more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#sending;
    await this.#send();
    this.#options.sender.close();
  }

  /** One at a time: what comes meanwhile goes with the next. */
  async #send(): Promise<void> {
    if (this.#sending !== undefined) return;
    this.#sending = this.#post().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  /** Never throws: who cannot be told of metrics is no reason to stop. A loss is logged once, until it goes well again. */
  async #post(): Promise<void> {
    const { url, sender, serviceName } = this.#options;
    const taken = this.#points.take(this.#registry.families(), Date.now());
    const resource = { attributes: attributesOf(serviceName === undefined ? {} : { "service.name": serviceName }) };
    const scope = { name: "@pawl/sdk", version: sdkVersion };
    try {
      await sender.send({ resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: taken.metrics }] }] });
      taken.sent();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#logger.warn("Metrics could not be sent to the collector", { url, error });
      this.#isFailing = true;
    }
  }
}

type Point = Pick<Series, "value" | "count" | "inBucket">;

/** What is sent of each series: all since the start, or what has come since it was last sent. */
class Points {
  readonly #isDelta: boolean;
  readonly #globalTags: MetricTags;
  readonly #startedAtMs = Date.now();
  #sentAtMs = this.#startedAtMs;
  #sent = new Map<string, Point>();

  constructor(temporality: Temporality, globalTags: MetricTags) {
    this.#isDelta = temporality === "delta";
    this.#globalTags = globalTags;
  }

  /** `sent`: to be called when they have arrived; what has not goes with the next. */
  take(families: readonly Family[], nowMs: number): { metrics: object[]; sent: () => void } {
    const seen = new Map<string, Point>();
    const metrics = families.map((family) => {
      const dataPoints = [...family.series].map(([key, series]) => {
        const id = `${family.metric.name} ${key}`;
        seen.set(id, { value: series.value, count: series.count, inBucket: [...series.inBucket] });
        return this.#point(family, series, this.#isDelta ? this.#sent.get(id) : undefined, nowMs);
      });
      return metricOf(family, dataPoints, this.#isDelta);
    });
    const sent = () => {
      this.#sent = seen;
      this.#sentAtMs = nowMs;
    };
    return { metrics, sent };
  }

  #point({ metric, buckets }: Family, series: Series, before: Point | undefined, nowMs: number): object {
    const isOfThisTime = this.#isDelta && (metric.kind === "counter" || metric.kind === "histogram");
    const common = {
      attributes: attributesOf({ ...this.#globalTags, ...series.tags }),
      startTimeUnixNano: nanos(isOfThisTime ? this.#sentAtMs : this.#startedAtMs),
      timeUnixNano: nanos(nowMs),
    };
    const since = isOfThisTime ? before : undefined;
    const value = series.value - (since?.value ?? 0);
    if (metric.kind !== "histogram") return { ...common, asDouble: value };
    return {
      ...common,
      count: String(series.count - (since?.count ?? 0)),
      sum: value,
      bucketCounts: series.inBucket.map((count, i) => String(count - (since?.inBucket[i] ?? 0))),
      explicitBounds: buckets,
    };
  }
}

/** `AGGREGATION_TEMPORALITY_…` of OTLP. */
const temporalityNumber = { delta: 1, cumulative: 2 } as const;

function metricOf({ metric }: Family, dataPoints: object[], isDelta: boolean): object {
  const about = { name: metric.name, description: metric.description ?? "", unit: metric.unit ?? "" };
  const aggregationTemporality = isDelta ? temporalityNumber.delta : temporalityNumber.cumulative;
  switch (metric.kind) {
    case "counter":
      return { ...about, sum: { dataPoints, aggregationTemporality, isMonotonic: true } };
    case "up-down-counter":
      return {
        ...about,
        sum: { dataPoints, aggregationTemporality: temporalityNumber.cumulative, isMonotonic: false },
      };
    case "gauge":
      return { ...about, gauge: { dataPoints } };
    case "histogram":
      return { ...about, histogram: { dataPoints, aggregationTemporality } };
    default:
      return metric.kind satisfies never;
  }
}

function attributesOf(tags: MetricTags): object[] {
  return Object.entries(tags).map(([key, value]) => {
    if (typeof value === "boolean") return { key, value: { boolValue: value } };
    return { key, value: typeof value === "number" ? { doubleValue: value } : { stringValue: String(value) } };
  });
}

function nanos(milliseconds: number): string {
  return `${Math.round(milliseconds)}000000`;
}
