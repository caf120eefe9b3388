/** What user code counts and measures with: the same in workflows, activities, workers and clients. */
export type MetricTags = Record<string, string | number | boolean>;
/** Whole numbers, or any. */
export type NumericMetricValueType = "int" | "float";
/** What is done with the values: added up (counter), counted by size (histogram), or only the last one kept (gauge). */
export type MetricKind = "counter" | "histogram" | "gauge" | "up-down-counter";

/** What a metric was made with. */
export interface Metric {
  readonly name: string;
  readonly unit?: string | undefined;
  readonly description?: string | undefined;
  readonly kind: MetricKind;
  readonly valueType: NumericMetricValueType;
}

/** Counts what happens. Tags name one series of the metric each. */
export interface MetricCounter extends Metric {
  readonly kind: "counter";
  readonly valueType: "int";
  /** `value` must not be negative. */
  add(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricCounter;
}

/** Counts values by their size. */
export interface MetricHistogram extends Metric {
  readonly kind: "histogram";
  record(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricHistogram;
}

/** Shows a value as it is now. */
export interface MetricGauge extends Metric {
  readonly kind: "gauge";
  set(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricGauge;
}

/** Counts what comes and goes: values may be negative. */
export interface MetricUpDownCounter extends Metric {
  readonly kind: "up-down-counter";
  readonly valueType: "int";
  add(value: number, extraTags?: MetricTags): void;
  withTags(tags: MetricTags): MetricUpDownCounter;
}

/** Makes metrics. The same name gives the same metric; `withTags` gives a meter whose metrics all carry the tags. */
export interface MetricMeter {
  createCounter(name: string, unit?: string, description?: string): MetricCounter;
  createHistogram(
    name: string,
    valueType?: NumericMetricValueType,
    unit?: string,
    description?: string,
  ): MetricHistogram;
  createGauge(name: string, valueType?: NumericMetricValueType, unit?: string, description?: string): MetricGauge;
  createUpDownCounter(name: string, unit?: string, description?: string): MetricUpDownCounter;
  withTags(tags: MetricTags): MetricMeter;
}

/** One number for one metric: what every meter comes down to. */
export type RecordMetric = (metric: Metric, value: number, tags: MetricTags) => void;

/** A meter whose numbers all go to one function. `tags` are asked for at each number. */
export function meterOf(record: RecordMetric, tags: () => MetricTags = () => ({})): MetricMeter {
  return {
    createCounter: (name, unit, description) => {
      const metric = { name, unit, description, kind: "counter", valueType: "int" } as const;
      return counterOf(metric, record, tags);
    },
    createHistogram: (name, valueType = "int", unit, description) =>
      histogramOf({ name, unit, description, kind: "histogram", valueType } as const, record, tags),
    createGauge: (name, valueType = "int", unit, description) =>
      gaugeOf({ name, unit, description, kind: "gauge", valueType } as const, record, tags),
    createUpDownCounter: (name, unit, description) => {
      const metric = { name, unit, description, kind: "up-down-counter", valueType: "int" } as const;
      return upDownCounterOf(metric, record, tags);
    },
    withTags: (more) => meterOf(record, () => ({ ...tags(), ...more })),
  };
}

type Tags = () => MetricTags;

function recorded(record: RecordMetric, metric: Metric, tags: Tags) {
  return (value: number, extraTags?: MetricTags): void => {
    const mayBeNegative = metric.kind === "gauge" || metric.kind === "up-down-counter";
    if (!Number.isFinite(value) || (value < 0 && !mayBeNegative)) {
      throw new TypeError(`metric ${metric.name}: ${value} is not a value of a ${metric.kind}`);
    }
    record(metric, value, extraTags ? { ...tags(), ...extraTags } : tags());
  };
}

function counterOf(metric: Metric & Pick<MetricCounter, "kind" | "valueType">, record: RecordMetric, tags: Tags) {
  const counter: MetricCounter = {
    ...metric,
    add: recorded(record, metric, tags),
    withTags: (more) => counterOf(metric, record, () => ({ ...tags(), ...more })),
  };
  return counter;
}

function histogramOf(metric: Metric & Pick<MetricHistogram, "kind">, record: RecordMetric, tags: Tags) {
  const histogram: MetricHistogram = {
    ...metric,
    record: recorded(record, metric, tags),
    withTags: (more) => histogramOf(metric, record, () => ({ ...tags(), ...more })),
  };
  return histogram;
}

function gaugeOf(metric: Metric & Pick<MetricGauge, "kind">, record: RecordMetric, tags: Tags) {
  const gauge: MetricGauge = {
    ...metric,
    set: recorded(record, metric, tags),
    withTags: (more) => gaugeOf(metric, record, () => ({ ...tags(), ...more })),
  };
  return gauge;
}

function upDownCounterOf(
  metric: Metric & Pick<MetricUpDownCounter, "kind" | "valueType">,
  record: RecordMetric,
  tags: Tags,
) {
  const counter: MetricUpDownCounter = {
    ...metric,
    add: recorded(record, metric, tags),
    withTags: (more) => upDownCounterOf(metric, record, () => ({ ...tags(), ...more })),
  };
  return counter;
}

/** Makes metrics that nobody reads. */
export const noopMetricMeter: MetricMeter = meterOf(() => undefined);
