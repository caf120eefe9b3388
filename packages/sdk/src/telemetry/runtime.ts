/** What all workers and clients of a process share: the logger, the metrics, and what a signal to the process does. */
import { type Duration, msToNumber } from "../value/duration.ts";
import { IllegalStateError } from "../value/errors.ts";
import { DefaultLogger, type Logger } from "../value/logger.ts";
import { type MetricMeter, type MetricTags, meterOf, type RecordMetric } from "../value/metrics.ts";
import { requireOneOf } from "../value/options.ts";
import type { LogExporterConfig } from "./core-logging.ts";
import { type Buckets, MetricRegistry, type Observation } from "./metric-registry.ts";
import type { MetricsBuffer } from "./metrics-buffer.ts";
import { OtelMetrics, type Temporality } from "./otel-metrics.ts";
import { type OtlpSender, type OtlpTarget, openSender } from "./otlp-sender.ts";
import { PrometheusEndpoint } from "./prometheus.ts";
import { type GaugeName, SdkMetrics } from "./sdk-metrics.ts";

/** Serves the metrics over HTTP for Prometheus to scrape. */
export interface PrometheusMetricsExporter {
  prometheus: {
    /** `host:port`; metrics are at `/metrics`. */
    bindAddress: string;
    /** Default: false. */
    countersTotalSuffix?: boolean;
    /** Default: false. */
    unitSuffix?: boolean;
    /** Default: true, as in the SDKs for Go and Java; the official one for TypeScript says milliseconds. */
    useSecondsForDurations?: boolean;
    /** By a metric's name, with its prefix. */
    histogramBucketOverrides?: Record<string, number[]>;
  };
}

/** Sends the metrics to an OpenTelemetry collector at an interval. */
export interface OtelCollectorExporter {
  otel: {
    /**
     * Of the receiver: `http://localhost:4317`, or with `http: true` `http://localhost:4318/v1/metrics`; `https` for TLS. The variable
     * `OTEL_EXPORTER_OTLP_ENDPOINT`, when set, names the collector instead.
     */
    url: string;
    /** Sends by OTLP over HTTP, in JSON, and not over gRPC. Default: false. */
    http?: boolean;
    headers?: Record<string, string>;
    /** Default: 1 second. */
    metricsExportInterval?: Duration;
    /** Default: true, see {@link PrometheusMetricsExporter}. */
    useSecondsForDurations?: boolean;
    /** Whether each number is of all time, or since it was last sent. Default: `"cumulative"`. */
    temporality?: Temporality;
    /** By a metric's name, with its prefix. */
    histogramBucketOverrides?: Record<string, number[]>;
  };
}

/** Keeps the metrics for the program itself. Default of `useSecondsForDurations`: true, see {@link PrometheusMetricsExporter}. */
export interface BufferedMetricsExporter {
  buffer: MetricsBuffer;
  useSecondsForDurations?: boolean;
}

/** Where the metrics go, and what all of them carry. */
export type MetricsExporterConfig = {
  /** Of the SDK's own metrics. Default: `temporal_`. */
  metricPrefix?: string;
  /** On every number. */
  globalTags?: Record<string, string>;
  /** Adds the tag `service_name`. Default: true. */
  attachServiceName?: boolean;
} & (PrometheusMetricsExporter | OtelCollectorExporter | BufferedMetricsExporter);

/** Metrics of the process. Default: none. */
export interface TelemetryOptions {
  /** Without effect: see {@link LogExporterConfig}. */
  logging?: LogExporterConfig;
  metrics?: MetricsExporterConfig;
}

/** What all workers and clients of the process share. */
export interface RuntimeOptions {
  /** Default: lines of level INFO and above to standard error. */
  logger?: Logger;
  telemetryOptions?: TelemetryOptions;
  /** How often workers tell the server how they fare; 0 for never. Default: 60 seconds. */
  workerHeartbeatInterval?: Duration;
  /** Signals that shut down all running workers. Default: SIGINT, SIGTERM, SIGQUIT and SIGUSR2. */
  shutdownSignals?: NodeJS.Signals[];
}

export interface GaugeValue {
  readonly name: GaugeName;
  readonly value: number;
  readonly tags: MetricTags;
}

export interface Stoppable {
  getState(): string;
  shutdown(signal?: NodeJS.Signals): void;
}

const signalsDefault: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR2"];
const serviceName = "temporal-core-sdk";

let installed: Runtime | undefined;

/** The logger and metrics of a process, and its heartbeat to the server. There is one at a time: see `install` and `instance`. */
export class Runtime {
  readonly options: RuntimeOptions;
  readonly logger: Logger;
  /** For numbers of a program's own. */
  readonly metricMeter: MetricMeter;
  readonly sdkMetrics: SdkMetrics;
  readonly recordMetric: RecordMetric;
  readonly workerHeartbeatMs: number;
  readonly #registry: MetricRegistry;
  readonly #endpoint: PrometheusEndpoint | undefined;
  readonly #otel: OtelMetrics | undefined;
  readonly #running = new Set<Stoppable>();
  readonly #onSignal = (signal: NodeJS.Signals) => this.#stopAll(signal);

  private constructor(options: RuntimeOptions) {
    const exporter = options.telemetryOptions?.metrics;
    this.options = options;
    this.workerHeartbeatMs = msToNumber(
      options.workerHeartbeatInterval ?? 60_000,
      "RuntimeOptions.workerHeartbeatInterval",
    );
    this.logger = options.logger ?? new DefaultLogger("INFO");
    const { globalTags = {}, metricPrefix = "temporal_", attachServiceName = true } = exporter ?? {};
    const tags: MetricTags = { ...(attachServiceName ? { service_name: serviceName } : {}), ...globalTags };
    const prometheus = exporter && "prometheus" in exporter ? exporter.prometheus : undefined;
    const otel = exporter && "otel" in exporter ? exporter.otel : undefined;
    const buffer = exporter && "buffer" in exporter ? exporter.buffer : undefined;
    if (exporter && [prometheus, otel, buffer].filter((each) => each !== undefined).length !== 1) {
      throw new TypeError("telemetryOptions.metrics must have one of prometheus, otel and buffer");
    }
    const { histogramBucketOverrides } = prometheus ?? otel ?? {};
    this.#registry = new MetricRegistry(histogramBucketOverrides as Record<string, Buckets> | undefined);
    this.recordMetric = buffer
      ? (metric, value, own) => buffer.record(metric, value, { ...tags, ...own })
      : prometheus || otel
        ? this.#registry.record
        : () => undefined;
    const { useSecondsForDurations = true } =
      prometheus ?? otel ?? (exporter as BufferedMetricsExporter | undefined) ?? {};
    this.sdkMetrics = new SdkMetrics(exporter && this.recordMetric, { prefix: metricPrefix, useSecondsForDurations });
    this.metricMeter = meterOf(this.recordMetric);
    if (otel) {
      const about = { serviceName: attachServiceName ? serviceName : undefined, globalTags };
      this.#otel = new OtelMetrics({ ...otelOptions(otel), ...about }, this.#registry, this.logger);
    }
    if (prometheus) {
      const { bindAddress, countersTotalSuffix = false, unitSuffix = false } = prometheus;
      const exposition = { countersTotalSuffix, unitSuffix, globalTags: tags };
      this.#endpoint = new PrometheusEndpoint(bindAddress, this.#registry, exposition);
      this.#endpoint.address().catch((error) => this.logger.error("The metrics endpoint cannot listen", { error }));
    }
  }

  /** Once a process, and before its first worker or client. Throws `IllegalStateError` later, `TypeError` for a bad option. */
  static install(options: RuntimeOptions): Runtime {
    if (installed) throw new IllegalStateError("Runtime singleton has already been instantiated");
    installed = new Runtime(options);
    return installed;
  }

  /** The one that was installed, or one with the defaults. */
  static instance(): Runtime {
    installed ??= new Runtime({});
    return installed;
  }

  /** Where the metrics can be read; `undefined` without an endpoint. Throws when the address could not be had. */
  async metricsAddress(): Promise<string | undefined> {
    return await this.#endpoint?.address();
  }

  /** Closes the metrics endpoint, or sends the last metrics to the collector; another runtime may be installed afterwards. Workers are not stopped by it. */
  async shutdown(): Promise<void> {
    if (installed === this) installed = undefined;
    await this.#endpoint?.close();
    await this.#otel?.close();
  }

  /** Values that are asked for when metrics are read. The function that is returned ends it. */
  observe(observer: () => readonly GaugeValue[]): () => void {
    return this.#registry.observe(() =>
      observer().map(({ name, value, tags }): Observation => ({ metric: this.sdkMetrics.metric(name), value, tags })),
    );
  }

  /** Signals to the process reach the worker, or the app of one, as long as it runs. The function that is returned ends it. */
  shutsDown(worker: Stoppable): () => void {
    // Before a program's own listeners, so that those are still there to be seen that listen once.
    if (this.#running.size === 0) for (const signal of this.#signals()) process.prependListener(signal, this.#onSignal);
    this.#running.add(worker);
    return () => {
      this.#running.delete(worker);
      if (this.#running.size === 0) for (const signal of this.#signals()) process.off(signal, this.#onSignal);
    };
  }

  #signals(): readonly NodeJS.Signals[] {
    return this.options.shutdownSignals ?? signalsDefault;
  }

  #stopAll(signal: NodeJS.Signals): void {
    for (const worker of this.#running) {
      if (worker.getState() === "RUNNING") worker.shutdown(signal);
    }
  }
}

function otelOptions({
  url,
  http = false,
  headers = {},
  metricsExportInterval,
  temporality = "cumulative",
}: OtelCollectorExporter["otel"]) {
  const where = "telemetryOptions.metrics.otel";
  const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  const target = endpoint ? `${endpoint.replace(/\/$/, "")}${http ? "/v1/metrics" : ""}` : url;
  const intervalMs = msToNumber(metricsExportInterval ?? 1_000, `${where}.metricsExportInterval`);
  if (intervalMs === 0) throw new TypeError(`${where}.metricsExportInterval must be more than 0`);
  requireOneOf({ cumulative: 1, delta: 1 }, temporality, `${where}.temporality`);
  return { url: target, sender: openOtlp({ url: target, isHttp: http, headers }, where), intervalMs, temporality };
}

function openOtlp(target: OtlpTarget, where: string): OtlpSender {
  try {
    return openSender(target);
  } catch (error) {
    throw new TypeError(`${where}.${(error as Error).message}`);
  }
}
